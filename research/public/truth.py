"""What each format's own runtime says of every model file below a folder, one line of JSON a file.

    pip install onnx onnxruntime ai-edge-litert ncnn numpy
    python research/public/truth.py FOLDER truth.jsonl

The folder holds checkouts (research/public/sources.txt says of what). A line is

    {"file": relative path, "sha256": …, "loads": bool, "error": first line of what was said, "source": …,
     "bind": {free extent: value}, "tensors": {name: [element type, [extents]]}, "open": [names]}

with `"pointer": true` instead of all that for what is a Git LFS pointer, and `"same": file` for a file that was seen
before. `loads` is the runtime's word: ONNX Runtime makes a session, LiteRT's interpreter allocates, ncnn reads the layers.
`source` says where shapes come from: `run` (every result of a run, on the inputs of a test data set beside the file or on
random ones), `session` (what ONNX Runtime inferred, where it did not run), `onnx` (ONNX's own inference, where ONNX Runtime
does not load, most often for want of a kernel or of weights), `stated` (what a TFLite file states, where the interpreter
does not allocate). A tensor that is no dense tensor, or whose extents nobody knows, has null for a shape; `open` are those
whose extents the runtime itself learns by running.

Each file has a process of its own, with 20 seconds and 12 GB. What is in the output already is not asked again.
"""

import argparse, collections, hashlib, json, os, re, resource, signal, sys, time, traceback
from pathlib import Path

ENDS = (".onnx", ".tflite", ".param")
SECONDS, GIGABYTES, WORKERS = 20, 12, 2
LARGEST = 200e6  # bytes of a file that are run
TRIED = (2, 8, 32, 64, 224, 1)


class Answer(dict):
    """A line in the making: what is known when time runs out is what was there last."""

    def save(self, path):
        path.write_text(json.dumps(self))


def first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:400]


# ONNX ----------------------------------------------------------------------------------------------------------------


def free(model):
    """The free extents of inputs that are no initialisers: [(input, axis, symbol or None, declared)]."""
    init = {t.name for t in model.graph.initializer}
    found = []
    for value in model.graph.input:
        if value.name in init or value.type.WhichOneof("value") != "tensor_type":
            continue
        if value.type.tensor_type.HasField("shape"):
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                if not dim.HasField("dim_value") or dim.dim_value <= 0:
                    found.append((value, axis, dim.dim_param or None, dim.dim_value if dim.HasField("dim_value") else None))
    return found


def batchlike(axis, symbol):
    return axis == 0 if symbol is None else bool(re.search(r"batch|^(n|b|bs)$", symbol, re.I))


def test_inputs(path, model):
    """The inputs of `test_data_set_N` beside the file, by name, or None."""
    import onnx
    from onnx import numpy_helper

    init = {t.name for t in model.graph.initializer}
    for folder in sorted(path.parent.glob("test_data_set_*")):
        files = sorted(folder.glob("input_*.pb"), key=lambda p: int(re.search(r"(\d+)\.pb$", p.name)[1]))
        values = list(model.graph.input)
        if len(values) != len(files):
            values = [v for v in values if v.name not in init]
        if not files or len(values) != len(files):
            continue
        found = {}
        for value, file in zip(values, files):
            kind = value.type.WhichOneof("value")
            if kind == "sequence_type":
                found[value.name] = numpy_helper.to_list(onnx.SequenceProto.FromString(file.read_bytes()))
            elif kind == "optional_type":
                found[value.name] = numpy_helper.to_optional(onnx.OptionalProto.FromString(file.read_bytes()))
            else:
                found[value.name] = onnx.TensorProto.FromString(file.read_bytes())
        return found
    return None


def feed(value, numpy, rt, onnx):
    """A value for ONNX Runtime: an array, a list, or an OrtValue where NumPy has no such type."""
    if not isinstance(value, onnx.TensorProto):
        return value
    array = onnx.numpy_helper.to_array(value)
    if array.dtype.isbuiltin != 1:
        raw = array.view(numpy.uint16 if array.dtype.itemsize == 2 else numpy.uint8)
        return rt.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, value.data_type)
    return array


