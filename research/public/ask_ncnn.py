"""What ncnn says of a `.param` file, with zeros for its weights; see truth.py."""

import ncnn, numpy

# Inputs of files that leave them open: ncnn runs on any, and computes nonsense. From ncnn's benchncnn.cpp and its examples,
# and those of the owners; (height, width) of an image of three channels.
IMAGES = {
    "FastestDet": (352, 352), "vision_transformer": (384, 384), "test": (227, 227), "custom_layer": (1, 1),
    "RFB-320": (240, 320), "slim_320": (240, 320), "angle_op": (32, 192), "crnn_lite_op": (32, 320),
    "dbnet_op": (320, 320), "pose": (256, 192), "yolact": (550, 550), "yolov8n_cls.ncnn": (224, 224),
    "yolo11n_cls.ncnn": (224, 224), "yolov8n_obb.ncnn": (1024, 1024), "yolo11n_obb.ncnn": (1024, 1024),
    "mobilenetv3_ssdlite_voc": (300, 300), "nanodet_m": (320, 320), "mnet.25-opt": (320, 320),
    "PP_OCRv5_mobile_rec.ncnn": (48, 320),
}
# From benchncnn_llm.cpp: width of the hidden state, half the width of a head in the rotary embedding.
DECODERS = {
    "minicpm4": (1024, 32), "qwen2.5": (896, 32), "qwen3": (1024, 64), "hunyuan": (1024, 64), "tinyllama": (2048, 32),
    "llama3.2": (2048, 32), "youtu_llm": (2048, 64),
}
TOKENS = 8
# Layers whose results are as many as the image has objects.
FINDERS = {"DetectionOutput", "Proposal", "YoloDetectionOutput", "Yolov3DetectionOutput"}
OTHERS = ((640, 640), (320, 320), (224, 224))


def stated(path):
    """The shape that a .param states of each result of an Input, empty where open."""
    found = {}
    for line in path.read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) > 4 and words[0] == "Input":
            params = dict(w.split("=", 1) for w in words if "=" in w)
            extents = [int(n) for key in "210" if (n := params.get(key, "")).isdigit() and int(n)]
            for blob in words[4 + int(words[2]) :][: int(words[3])]:
                found[blob] = extents
    return found


def found(path):
    """Blobs that are as large as what is found in the image, which ncnn knows by running alone."""
    lines = (line.split() for line in path.read_text(errors="replace").splitlines())
    finders = (words for words in lines if words and words[0] in FINDERS)
    return [blob for words in finders for blob in words[4 + int(words[2]) :][: int(words[3])]]


def inputs(path, shapes):
    """Shapes of inputs to try, the most likely first."""
    llm = next((sizes for name, sizes in DECODERS.items() if path.name.startswith(name)), None)
    if all(shapes.values()):
        yield shapes
    elif llm:
        hidden, half = llm
        of = {"in0": [TOKENS, hidden], "in1": [TOKENS, TOKENS], "in2": [TOKENS, half], "in3": [TOKENS, half]}
        yield {name: of[name] for name in shapes if name in of}
    else:
        for h, w in [IMAGES[path.stem]] if path.stem in IMAGES else OTHERS:
            yield {name: shape or [3, h, w] for name, shape in shapes.items()}


def extents(mat):
    of = {1: (mat.w,), 2: (mat.h, mat.w), 3: (mat.c, mat.h, mat.w), 4: (mat.c, mat.d, mat.h, mat.w)}
    return [int(n) for n in of[mat.dims]]


def extracted(net, shapes):
    """Shapes of all blobs that can be extracted, and whether all can."""
    known, full = {name: [None, list(shape)] for name, shape in shapes.items()}, True
    with net.create_extractor() as extractor:
        for name, shape in shapes.items():
            array = numpy.zeros(shape, numpy.float32)  # has to outlive the Mat around it
            extractor.input(name, ncnn.Mat(array).clone())
        for blob in net.blobs():
            code, mat = extractor.extract(blob.name)
            if code != 0 or mat.dims == 0:
                full = False
            else:
                known[blob.name] = [None, extents(mat)]
    return known, full


def ask(path, answer, save):
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    if net.load_param(str(path)) != 0:
        return
    answer["loads"] = True
    save()
    if net.load_model(ncnn.DataReaderFromEmpty()) != 0:
        answer["note"] = "load_model: refused"
        return
    declared = stated(path)
    for shapes in inputs(path, declared):
        known, full = extracted(net, shapes)
        past = {name: known.get("out_" + name, [None, None])[1] for name in declared if name.startswith("cache_")}
        if past and all(past.values()):
            # A prefill makes the cache; another goes on from it.
            shapes = shapes | {"in1": [TOKENS, 2 * TOKENS]} | past
            known, full = extracted(net, shapes)
        if full or len(known) > len(answer["tensors"]):
            bind = {f"{name}.{axis}": n for name, shape in shapes.items() if not declared[name]
                    for axis, n in enumerate(shape)}
            answer.update(source="run", bind=bind, tensors=known, open=found(path))
            save()
        if full:
            return
