"""Writes control.gz, in the form of backend.gz: loops whose state grows or whose condition ends them, branches of which one
fits, sequences, optionals, sparse weights, free extents. ONNX Runtime runs each model, and its results are the expected
ones; the multiply-accumulates are counted by hand. Usage: python make_control.py (onnx 1.23, onnxruntime 1.32, numpy)."""

import gzip
import json
import pathlib

import numpy as np
import onnxruntime
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

records = []
value = h.make_tensor_value_info
node = h.make_node


def init(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def weight(name, *shape):
    return init(name, np.ones(shape, np.float32))


def array(kind):
    return {"type": h.np_dtype_to_tensor_dtype(kind.dtype), "shape": list(kind.shape)}


def described(result):
    return [described(item) for item in result] if isinstance(result, list) else array(result)


def case(name, nodes, inputs, feeds, outputs, stored=(), macs=0, opset=18, ir=8, sparse=()):
    """`outputs` are names with types, or value infos; `feeds` what ONNX Runtime is given."""
    infos = [o if hasattr(o, "type") else h.make_empty_tensor_value_info(o) for o in outputs]
    graph = h.make_graph(nodes, name, inputs, infos, list(stored), sparse_initializer=list(sparse))
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)], ir_version=ir)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    results = [described(result) for result in session.run(None, feeds)]
    data = model.SerializeToString()
    entries = [[i.name, described(feeds[i.name])] for i in inputs]
    header = {"name": name, "inputs": entries, "outputs": results, "macs": macs, "bytes": len(data)}
    records.append(json.dumps(header, separators=(",", ":")).encode() + b"\n" + data)


def zeros(*shape):
    return np.zeros(shape, np.float32)


def loop_body(nodes, carried, results, stored=(), condition=None):
    """A body that goes on; `carried` and `results` are value infos or names."""
    nodes = nodes + [condition or node("Identity", ["go"], ["on"])]
    info = lambda x: x if hasattr(x, "type") else h.make_empty_tensor_value_info(x)
    formal = [value("i", T.INT64, []), value("go", T.BOOL, [])] + [info(c) for c in carried]
    return h.make_graph(nodes, "body", formal, [value("on", T.BOOL, [])] + [info(r) for r in results], list(stored))


def floats(name, *dims):
    return value(name, T.FLOAT, list(dims))


five = init("n", np.array(5, np.int64))

# A state that grows by a row in each of five trips, and a product with all rows so far.
grow = loop_body(
    [node("Concat", ["s", "row"], ["t"], axis=0), node("MatMul", ["t", "w"], ["p"]), node("ReduceMean", ["p"], ["seen"], keepdims=0)],
    [floats("s", None, 4)], [floats("t", None, 4), floats("seen")], [init("row", zeros(1, 4))])
case("a state that grows", [node("Loop", ["n", "", "x"], ["y", "z"], body=grow)], [floats("x", 2, 4)], {"x": zeros(2, 4)},
     ["y", "z"], [five, weight("w", 4, 6)], macs=24 * (3 + 4 + 5 + 6 + 7))
case("a state that grows, in a batch that is open", [node("Loop", ["n", "", "x"], ["y", "z"], body=grow)],
     [floats("x", "rows", 4)], {"x": zeros(0, 4)}, ["y", "z"], [five, weight("w", 4, 6)], macs=24 * 15)

# No limit: the condition counts to three.
counted = loop_body(
    [node("Add", ["k", "one"], ["k1"]), node("MatMul", ["s", "w"], ["t"])],
    [value("k", T.INT64, []), floats("s", 2, 4)], [value("k1", T.INT64, []), floats("t", 2, 4), "t2"],
    [init("one", np.array(1, np.int64)), init("three", np.array(3, np.int64))], node("Less", ["k1", "three"], ["on"]))
counted.node.append(node("Identity", ["t"], ["t2"]))
case("a condition that counts", [node("Loop", ["", "yes", "k0", "x"], ["k", "y", "all"], body=counted)], [floats("x", 2, 4)],
     {"x": zeros(2, 4)}, ["k", "y", "all"],
     [init("yes", np.array(True)), init("k0", np.array(0, np.int64)), weight("w", 4, 4)], macs=3 * 32)
case("a condition that is false", [node("Loop", ["", "no", "k0", "x"], ["k", "y", "all"], body=counted)], [floats("x", 2, 4)],
     {"x": zeros(2, 4)}, ["k", "y", "all"],
     [init("no", np.array(False)), init("k0", np.array(0, np.int64)), weight("w", 4, 4)])

# A sequence as the state, one tensor more at each trip.
tensors = h.make_sequence_type_proto(h.make_tensor_type_proto(T.FLOAT, None))
collect = loop_body(
    [node("MatMul", ["x", "w"], ["p"]), node("SequenceInsert", ["q", "p"], ["r"])],
    [h.make_value_info("q", tensors)], [h.make_value_info("r", tensors)])
case("a sequence that grows",
     [node("SequenceEmpty", [], ["q0"]), node("Loop", ["n", "", "q0"], ["q1"], body=collect),
      node("ConcatFromSequence", ["q1"], ["y"], axis=1), node("SequenceLength", ["q1"], ["z"])],
     [floats("x", 2, 4)], {"x": zeros(2, 4)}, ["y", "z"], [five, weight("w", 4, 6)], macs=5 * 48)

# Loops in loops: rows grow inside, and the outer trips collect.
inner = h.make_graph([node("Concat", ["s2", "row"], ["t2"], axis=0), node("Identity", ["go2"], ["on2"])], "inner",
                     [value("i2", T.INT64, []), value("go2", T.BOOL, []), floats("s2", None, 4)],
                     [value("on2", T.BOOL, []), floats("t2", None, 4)])