def made(elem, shape, kind, numpy, rt, onnx):
    """Random input of a type: floats anything, whole numbers 0 or 1 (`kind` 1: all 1)."""
    random = numpy.random.default_rng(0)
    if elem == onnx.TensorProto.STRING:
        return numpy.full(shape, "a", dtype=object)
    dtype = onnx.helper.tensor_dtype_to_np_dtype(elem)
    if numpy.dtype(dtype).isbuiltin == 1:
        if dtype.kind in "fc":
            return random.standard_normal(shape).astype(dtype)
        return (random.integers(0, 2, shape) if kind == 0 else numpy.ones(shape)).astype(dtype)
    return rt.OrtValue.ortvalue_from_shape_and_type(list(shape), elem, "cpu")


def plain(text):
    """`tensor(float)` → float32."""
    inner = re.fullmatch(r"tensor\((.*)\)", text or "")
    if not inner:
        return text or None
    return {"float": "float32", "double": "float64"}.get(inner[1], inner[1])


def ask_onnx(path, answer, save):
    import numpy, onnx, onnxruntime as rt

    rt.set_default_logger_severity(4)
    options = rt.SessionOptions()
    options.graph_optimization_level = rt.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4

    def session(model):
        return rt.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    try:
        session(str(path))
        answer["loads"] = True
    except Exception as error:
        answer["error"] = first_line(error)
    save()
    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:
        answer.setdefault("error", first_line(error))
        return
    if any(t.data_location == onnx.TensorProto.EXTERNAL for t in model.graph.initializer):
        try:
            onnx.load(str(path))
        except Exception:
            answer["weights"] = "absent"
    original = model.SerializeToString()
    given = None
    try:
        given = test_inputs(path, model)
    except Exception as error:
        answer["note"] = "test data: " + first_line(error)
    extents = {name: list(v.dims) for name, v in (given or {}).items() if isinstance(v, onnx.TensorProto)}

    attempts = [None] if given else []
    if not free(model):
        attempts.append(0)
    else:
        attempts += TRIED
    inferred = None
    for attempt in attempts:
        model = onnx.ModelProto.FromString(original)
        bind, symbols = {}, {}
        for value, axis, symbol, declared in free(model):
            dim = value.type.tensor_type.shape.dim[axis]
            if attempt is None:
                if value.name not in extents or axis >= len(extents[value.name]):
                    continue
                n = extents[value.name][axis]
            elif declared == 0 and attempt == TRIED[0]:
                n = 0
            else:
                n = 1 if batchlike(axis, symbol) else attempt
            bind[symbol or f"{value.name}.{axis}"] = n
            dim.Clear()
            dim.dim_value = n
            if symbol:
                symbols[symbol] = n
        for value in list(model.graph.output) + list(model.graph.value_info):
            if value.type.WhichOneof("value") == "tensor_type":
                for dim in value.type.tensor_type.shape.dim:
                    if dim.dim_param in symbols and dim.HasField("dim_param"):
                        dim.dim_value = symbols[dim.dim_param]
        if not answer["loads"]:
            shapes = onnx_shapes(model)
            if shapes is not None:
                answer.update(source="onnx", bind=bind, tensors=shapes)
                save()
                return
            continue
        have = {o.name for o in model.graph.output}
        with_all = onnx.ModelProto.FromString(model.SerializeToString())
        names = [o for node in model.graph.node for o in node.output if o and o not in have]
        with_all.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        run = None
        for candidate in (with_all, model):
            try:
                run = session(candidate.SerializeToString())
                break
            except Exception as error:
                answer["note"] = first_line(error)
        if run is None:
            continue
        known = {}
        for end in list(run.get_inputs()) + list(run.get_outputs()):
            shape = end.shape if end.type.startswith("tensor(") and all(isinstance(n, int) and n >= 0 for n in end.shape) else None
            known[end.name] = [plain(end.type), shape]
        init = {t.name for t in model.graph.initializer}
        answer["open"] = [name for name, (kind, shape) in known.items() if shape is None]
        for t in model.graph.initializer:
            known[t.name] = [plain_elem(t.data_type, onnx), list(t.dims)]
        if inferred is None:
            inferred = (bind, known)
            answer.update(source="session", bind=bind, tensors=known)
            save()
        if os.path.getsize(path) > LARGEST:
            return
        for kind in (0, 1):
            try:
                inputs = {}
                for end in model.graph.input:
                    if attempt is None and end.name in given:
                        inputs[end.name] = feed(given[end.name], numpy, rt, onnx)
                    elif end.name not in init and end.type.WhichOneof("value") == "tensor_type":
                        t = end.type.tensor_type
                        shape = [d.dim_value for d in t.shape.dim] if t.HasField("shape") else [2, 3]
                        inputs[end.name] = made(t.elem_type, shape, kind, numpy, rt, onnx)
                inputs = {n: v for n, v in inputs.items() if n in {i.name for i in run.get_inputs()} | init}
                try:
                    results = ort_values(run, inputs, rt)
                except Exception:
                    results = arrays(run, inputs)
            except Exception as error:
                answer["note"] = first_line(error)
                continue
            for name, value in inputs.items():
                if hasattr(value, "shape") and name in known:
                    known[name][1] = list(value.shape() if callable(value.shape) else value.shape)
            known.update(results)
            answer.update(source="run", bind=bind, tensors=known)
            answer.pop("note", None)
            if attempt is None:
                answer["inputs"] = "test data"
            save()
            return


