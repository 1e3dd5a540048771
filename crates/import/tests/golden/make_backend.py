"""Writes backend.gz: ONNX's own backend tests (every node test, simple and converted models, and the smaller networks
without weights: the others are among those of docs/onnx.md), with the types, shapes and small integer elements of their results. Usage: python make_backend.py (onnx 1.23, numpy).

`python make_backend.py FOLDER FILE` gathers the tests below a folder instead (such as those of an older release, from a
checkout of onnx or of libonnx); TACHOGRAPH_BACKEND=FILE then names them to the ignored test.

The file is a list of records, compressed: a line of JSON, then as many bytes of a model as its `bytes` say. Elements of
large weights are left out. A record whose name ends in `@fixed` is the test with its small operands stored in the model,
as files have them: there every shape is decided."""

import gzip
import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.model import collect_testcases as collect_models
from onnx.backend.test.case.node import collect_testcases as collect_nodes

warnings.filterwarnings("ignore")
SMALL = 64
DATA = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


def described(value, info=None):
    """Type, shape and small integer elements of a tensor; a list of such for a sequence; None for what is not there."""
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return [described(item) for item in value]
    if not isinstance(value, TensorProto):
        array = np.asarray(value)
        code = declared_code(info)
        text = array.dtype.kind in "OUS"
        code = code or (TensorProto.STRING if text else helper.np_dtype_to_tensor_dtype(array.dtype))
        entry = {"type": code, "shape": list(array.shape)}
        if array.dtype.kind in "iub" and array.size <= SMALL and code in INTEGERS:
            entry["ints"] = [int(x) for x in array.reshape(-1)]
        return entry
    entry = {"type": value.data_type, "shape": list(value.dims)}
    if value.data_type in INTEGERS and np.prod(value.dims, dtype=int) <= SMALL:
        entry["ints"] = [int(x) for x in numpy_helper.to_array(value).reshape(-1)]
    return entry


INTEGERS = {TensorProto.INT64, TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.UINT64,
            TensorProto.UINT32, TensorProto.UINT16, TensorProto.UINT8, TensorProto.BOOL}


def declared_code(info):
    return info.type.tensor_type.elem_type if info is not None and info.type.HasField("tensor_type") else 0


def strip(graph):
    """Leaves out the elements of large weights, also in bodies."""
    for tensor in graph.initializer:
        shrink(tensor)
    for node in graph.node:
        node.doc_string = ""
        for attribute in node.attribute:
            attribute.doc_string = ""
            shrink(attribute.t)
            if attribute.HasField("g"):
                strip(attribute.g)
    graph.doc_string = ""


def shrink(tensor):
    large = np.prod(list(tensor.dims) or [1], dtype=int) > SMALL
    if large and tensor.data_type not in INTEGERS:
        for field in ("raw_data", "float_data", "double_data", "int32_data"):
            tensor.ClearField(field)


def stored(name, value, info):
    """A small operand as an initialiser, if it is one."""
    if isinstance(value, TensorProto):
        tensor = TensorProto()
        tensor.CopyFrom(value)
        size = np.prod(list(value.dims), dtype=int)
    elif isinstance(value, (list, tuple)) or value is None:
        return None
    else:
        array = np.asarray(value)
        size = array.size
        if size > SMALL:
            return None
        code = declared_code(info)
        if array.dtype.kind in "OUS":
            tensor = helper.make_tensor(name, TensorProto.STRING, array.shape, [str(x).encode() for x in array.reshape(-1)])
        elif code and code not in INTEGERS | {TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16}:
            return None
        else:
            tensor = numpy_helper.from_array(array)
    tensor.name = name
    return tensor if size <= SMALL else None


records, count = [], 0


def record(name, model, inputs, outputs):
    global count
    graph_inputs = [i for i in model.graph.input if i.name not in {t.name for t in model.graph.initializer}]
    given = [[i.name, described(v, i)] for v, i in zip(inputs, graph_inputs)]
    results = [described(v, o) for v, o in zip(outputs, model.graph.output)]
    strip(model.graph)
    model.doc_string = ""
    model.graph.ClearField("value_info")
    for function in model.functions:
        function.doc_string = ""
        for node in function.node:
            node.doc_string = ""

    def push(name, model, given):
        global count
        data = model.SerializeToString()
        header = {"name": name, "inputs": given, "outputs": results, "bytes": len(data)}
        records.append(json.dumps(header, separators=(",", ":")).encode() + b"\n" + data)
        count += 1

    push(name, model, given)
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.input[:]
    left = []
    for info, value, entry in zip(graph_inputs, inputs, given):
        tensor = stored(info.name, value, info)
        if tensor is None:
            fixed.graph.input.append(info)
            left.append(entry)
        else:
            fixed.graph.initializer.append(tensor)
    if len(left) < len(given):
        push(name + "@fixed", fixed, left)


def load(path, info):
    """A value of a test: a tensor, a list of tensors, or None."""
    data = path.read_bytes()
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        sequence = onnx.SequenceProto.FromString(data)
        return list(sequence.tensor_values)
    if kind == "optional_type":
        optional = onnx.OptionalProto.FromString(data)
        return optional.tensor_value if optional.elem_type == onnx.OptionalProto.TENSOR else list(
            optional.sequence_value.tensor_values) if optional.elem_type == onnx.OptionalProto.SEQUENCE else None
    return TensorProto.FromString(data)


def folder(path):
    model = onnx.load(path / "model.onnx", load_external_data=False)
    initialised = {t.name for t in model.graph.initializer}
    graph_inputs = [i for i in model.graph.input if i.name not in initialised]
    for data in sorted(path.glob("test_data_set_*"))[:1]:
        inputs = [load(data / f"input_{k}.pb", i) for k, i in enumerate(graph_inputs)]
        outputs = [load(data / f"output_{k}.pb", o) for k, o in enumerate(model.graph.output)]
        record(path.parent.name + "/" + path.name, model, inputs, outputs)


def light(path):
    """One of the networks without weights: its inputs are those it declares."""
    model = onnx.load(path)
    stored = {t.name for t in model.graph.initializer}
    (data,) = [i for i in model.graph.input if i.name not in stored]
    inputs = [np.broadcast_to(np.float32(0), [d.dim_value for d in data.type.tensor_type.shape.dim])]
    result = path.with_name(path.stem + "_output_0.pb")
    record("light/" + path.stem, model, inputs, [TensorProto.FromString(result.read_bytes())])


def main():
    if len(sys.argv) == 3:
        for path in sorted(pathlib.Path(sys.argv[1]).rglob("model.onnx")):
            try:
                folder(path.parent)
            except (OSError, DecodeError) as error:
                print(path.parent, error, file=sys.stderr)
        return write(pathlib.Path(sys.argv[2]))
    for case in sorted(collect_nodes(None), key=lambda c: c.name):
        inputs, outputs = case.data_sets[0]
        record("node/" + case.name, case.model, inputs, outputs)
    for case in collect_models():
        if case.model is not None and case.data_sets:
            inputs, outputs = case.data_sets[0]
            record("model/" + case.name, case.model, inputs, outputs)
    for name in ("bvlc_alexnet", "shufflenet", "squeezenet", "vgg19", "zfnet512"):
        light(DATA / "light" / f"light_{name}.onnx")
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for path in sorted((DATA / kind).iterdir()):
            folder(path)
    write(pathlib.Path(__file__).with_name("backend.gz"))


def write(target):
    target.write_bytes(gzip.compress(b"".join(records), 9, mtime=0))
    print(count, "records,", target.stat().st_size, "bytes,", sum(map(len, records)), "plain")


if __name__ == "__main__":
    main()