outer = loop_body([node("Loop", ["n", "", "s"], ["t"], body=inner), node("MatMul", ["t", "w"], ["p"]), node("ReduceMean", ["p"], ["seen"], keepdims=0)],
                  [floats("s", None, 4)], [floats("t", None, 4), "seen"])
case("a loop in a loop", [node("Loop", ["two", "", "x"], ["y", "z"], body=outer)], [floats("x", 1, 4)], {"x": zeros(1, 4)},
     ["y", "z"], [five, init("two", np.array(2, np.int64)), init("row", zeros(1, 4)), weight("w", 4, 6)], macs=24 * (6 + 11))

# Branches: the one that fits, whichever it is.
one = h.make_graph([node("MatMul", ["x", "A"], ["a"])], "one", [], [h.make_empty_tensor_value_info("a")])
other = h.make_graph([node("MatMul", ["x", "B"], ["b"])], "other", [], [h.make_empty_tensor_value_info("b")])
for n, rate in ((576, 16000), (288, 8000)):
    case(f"the branch for {n}", [node("Equal", ["rate", "high"], ["c"]), node("If", ["c"], ["y"], then_branch=one, else_branch=other)],
         [floats("x", 1, "n"), value("rate", T.INT64, [])], {"x": zeros(1, n), "rate": np.array(rate, np.int64)}, ["y"],
         [init("high", np.array(16000, np.int64)), weight("A", 576, 8), weight("B", 288, 8)], macs=n * 8)

# Operator set 8: a batch first.
cell = h.make_graph(
    [node("MatMul", ["s", "R"], ["a"]), node("Add", ["a", "x"], ["b"]), node("Tanh", ["b"], ["t"]), node("Identity", ["t"], ["y"])],
    "cell", [floats("s", 16), floats("x", 16)], [floats("t", 16), floats("y", 16)], [weight("R", 16, 16)])
case("scan of set 8", [node("Scan", ["", "h", "x"], ["hn", "ys"], body=cell, num_scan_inputs=1)],
     [floats("h", 2, 16), floats("x", 2, 10, 16)], {"h": zeros(2, 16), "x": zeros(2, 10, 16)},
     [floats("hn", 2, 16), floats("ys", 2, 10, 16)], macs=2 * 10 * 256, opset=8, ir=4)

# Sequences: split and joined, given, mapped.
three = init("three", np.array(32, np.int64))
case("a split", [node("SplitToSequence", ["x", "three"], ["q"], axis=1), node("SequenceAt", ["q", "i"], ["a"]),
                 node("ConcatFromSequence", ["q"], ["y"], axis=0), node("MatMul", ["a", "W"], ["z"])],
     [floats("x", 4, 96)], {"x": zeros(4, 96)}, ["y", "z"], [three, init("i", np.array(1, np.int64)), weight("W", 32, 64)], macs=4 * 32 * 64)
given = h.make_value_info("q", h.make_sequence_type_proto(h.make_tensor_type_proto(T.FLOAT, [2, None])))
case("a sequence that is given", [node("ConcatFromSequence", ["q"], ["y"], axis=1), node("MatMul", ["y", "W"], ["z"]), node("SequenceLength", ["q"], ["n"])],
     [given], {"q": [zeros(2, 3)] * 4}, ["y", "z", "n"], [weight("W", 12, 5)], macs=2 * 12 * 5)
each = h.make_graph([node("MatMul", ["t", "W"], ["r"])], "each", [floats("t", 2, 3)], [floats("r", 2, 5)])
case("a body for each", [node("SequenceMap", ["q"], ["r"], body=each), node("ConcatFromSequence", ["r"], ["y"], axis=0)],
     [given], {"q": [zeros(2, 3)] * 4}, ["y"], [weight("W", 3, 5)], macs=4 * 2 * 3 * 5)
case("an optional", [node("Optional", ["x"], ["o"]), node("OptionalHasElement", ["o"], ["h"]), node("OptionalGetElement", ["o"], ["y"])],
     [floats("x", 4, 96)], {"x": zeros(4, 96)}, ["h", "y"])

# Sparse: a weight among the initialisers, and a shape in a Constant.
sparse = h.make_sparse_tensor(init("W", np.ones(2, np.float32)), init("", np.array([1, 7], np.int64)), [4, 3])
case("a sparse weight", [node("MatMul", ["x", "W"], ["y"])], [floats("x", 2, 4)], {"x": zeros(2, 4)}, ["y"], sparse=[sparse], macs=24)
shape = h.make_sparse_tensor(init("", np.array([4], np.int64)), init("", np.array([1], np.int64)), [2])
case("a sparse shape", [node("Constant", [], ["s"], sparse_value=shape), node("Reshape", ["x", "s"], ["y"])],
     [floats("x", 3, 2, 2)], {"x": zeros(3, 2, 2)}, ["y"])

# Extents: negative ones are open, and an open one may be empty.
case("a negative extent", [node("Relu", ["x"], ["y"])], [floats("x", -1, 10)], {"x": zeros(7, 10)}, ["y"])
case("an empty past", [node("Concat", ["p", "x"], ["y"], axis=2)], [floats("x", "batch", 8, "seq", 64), floats("p", "batch", 8, "past", 64)],
     {"x": zeros(1, 8, 3, 64), "p": zeros(1, 8, 0, 64)}, ["y"])

target = pathlib.Path(__file__).with_name("control.gz")
target.write_bytes(gzip.compress(b"".join(records), 9, mtime=0))
print(len(records), "cases,", target.stat().st_size, "bytes")