def plain_elem(elem, onnx):
    return plain(f"tensor({onnx.TensorProto.DataType.Name(elem).lower()})")


def ort_values(run, inputs, rt):
    values = {n: v if isinstance(v, rt.OrtValue) else rt.OrtValue.ortvalue_from_numpy(v) for n, v in inputs.items()}
    names = [o.name for o in run.get_outputs()]
    found = {}
    for name, value in zip(names, run.run_with_ort_values(names, values)):
        if value.has_value() and value.is_tensor():
            found[name] = [plain(value.data_type()), list(value.shape())]
        else:
            found[name] = [value.data_type() if value.has_value() else None, None]
    return found


def arrays(run, inputs):
    found = {}
    for end, value in zip(run.get_outputs(), run.run(None, inputs)):
        dense = end.type.startswith("tensor(") and hasattr(value, "shape")
        found[end.name] = [plain(end.type), list(value.shape) if dense else None]
    return found


def onnx_shapes(model):
    import onnx

    try:
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except Exception:
        return None
    known = {}
    for value in list(model.graph.input) + list(model.graph.output) + list(model.graph.value_info):
        if value.type.WhichOneof("value") != "tensor_type":
            known[value.name] = [value.type.WhichOneof("value"), None]
            continue
        t = value.type.tensor_type
        shape = None
        if t.HasField("shape"):
            shape = [d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None for d in t.shape.dim]
        known[value.name] = [plain_elem(t.elem_type, onnx), shape if shape is not None and None not in shape else None]
    for t in model.graph.initializer:
        known[t.name] = [plain_elem(t.data_type, onnx), list(t.dims)]
    return known


# TFLite --------------------------------------------------------------------------------------------------------------


def ask_tflite(path, answer, save):
    import numpy
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    def interpreter(keep):
        return Interpreter(
            str(path), num_threads=1, experimental_preserve_all_tensors=keep,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )

    def tensors(run):
        found, seen = {}, collections.Counter()
        for t in run.get_tensor_details():
            seen[t["name"]] += 1
            shape = [int(n) for n in t["shape"]]
            dtype = getattr(t["dtype"], "__name__", str(t["dtype"]))
            found[t["name"]] = [dtype, None if any(n < 0 for n in shape) else shape]
        return {name: known for name, known in found.items() if name and seen[name] == 1}

    try:
        run = interpreter(False)
    except Exception as error:
        answer["error"] = first_line(error)
        return
    answer.update(source="stated", tensors=tensors(run))
    save()
    try:
        run.allocate_tensors()
        answer["loads"] = True
        answer.update(source="session", tensors=tensors(run))
        save()
    except Exception as error:
        answer["error"] = first_line(error)
    open_ends = [t for t in run.get_input_details() if any(n < 0 for n in t["shape_signature"])]
    for attempt in TRIED if open_ends else (0,):
        try:
            run = interpreter(True)
            bind = {}
            for t in open_ends:
                shape = [int(n) if n >= 0 else 1 if axis == 0 else attempt for axis, n in enumerate(t["shape_signature"])]
                run.resize_tensor_input(t["index"], shape)
                bind.update({f"{t['name']}.{axis}": shape[axis] for axis, n in enumerate(t["shape_signature"]) if n < 0})
            run.allocate_tensors()
            answer["loads"] = True
            answer.pop("error", None)
            answer.update(source="session", bind=bind, tensors=tensors(run))
            save()
            random = numpy.random.default_rng(0)
            for t in run.get_input_details():
                if t["dtype"] in (numpy.str_, numpy.bytes_, numpy.object_):
                    value = numpy.full(t["shape"], b"a")
                elif numpy.dtype(t["dtype"]).kind in "fc":
                    value = random.standard_normal(t["shape"]).astype(t["dtype"])
                else:
                    value = random.integers(0, 2, t["shape"]).astype(t["dtype"])
                run.set_tensor(t["index"], value)
            before = tensors(run)
            run.invoke()
            after = tensors(run)
            moved = [name for name, (_, shape) in after.items() if before.get(name, [None, None])[1] != shape]
            answer.update(source="run", tensors=after, open=moved)
            answer.pop("note", None)
            save()
            return
        except Exception as error:
            answer["note"] = first_line(error)


