"""Inputs and outputs of single operators, from the test cases that the onnx package generates: python make_nodes.py

Needs numpy, onnx, safetensors. Writes nodes.safetensors: for each case `NAME/model` (bytes of an ONNX file),
`NAME/in/TENSOR` and `NAME/out/POSITION`. Integer operands after the first, and the operands that kernels need to know
in advance, are stored in the model as constants.
"""
import pathlib
import re
import warnings

import numpy
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
ELEMENTS = 1000
# libtorch does not say which of equal elements TopK names.
SKIPPED = ["train", "expanded", "top_k_same_values", "bernoulli"]
SOURCES = (HERE / "../../src/ops").glob("*.rs")
KERNELS = {name for file in SOURCES for name in re.findall(r'"([A-Z]\w+)"', file.read_text())}
# Kernels give the first result alone; the other results of these are for training.
FIRST = {"BatchNormalization"}
KNOWN = {("Clip", 1), ("Clip", 2), ("Pad", 2), ("Resize", 1), ("Resize", 2), ("Upsample", 1)}


# What is quantised is data here, though it lies among the operands after the first.
QUANTISED = {"ConvInteger", "MatMulInteger", "QLinearConv", "QLinearMatMul"}


def stored(array: numpy.ndarray) -> numpy.ndarray:
    kind = array.dtype.kind
    wide = {"b": numpy.uint8, "i": numpy.int64, "u": numpy.int64}.get(kind, array.dtype)
    # Types that safetensors has no name for, such as bfloat16, are stored as the numbers they hold.
    wide = numpy.float32 if array.dtype.kind == "V" or wide == numpy.float16 else wide
    return numpy.ascontiguousarray(array, dtype=wide).reshape(array.shape)


def convert(case, tensors: dict) -> None:
    graph = case.model.graph
    if len(graph.node) != 1 or graph.node[0].op_type not in KERNELS or graph.node[0].domain:
        return
    inputs, outputs = case.data_sets[0]
    if not all(isinstance(a, (numpy.ndarray, numpy.generic)) for a in [*inputs, *outputs]):
        return
    inputs, outputs = [numpy.asarray(a) for a in inputs], [numpy.asarray(a) for a in outputs]
    arrays = [*inputs, *outputs]
    if not all(a.dtype.kind in "fiub" or a.dtype.name == "bfloat16" for a in arrays):
        return
    if max(a.size for a in arrays) > ELEMENTS or any(part in case.name for part in SKIPPED):
        return
    slots = list(graph.node[0].input)
    named = dict(zip([i.name for i in graph.input], inputs))
    constant = {
        name for name, a in named.items()
        if slots.index(name) > 0 and graph.node[0].op_type not in QUANTISED and (a.dtype.kind in "iu" or (graph.node[0].op_type, slots.index(name)) in KNOWN)
    }
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    if graph.node[0].op_type in FIRST:
        del model.graph.output[1:], model.graph.node[0].output[1:], outputs[1:]
    kept = [i for i in graph.input if i.name not in constant]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.extend(numpy_helper.from_array(named[name], name) for name in sorted(constant))
    name = case.name.removeprefix("test_")
    tensors[f"{name}/model"] = numpy.frombuffer(model.SerializeToString(), numpy.uint8)
    tensors.update({f"{name}/in/{i.name}": stored(named[i.name]) for i in kept})
    tensors.update({f"{name}/out/{i}": stored(a) for i, a in enumerate(outputs)})


def main() -> None:
    warnings.filterwarnings("ignore")
    from onnx.backend.test.case.node import collect_testcases

    tensors = {}
    for case in collect_testcases(None):
        convert(case, tensors)
    save_file(tensors, HERE / "nodes.safetensors")


if __name__ == "__main__":
    main()
