"""What ONNX Runtime says of a `.onnx` file; see truth.py."""

import os, re

import numpy, onnx, onnxruntime as rt
from onnx import TensorProto, numpy_helper

LARGEST = 200e6  # bytes of a file that is run
TRIED = (2, 8, 32, 64, 224, 1)


def first_line(error):
    return (str(error).strip() or type(error).__name__).splitlines()[0][:400]


def plain(text):
    """`tensor(float)` → float32."""
    inner = re.fullmatch(r"tensor\((.*)\)", text or "")
    return {"float": "float32", "double": "float64"}.get(inner[1], inner[1]) if inner else text or None


def element(code):
    return plain(f"tensor({TensorProto.DataType.Name(code).lower()})")


def fixed(dims):
    """Extents of a declared shape, None if one is missing."""
    extents = [d.dim_value if d.HasField("dim_value") and d.dim_value >= 0 else None for d in dims]
    return None if None in extents else extents


def tensor(value):
    """The declared type of a value if it is a dense tensor."""
    return value.type.tensor_type if value.type.WhichOneof("value") == "tensor_type" else None


def test_inputs(path, model):
    """The inputs of `test_data_set_N` beside the file, by name."""
    init = {t.name for t in model.graph.initializer}
    for folder in sorted(path.parent.glob("test_data_set_*")):
        files = sorted(folder.glob("input_*.pb"), key=lambda p: int(re.search(r"(\d+)\.pb$", p.name)[1]))
        values = list(model.graph.input)
        if len(values) != len(files):
            values = [v for v in values if v.name not in init]
        if files and len(values) == len(files):
            return {value.name: read(value, file.read_bytes()) for value, file in zip(values, files)}
    return None


def read(value, data):
    kind = value.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind == "optional_type":
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return TensorProto.FromString(data)


def feed(value):
    """A value for ONNX Runtime: an array, a list, or an OrtValue where NumPy has no such type."""
    if not isinstance(value, TensorProto):
        return value
    array = numpy_helper.to_array(value)
    if array.dtype.isbuiltin == 1:
        return array
    raw = array.view(numpy.uint16 if array.dtype.itemsize == 2 else numpy.uint8)
    return rt.OrtValue.ortvalue_from_numpy_with_onnx_type(raw, value.data_type)


def made(code, shape, ones):
    """Input of a type: random floats, whole numbers 0 or 1."""
    random = numpy.random.default_rng(0)
    if code == TensorProto.STRING:
        return numpy.full(shape, "a", dtype=object)
    dtype = numpy.dtype(onnx.helper.tensor_dtype_to_np_dtype(code))
    if dtype.isbuiltin != 1:
        return rt.OrtValue.ortvalue_from_shape_and_type(list(shape), code, "cpu")
    if dtype.kind in "fc":
        return random.standard_normal(shape).astype(dtype)
    return (numpy.ones(shape) if ones else random.integers(0, 2, shape)).astype(dtype)


def session(model):
    rt.set_default_logger_severity(4)
    options = rt.SessionOptions()
    options.graph_optimization_level = rt.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return rt.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def free(model):
    """The free extents of inputs that are no initialisers: (input, axis, symbol or None, whether 0 is declared)."""
    init = {t.name for t in model.graph.initializer}
    for value in model.graph.input:
        if value.name not in init and tensor(value) is not None:
            for axis, dim in enumerate(tensor(value).shape.dim):
                if not dim.HasField("dim_value") or dim.dim_value <= 0:
                    zero = dim.HasField("dim_value") and dim.dim_value == 0
                    yield value, axis, dim.dim_param or None, zero


def bound(original, n, given):
    """The model with free extents bound: to those of test data where `n` is None, else 1 for a batch and `n`."""
    model = onnx.ModelProto.FromString(original)
    bind, symbols = {}, {}
    for value, axis, symbol, zero in list(free(model)):
        if n is None:
            dims = given.get(value.name)
            if not isinstance(dims, TensorProto) or axis >= len(dims.dims):
                continue
            extent = dims.dims[axis]
        elif zero and n == TRIED[0]:
            extent = 0
        else:
            batch = axis == 0 if symbol is None else re.search(r"batch|^(n|b|bs)$", symbol, re.I)
            extent = 1 if batch else n
        bind[symbol or f"{value.name}.{axis}"] = extent
        dim = tensor(value).shape.dim[axis]
        dim.Clear()
        dim.dim_value = extent
        if symbol:
            symbols[symbol] = extent
    for value in list(model.graph.output) + list(model.graph.value_info):
        for dim in tensor(value).shape.dim if tensor(value) is not None else ():
            if dim.dim_param in symbols:
                dim.dim_value = symbols[dim.dim_param]
    return model, bind