# ncnn ----------------------------------------------------------------------------------------------------------------


def ask_ncnn(path, answer, save):
    import ncnn, numpy

    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_vulkan_compute = False
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = False
    if net.load_param(str(path)) != 0:
        answer["error"] = "load_param: refused"
        return
    answer["loads"] = True
    save()
    if net.load_model(ncnn.DataReaderFromEmpty()) != 0:
        answer["note"] = "load_model: refused"
        return
    blobs = [b.name for b in net.blobs()]

    def extracted(shapes):
        """Shapes of all blobs that could be extracted, and whether all could."""
        known, full = {name: [None, list(shape)] for name, shape in shapes.items()}, True
        with net.create_extractor() as ex:
            for name, shape in shapes.items():
                array = numpy.zeros(shape, numpy.float32)  # has to outlive the Mat around it
                ex.input(name, ncnn.Mat(array).clone())
            for name in blobs:
                code, mat = ex.extract(name)
                if code != 0 or mat.dims == 0:
                    full = False
                    continue
                known[name] = [None, [int(n) for n in {1: [mat.w], 2: [mat.h, mat.w], 3: [mat.c, mat.h, mat.w],
                                                       4: [mat.c, mat.d, mat.h, mat.w]}[mat.dims]]]
        return known, full

    stated = input_params(path)
    for shapes in given_inputs(path, stated):
        known, full = extracted(shapes)
        past = {name: known.get("out_" + name, [None, None])[1] for name in stated if name.startswith("cache_")}
        if past and all(past.values()):
            # A prefill makes the cache; a second one goes on from it.
            tokens = shapes["in0"][0]
            shapes = shapes | {"in1": [tokens, 2 * tokens]} | past
            known, full = extracted(shapes)
        bind = {f"{name}.{axis}": n for name, shape in shapes.items() if None in stated[name]
                for axis, n in zip("chw"[3 - len(shape):] if len(shape) < 4 else "cdhw", shape)}
        if full or len(known) > len(answer["tensors"]):
            answer.update(source="run", bind=bind, tensors=known)
            save()
        if full:
            return


# Inputs of files that leave them open: ncnn runs on any, and computes nonsense. From benchmark/benchncnn.cpp,
# benchmark/benchncnn_llm.cpp (width of the hidden state, half a head's) and the examples of ncnn and of the owners.
IMAGES = {
    "FastestDet": (352, 352), "vision_transformer": (384, 384), "test": (227, 227), "custom_layer": (1, 1),
    "RFB-320": (240, 320), "slim_320": (240, 320), "angle_op": (32, 192), "crnn_lite_op": (32, 320), "dbnet_op": (320, 320),
    "pose": (256, 192), "yolact": (550, 550), "yolov8n_cls.ncnn": (224, 224), "yolo11n_cls.ncnn": (224, 224),
    "yolov8n_obb.ncnn": (1024, 1024), "yolo11n_obb.ncnn": (1024, 1024), "mobilenetv3_ssdlite_voc": (300, 300),
    "nanodet_m": (320, 320), "mnet.25-opt": (320, 320), "PP_OCRv5_mobile_rec.ncnn": (48, 320),
}
DECODERS = {"minicpm4": (1024, 32), "qwen2.5": (896, 32), "qwen3": (1024, 64), "hunyuan": (1024, 64),
            "tinyllama": (2048, 32), "llama3.2": (2048, 32), "youtu_llm": (2048, 64)}
TOKENS = 8


