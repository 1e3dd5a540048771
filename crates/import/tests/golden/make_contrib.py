"""Small models of the operators that ONNX Runtime adds to ONNX's, with what it says of their results.

    python make_contrib.py          writes contrib.jsonl beside this file

A model a line: the dimensions to bind, types and shapes of the results, multiply-accumulates where they are easily
counted by hand, and the model itself in hexadecimal. `run` are results of ONNX Runtime's CPU provider (without graph
optimisations), `schema` those of the shape inference of its schemas, of operators that it can only run elsewhere: it is
asked by declaring results that are wrong, which it complains about. Weights are left out of the models.
"""

import json, os, re, sys, tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as H, numpy_helper as NH

MS, ML, NHWC = "com.microsoft", "ai.onnx.ml", "com.ms.internal.nhwc"
DTYPES = {
    "f16": np.float16, "f32": np.float32, "f64": np.float64, "i8": np.int8, "i16": np.int16, "i32": np.int32,
    "i64": np.int64, "u8": np.uint8, "u16": np.uint16, "u32": np.uint32, "bool": np.bool_, "string": np.object_,
}
NAMES = {np.dtype(d): n for n, d in DTYPES.items()}
DTYPES |= {"f8": H.tensor_dtype_to_np_dtype(T.FLOAT8E4M3FN), "bf16": H.tensor_dtype_to_np_dtype(T.BFLOAT16)}
CODES = {n: H.np_dtype_to_tensor_dtype(np.dtype(d)) for n, d in DTYPES.items()} | {"string": T.STRING}
ort.set_default_logger_severity(4)
random = np.random.default_rng(7)


def draw(dtype, shape):
    if dtype == "string":
        return np.array([f"w{i % 7}" for i in range(int(np.prod(shape)))], dtype=object).reshape(shape)
    if dtype[0] == "f" or dtype == "bf16":
        return (random.random(shape) - 0.5).astype(DTYPES[dtype])
    if dtype == "bool":
        return random.random(shape) < 0.5
    return random.integers(0, 3, shape).astype(DTYPES[dtype])


class X:
    """An operand from outside: its shape, whose extents may have names, and elements where they matter."""

    def __init__(self, *shape, t="f32", value=None):
        self.shape, self.dtype, self.value = shape, t, value


class W(X):
    """A stored operand."""


def V(value, t):
    """A stored operand with these elements."""
    value = np.asarray(value, DTYPES[t])
    return W(*value.shape, t=t, value=value)


def build(op, operands, attrs, domain, bind, results, version):
    inputs, stored, names, feeds = [], [], [], {}
    for i, x in enumerate(operands):
        names.append("" if x is None else f"i{i}")
        if x is None:
            continue
        if x.dtype == "map":
            key = T.STRING if isinstance(next(iter(x.value)), str) else T.INT64
            kind = H.make_map_type_proto(key, H.make_tensor_type_proto(T.FLOAT, []))
            inputs.append(onnx.ValueInfoProto(name=f"i{i}", type=kind))
            feeds[f"i{i}"] = x.value
            continue
        shape = [bind.get(n, n) for n in x.shape]
        value = draw(x.dtype, shape) if x.value is None else np.asarray(x.value, DTYPES[x.dtype]).reshape(shape)
        if isinstance(x, W):
            stored.append(NH.from_array(value, f"i{i}"))
        else:
            inputs.append(H.make_tensor_value_info(f"i{i}", CODES[x.dtype], list(x.shape)))
            feeds[f"i{i}"] = value
    outputs = ["" if t is None else f"o{i}" for i, t in enumerate(results)]
    node = H.make_node(op, names, outputs, domain=domain, **attrs)
    declared = [H.make_tensor_value_info(o, CODES[t], None) for o, t in zip(outputs, results) if o]
    graph = H.make_graph([node], op, inputs, declared, stored)
    versions = [H.make_opsetid("", 21), H.make_opsetid(MS, 1), H.make_opsetid(ML, version), H.make_opsetid(NHWC, 21)]
    return H.make_model(graph, opset_imports=versions, ir_version=10), feeds


def session(model, **options):
    settings = ort.SessionOptions()
    settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = options.get("severity", 4)
    return ort.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def run(model, feeds):
    values = session(model).run(None, feeds)
    return [[NAMES[v.dtype], list(v.shape)] for v in values]


def schema(model, feeds):
    """What the schema infers, from the complaint about results declared otherwise."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for info in fixed.graph.input:
        for dim, n in zip(info.type.tensor_type.shape.dim, feeds[info.name].shape):
            dim.dim_value = n
    for info in fixed.graph.output:
        info.type.tensor_type.shape.dim.add().dim_value = 987654
    kept, error = os.dup(2), ""
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            session(fixed, severity=1)
        except Exception as e:
            error = str(e)
        os.dup2(kept, 2)
        log.seek(0)
        text = log.read().decode()
    if error and "Failed to find kernel" not in error and "NOT_IMPLEMENTED" not in error:
        raise RuntimeError(error)
    found = dict(re.findall(r"output\. '([^']*)' source:\{([^}]*)\}", text))
    shapes = {o: [int(n) for n in s.split(",") if n] if re.fullmatch(r"[\d,]*", s) else None for o, s in found.items()}
    types = {code: n for n, code in CODES.items()}
    return [[types[o.type.tensor_type.elem_type], shapes.get(o.name)] for o in fixed.graph.output]


lines, failed = [], []


def case(op, operands, results="f32", macs=None, domain=MS, bind={}, by=run, label="", version=3, **attrs):
    """One node; `results` are the types of its results, one that is left out being `-`."""
    results = [None if t == "-" else t for t in results.split()]
    try:
        model, feeds = build(op, operands, attrs, domain, bind, results, version)
        facts = by(model, feeds)
    except Exception as e:
        return failed.append(f"{op}{label}: {str(e)[:300]}")
    wrong = [(t, f[0]) for t, f in zip([t for t in results if t], facts) if t != f[0]]
    if wrong:
        return failed.append(f"{op}{label}: types {wrong}")
    for tensor in model.graph.initializer:
        if tensor.data_type != T.STRING and np.prod(tensor.dims) > 16:
            tensor.ClearField("raw_data")
            tensor.data_location = 1
    line = {"op": op + label, "domain": domain, "by": by.__name__, "bind": bind, "results": facts, "macs": macs}
    lines.append({**line, "model": model.SerializeToString().hex()})


exec((Path(__file__).parent / "contrib_cases.py").read_text())

with open(Path(__file__).parent / "contrib.jsonl", "w") as file:
    file.writelines(json.dumps(line) + "\n" for line in lines)
covered = {line["op"].split(" ")[0] for line in lines}
print(f"{len(lines)} models of {len(covered)} operators; {len(failed)} failed", *failed, sep="\n")
known = ort.capi.onnxruntime_pybind11_state.get_all_operator_schema()
for domain in (MS, ML):
    rest = sorted({s.name for s in known if s.domain == domain} - covered)
    print(f"{domain}: {len(rest)} without a model: {' '.join(rest)}")