def inferred(model):
    """What ONNX itself infers; None where it refuses the model."""
    try:
        model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except Exception:
        return None
    known = {}
    for value in list(model.graph.input) + list(model.graph.output) + list(model.graph.value_info):
        t = tensor(value)
        if t is None:
            known[value.name] = [value.type.WhichOneof("value"), None]
        else:
            known[value.name] = [element(t.elem_type), fixed(t.shape.dim) if t.HasField("shape") else None]
    return known


def with_results(model):
    """A session with every result as a result of the graph; where that cannot be made, the model's own."""
    every = onnx.ModelProto.FromString(model.SerializeToString())
    have = {o.name for o in every.graph.output}
    names = (o for node in every.graph.node for o in node.output if o and o not in have)
    every.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    try:
        return session(every.SerializeToString())
    except Exception:
        return session(model.SerializeToString())


def results(run, inputs):
    """Types and shapes of a run."""
    names = [o.name for o in run.get_outputs()]
    try:
        values = {n: v if isinstance(v, rt.OrtValue) else rt.OrtValue.ortvalue_from_numpy(v) for n, v in inputs.items()}
        found = {}
        for name, value in zip(names, run.run_with_ort_values(names, values)):
            dense = value.has_value() and value.is_tensor()
            kind = plain(value.data_type()) if value.has_value() else None
            found[name] = [kind, list(value.shape()) if dense else None]
        return found
    except Exception:
        # Strings and sequences go another way.
        found = {}
        for end, value in zip(run.get_outputs(), run.run(names, inputs)):
            dense = end.type.startswith("tensor(") and hasattr(value, "shape")
            found[end.name] = [plain(end.type), list(value.shape) if dense else None]
        return found


def known_before(run, model):
    """What the session knows before it runs, and the names of which it knows no shape."""
    known = {}
    for end in list(run.get_inputs()) + list(run.get_outputs()):
        whole = end.type.startswith("tensor(") and all(isinstance(n, int) and n >= 0 for n in end.shape)
        known[end.name] = [plain(end.type), end.shape if whole else None]
    left_open = [name for name, (_, shape) in known.items() if shape is None]
    return known | {t.name: [element(t.data_type), list(t.dims)] for t in model.graph.initializer}, left_open


def inputs_of(model, run, given, ones):
    taken = {i.name for i in run.get_inputs()}
    found = {}
    for value in model.graph.input:
        t = tensor(value)
        if value.name in (given or {}):
            found[value.name] = feed(given[value.name])
        elif value.name in taken and t is not None:
            shape = [d.dim_value for d in t.shape.dim] if t.HasField("shape") else [2, 3]
            found[value.name] = made(t.elem_type, shape, ones)
    return found


def ask(path, answer, save):
    try:
        session(str(path))
        answer["loads"] = True
    except Exception as error:
        answer["error"] = first_line(error)
    save()
    model = onnx.load(str(path), load_external_data=False)
    original = model.SerializeToString()
    given = test_inputs(path, model)
    # None: the extents of the test data, which says best what the file is for.
    for n in [None] if given else TRIED if list(free(model)) else [0]:
        model, bind = bound(original, n, given)
        if not answer["loads"]:
            shapes = inferred(model)
            if shapes is not None:
                answer.update(source="onnx", bind=bind, tensors=shapes)
                return
            continue
        try:
            run = with_results(model)
        except Exception as error:
            answer["note"] = first_line(error)
            continue
        known, left_open = known_before(run, model)
        if "source" not in answer:
            answer.update(source="session", bind=bind, tensors=known, open=left_open)
            save()
        if os.path.getsize(path) > LARGEST:
            return
        for ones in False, True:
            try:
                inputs = inputs_of(model, run, given, ones)
                shapes = results(run, inputs)
            except Exception as error:
                answer["note"] = first_line(error)
                continue
            for name, value in inputs.items():
                if name in known and hasattr(value, "shape"):
                    known[name][1] = list(value.shape() if callable(value.shape) else value.shape)
            # A session says [] of a scalar, and of what it does not know the rank of.
            unknown_rank = [n for n, (_, shape) in shapes.items() if shape and known.get(n, [None, None])[1] == []]
            answer.update(source="run", bind=bind, tensors=known | shapes, open=left_open + unknown_rank)
            answer.pop("note", None)
            return