def given_inputs(path, stated):
    """Shapes of inputs to try, the most likely first."""
    shapes = {name: [n for n in reversed(whc) if n] for name, whc in stated.items()}
    if all(shapes.values()):
        yield shapes
        return
    llm = next((v for name, v in DECODERS.items() if path.name.startswith(name)), None)
    if llm:
        hidden, half = llm
        of = {"in0": [TOKENS, hidden], "in1": [TOKENS, TOKENS], "in2": [TOKENS, half], "in3": [TOKENS, half]}
        yield {name: of[name] for name in stated if name in of}
        return
    sizes = [IMAGES[path.stem]] if path.stem in IMAGES else [(640, 640), (320, 320), (224, 224)]
    for h, w in sizes:
        yield {name: shape or [3, h, w] for name, shape in shapes.items()}


def input_params(path):
    """Width, height and channels of each result of an Input of a .param, None where open; absent axes too."""
    found = {}
    for line in path.read_text(errors="replace").splitlines():
        words = line.split()
        if len(words) > 4 and words[0] == "Input":
            outs = words[4 + int(words[2]) :][: int(words[3])]
            params = dict(w.split("=", 1) for w in words if "=" in w)
            extents = [int(n) if (n := params.get(k, "")).isdigit() and int(n) else None for k in "012"]
            for out in outs:
                found[out] = extents
    return found


# The pool ------------------------------------------------------------------------------------------------------------


def child(path, out):
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    err = os.open(str(out) + ".err", os.O_CREAT | os.O_TRUNC | os.O_RDWR)
    os.dup2(err, 2)
    os.dup2(err, 1)
    answer = Answer(loads=False, bind={}, tensors={})
    save = lambda: answer.save(out)
    ask = {".onnx": ask_onnx, ".tflite": ask_tflite, ".param": ask_ncnn}[path.suffix]
    try:
        ask(path, answer, save)
    except BaseException as error:
        answer.setdefault("note", first_line(error))
        traceback.print_exc()
    if not answer["loads"] and not answer.get("error", "").strip(): 
        answer["error"] = answer.get("note", "no reason given")
    save()
    os._exit(0)


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("folder", type=Path)
    args.add_argument("out", type=Path)
    args = args.parse_args()
    paths = sorted(p for p in args.folder.rglob("*") if p.suffix in ENDS and p.is_file())
    done, hashes = set(), {}
    if args.out.exists():
        for line in map(json.loads, args.out.read_text().splitlines()):
            done.add(line["file"])
            if "sha256" in line and "same" not in line:
                hashes[line["sha256"]] = line["file"]
    import numpy, onnx, onnxruntime, ncnn  # before the forks
    from ai_edge_litert import interpreter

    temporary = Path(os.environ.get("TMPDIR", "/tmp")) / f"truth.{os.getpid()}"
    temporary.mkdir()
    out = args.out.open("a", buffering=1)
    running = {}
    queue = collections.deque(p for p in paths if str(p.relative_to(args.folder)) not in done)
    while queue or running:
        while queue and len(running) < WORKERS:
            path = queue.popleft()
            data = path.read_bytes()
            line = {"file": str(path.relative_to(args.folder)), "sha256": hashlib.sha256(data).hexdigest()}
            if data.startswith(b"version https://git-lfs"):
                out.write(json.dumps(line | {"pointer": True}) + "\n")
                continue
            if line["sha256"] in hashes:
                out.write(json.dumps(line | {"same": hashes[line["sha256"]]}) + "\n")
                continue
            hashes[line["sha256"]] = line["file"]
            answer = temporary / f"{len(hashes)}.json"
            pid = os.fork()
            if pid == 0:
                child(path, answer)
            running[pid] = (line, answer, time.time())
        time.sleep(0.005)
        for pid, (line, answer, start) in list(running.items()):
            over = time.time() - start > SECONDS
            if over:
                os.kill(pid, signal.SIGKILL)
            ended, status = os.waitpid(pid, 0 if over else os.WNOHANG)
            if ended == 0:
                continue
            del running[pid]
            said = {"loads": False, "bind": {}, "tensors": {}}
            try:
                said = json.loads(answer.read_text())
            except (OSError, ValueError):
                pass
            why = "time is up" if over else f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else None
            if why:
                said["note"] = why
                if not said["loads"]:
                    said.setdefault("error", why)
            printed = Path(str(answer) + ".err")
            if not said["loads"] and line["file"].endswith(".param") and printed.exists():
                said["error"] = first_line(printed.read_text(errors="replace"))
            out.write(json.dumps(line | said) + "\n")
            answer.unlink(missing_ok=True)
            printed.unlink(missing_ok=True)
    temporary.rmdir()


if __name__ == "__main__":
    sys.exit(main())
