"""Writes opsets.gz: operators in the meaning they had in the operator set of the file, one model a case, in the form of
backend.gz. Types and shapes are what onnx infers with the schemas of that set; where the first sets had no inference, or
an operator was only on trial and onnx no longer knows it, the shape is that of its documentation, given here by hand.
Usage: python make_opsets.py (onnx 1.23, numpy)."""

import gzip
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper, shape_inference

records = []


def f(*shape):
    return (T.FLOAT, list(shape))


def ints(*values):
    return np.array(values, np.int64)


def floats(*values):
    return np.array(values, np.float32)


def described(info):
    tensor = info.type.tensor_type
    dims = tensor.shape.dim
    complete = tensor.HasField("shape") and all(d.HasField("dim_value") for d in dims)
    return {"type": tensor.elem_type, "shape": [d.dim_value for d in dims]} if complete else None


def case(op, opset, inputs, attrs=None, hand=None, body=None):
    """One node; `hand` holds (type, shape) of results that onnx does not infer."""
    name = f"{op}/{opset}/{len(records)}"
    names, given, stored = [], [], []
    for k, operand in enumerate(inputs):
        names.append("" if operand is None else f"i{k}")
        if isinstance(operand, np.ndarray):
            stored.append(numpy_helper.from_array(operand, f"i{k}"))
        elif operand is not None:
            given.append(helper.make_tensor_value_info(f"i{k}", operand[0], operand[1]))
    count = len(hand) if isinstance(hand, list) else hand or 1
    node = helper.make_node(op, names, [f"o{k}" for k in range(count)], **(attrs or {}))
    if body is not None:
        node.attribute.append(helper.make_attribute("body", body))
    outputs = [helper.make_empty_tensor_value_info(f"o{k}") for k in range(count)]
    # Until the fourth version of the format every initialiser was an input as well.
    listed = given + [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in stored if opset < 9]
    graph = helper.make_graph([node], "g", listed, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=3 if opset < 9 else 8)
    if isinstance(hand, list):
        results = [{"type": code, "shape": shape} for code, shape in hand]
    else:
        inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        results = [described(info) for info in inferred.graph.output]
        if None in results:
            raise SystemExit(f"{name}: onnx does not know the shape: give it by hand")
    data = model.SerializeToString()
    entries = [[i.name, described(i)] for i in given]
    header = {"name": name, "inputs": entries, "outputs": results, "bytes": len(data)}
    records.append(json.dumps(header, separators=(",", ":")).encode() + b"\n" + data)


X = [2, 3, 4, 5]

# Until set 7 the second operand of arithmetic was broadcast where `broadcast` said so, from `axis` on or at the end.
for op in ("Add", "Sub", "Mul", "Div", "Pow"):
    for opset in (1, 6):
        for shape, attrs in (([3, 4], {"broadcast": 1, "axis": 1}), ([3], {"broadcast": 1, "axis": 1}),
                             ([2], {"broadcast": 1, "axis": 0}), ([4, 5], {"broadcast": 1}), ([1], {"broadcast": 1}),
                             (X, {})):
            case(op, opset, [f(*X), f(*shape)], attrs, hand=[f(*X)])
    case(op, 7, [f(*X), f(4, 1)])
for op, code in (("And", T.BOOL), ("Or", T.BOOL), ("Xor", T.BOOL), ("Equal", T.INT64), ("Greater", T.FLOAT), ("Less", T.FLOAT)):
    case(op, 1, [(code, X), (code, [3, 4])], {"broadcast": 1, "axis": 1}, hand=[(T.BOOL, X)])
    case(op, 7, [(code, X), (code, [3, 1, 1])])
for opset, slope in ((1, [3]), (6, [3]), (6, [1]), (6, [3, 1, 1]), (7, [3, 1, 1]), (7, [5]), (9, [3, 1, 1]), (16, [1])):
    case("PRelu", opset, [f(*X), f(*slope)], hand=[f(*X)] if opset < 7 else None)
for opset in (1, 6, 8, 13):
    for op in ("Sum", "Max", "Min", "Mean"):
        case(op, opset, [f(*X), f(*X), f(*X)], hand=[f(*X)] if opset < 8 else None)
for op in ("Sum", "Max", "Min", "Mean"):
    case(op, 8, [f(*X), f(4, 1), f(5)])

# Attributes that became operands, and types that were texts.
case("Cast", 1, [f(*X)], {"to": "INT64"}, hand=[(T.INT64, X)])
case("Cast", 1, [f(*X)], {"to": "FLOAT16"}, hand=[(T.FLOAT16, X)])
case("Cast", 6, [f(*X)], {"to": T.BOOL})
case("Clip", 1, [f(*X)], {"min": 0.0, "max": 6.0}, hand=[f(*X)])
case("Clip", 6, [f(*X)], {"max": 6.0})
case("Clip", 11, [f(*X), np.array(0, np.float32), np.array(6, np.float32)])
case("Reshape", 1, [f(*X)], {"shape": [0, -1]}, hand=[f(2, 60)])
case("Reshape", 5, [f(*X), ints(0, 0, -1)])
case("Reshape", 14, [f(0, 3), ints(0, 7)], {"allowzero": 1})
case("Slice", 1, [f(*X)], {"starts": [1, -3], "ends": [9, -1], "axes": [1, 3]})
case("Slice", 1, [f(*X)], {"starts": [1], "ends": [2]})
case("Slice", 10, [f(*X), ints(-1), ints(-9), ints(3), ints(-2)])
case("Split", 1, [f(*X), ints(1, 2)], {"axis": 1}, hand=[f(2, 1, 4, 5), f(2, 2, 4, 5)])
case("Split", 1, [f(*X)], {"axis": 1, "split": [1, 2]}, hand=[f(2, 1, 4, 5), f(2, 2, 4, 5)])
case("Split", 2, [f(*X)], {"axis": 2}, hand=2)
case("Split", 11, [f(*X)], {"axis": -1, "split": [1, 4]}, hand=2)
case("Split", 13, [f(*X), ints(1, 4)], {"axis": -1}, hand=2)
case("Split", 18, [f(*X)], {"axis": -1, "num_outputs": 3}, hand=3)
for opset in (1, 11):
    case("Squeeze", opset, [f(1, 3, 1)], {"axes": [2]})
    case("Squeeze", opset, [f(1, 3, 1)])
    case("Unsqueeze", opset, [f(3)], {"axes": [0, 2]})
case("Squeeze", 13, [f(1, 3, 1), ints(-1)])
case("Unsqueeze", 13, [f(3), ints(0, -1)])
case("TopK", 1, [f(2, 9)], {"k": 4}, hand=2)
case("TopK", 10, [f(9, 2), ints(4)], {"axis": 0}, hand=2)
case("TopK", 11, [f(2, 9), ints(4)], {"largest": 0}, hand=2)
case("Tile", 1, [f(2, 3), np.int64(4).reshape(1), np.int64(1).reshape(1)], hand=[f(2, 12)])
case("Tile", 1, [f(2, 3), np.array(4, np.int64), np.array(0, np.int64)], hand=[f(8, 3)])
case("Tile", 6, [f(2, 3), ints(2, 4)])
case("Pad", 1, [f(*X)], {"paddings": [0, 0, 1, 2, 0, 0, 3, 4]}, hand=[f(2, 3, 8, 11)])
case("Pad", 2, [f(*X)], {"pads": [0, 0, 1, 2, 0, 0, 3, -4]})
case("Pad", 11, [f(*X), ints(0, 0, 1, 2, 0, 0, 3, 4)])
case("Pad", 18, [f(*X), ints(1, 2), None, ints(-1)])
case("Concat", 1, [f(*X), f(2, 7, 4, 5)], hand=[f(2, 10, 4, 5)])
case("Concat", 4, [f(*X), f(2, 3, 9, 5)], {"axis": 2})
case("Concat", 11, [f(*X), f(2, 3, 4, 9)], {"axis": -1})
for opset in (1, 11, 13):
    case("ReduceSum", opset, [f(*X)] + ([ints(1, 2)] if opset == 13 else []), {} if opset == 13 else {"axes": [1, 2]})
    case("ReduceMean", opset, [f(*X)], {"axes": [3], "keepdims": 0})
    case("ReduceMax", opset, [f(*X)])
case("ReduceMean", 18, [f(*X), ints(-1)])
case("ReduceMean", 18, [f(*X)], {"noop_with_empty_axes": 1})
case("ArgMax", 1, [f(*X)], {"axis": 2})
case("ArgMax", 12, [f(*X)], {"axis": -1, "keepdims": 0, "select_last_index": 1})
for opset in (1, 11, 13):
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        case(op, opset, [f(*X)])
        case(op, opset, [f(*X)], {"axis": 2})
for opset in (1, 9, 11):
    case("Flatten", opset, [f(*X)], {"axis": 2})
case("Flatten", 11, [f(*X)], {"axis": -1})

# Normalisation and dropout: statistics and masks.
C = f(3)
for opset in (1, 6):
    case("BatchNormalization", opset, [f(*X), C, C, C, C], {"is_test": 1, "consumed_inputs": [0, 0, 0, 1, 1]}, hand=[f(*X)])
A = f(3, 4, 5)
for opset in (6, 7):
    case("BatchNormalization", opset, [f(*X), A, A, A, A], {"spatial": 0}, hand=[f(*X)])
case("BatchNormalization", 7, [f(*X), C, C, C, C])
case("BatchNormalization", 9, [f(*X), C, C, C, C], hand=[f(*X)] + [C] * 4)
case("BatchNormalization", 14, [f(*X), C, C, C, C], {"training_mode": 1}, hand=3)
case("BatchNormalization", 15, [f(*X), C, C, C, C], {"training_mode": 1}, hand=3)
for opset in (1, 6, 7):
    attrs = {"is_test": 1} if opset < 7 else {}
    case("Dropout", opset, [f(*X)], attrs | {"ratio": 0.3}, hand=[f(*X)])
    case("Dropout", opset, [f(*X)], {"ratio": 0.3}, hand=[f(*X), f(*X)])
case("Dropout", 10, [f(*X)], {"ratio": 0.3}, hand=2)
case("Dropout", 12, [f(*X), np.array(0.3, np.float32)], hand=2)
case("InstanceNormalization", 1, [f(*X), C, C], {"consumed_inputs": [0, 0, 0]}, hand=[f(*X)])
case("InstanceNormalization", 6, [f(*X), C, C])
case("GroupNormalization", 18, [f(2, 8, 4), f(4), f(4)], {"num_groups": 4}, hand=[f(2, 8, 4)])
case("GroupNormalization", 21, [f(2, 8, 4), f(8), f(8)], {"num_groups": 4}, hand=[f(2, 8, 4)])
case("MeanVarianceNormalization", 1, [f(*X)], {"across_channels": 1}, hand=[f(*X)])
case("MeanVarianceNormalization", 9, [f(*X)], hand=[f(*X)])
case("LpNormalization", 1, [f(*X)], {"axis": 1, "p": 1})

# Pictures.
K = {"kernel_shape": [3, 2], "strides": [2, 1]}
for opset in (1, 8, 10, 12):
    case("MaxPool", opset, [f(*X)], K, hand=None if opset == 1 else 2)
case("MaxPool", 10, [f(1, 1, 6, 6)], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "dilations": [1, 2]})
for opset in (1, 7, 10, 11, 19):
    case("AveragePool", opset, [f(*X)], K | {"pads": [1, 0, 0, 1]})
case("AveragePool", 7, [f(*X)], K | {"count_include_pad": 1, "auto_pad": "SAME_LOWER"})
case("LpPool", 1, [f(*X)], K | {"p": 2.0}, hand=[f(2, 3, 1, 4)])
case("LpPool", 2, [f(*X)], K | {"p": 2})
case("GlobalLpPool", 1, [f(*X)], {"p": 2.0}, hand=[f(2, 3, 1, 1)])
case("GlobalLpPool", 2, [f(*X)], {"p": 2})
for opset in (1, 11):
    case("Conv", opset, [f(2, 4, 9, 9), f(6, 2, 3, 3), f(6)], {"group": 2, "auto_pad": "SAME_UPPER", "strides": [2, 2]})
    case("ConvTranspose", opset, [f(2, 4, 9, 9), f(4, 3, 3, 3)], {"strides": [2, 2], "output_padding": [1, 1]})
    case("ConvTranspose", opset, [f(2, 4, 9, 9), f(4, 3, 3, 3)], {"strides": [2, 2], "output_shape": [18, 18]})
case("Upsample", 1, [f(*X)], {"height_scale": 2.0, "width_scale": 1.5, "mode": "nearest"}, hand=[f(2, 3, 8, 7)])
case("Upsample", 7, [f(*X)], {"scales": [1.0, 1.0, 2.0, 1.5], "mode": "linear"})
case("Upsample", 9, [f(*X), floats(1, 1, 2, 1.5)], {"mode": "nearest"})
case("Resize", 10, [f(*X), floats(1, 1, 2, 0.5)])
case("Resize", 11, [f(*X), floats(), floats(1, 1, 2, 0.5)], {"mode": "cubic"})
case("Resize", 11, [f(*X), floats(), floats(), ints(2, 3, 7, 7)])
case("Resize", 13, [f(*X), None, None, ints(2, 3, 7, 7)])
case("Resize", 18, [f(*X), None, None, ints(8, 8)], {"axes": [2, 3], "keep_aspect_ratio_policy": "not_larger"})
case("Resize", 11, [f(1, 1, 4, 4), floats(0, 0, 0.4, 0.6, 1, 1, 0.6, 0.8), floats(), ints(1, 1, 3, 3)],
     {"coordinate_transformation_mode": "tf_crop_and_resize"})
case("DepthToSpace", 1, [f(1, 8, 2, 3)], {"blocksize": 2})
case("DepthToSpace", 11, [f(1, 8, 2, 3)], {"blocksize": 2, "mode": "CRD"})
case("RoiAlign", 10, [f(1, 3, 8, 8), f(5, 4), (T.INT64, [5])], {"output_height": 2, "output_width": 3})

# Products and recurrent layers.
for opset in (1, 6):
    case("Gemm", opset, [f(4, 3), f(4, 5), f(5)], {"transA": 1, "broadcast": 1}, hand=[f(3, 5)])
case("Gemm", 7, [f(4, 3), f(5, 3), f(4, 1)], {"transB": 1})
case("Gemm", 11, [f(4, 3), f(3, 5)])
case("MatMul", 1, [f(2, 4, 3), f(3, 5)])
for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
    last = [f(1, 2, 6)] * (2 if op == "LSTM" else 1)
    W = [f(1, gates * 6, 5), f(1, gates * 6, 6)]
    case(op, 1, [f(7, 2, 5)] + W, {"hidden_size": 6, "output_sequence": 1}, hand=[f(7, 1, 2, 6)] + last)
    case(op, 7, [f(7, 2, 5)] + W, {"hidden_size": 6}, hand=1 + len(last))
    case(op, 14, [f(2, 7, 5)] + W, {"hidden_size": 6, "layout": 1}, hand=[f(2, 7, 1, 6)] + [f(2, 1, 6)] * len(last))
case("Einsum", 12, [f(2, 3), f(3, 4)], {"equation": "ij,jk->ik"})

# Scans and transforms.
state, cell = helper.make_tensor_value_info("s", T.FLOAT, [5]), helper.make_tensor_value_info("x", T.FLOAT, [5])
body = helper.make_graph(
    [helper.make_node("Add", ["s", "x"], ["t"]), helper.make_node("Identity", ["t"], ["y"])], "body", [state, cell],
    [helper.make_tensor_value_info("t", T.FLOAT, [5]), helper.make_tensor_value_info("y", T.FLOAT, [5])])
case("Scan", 8, [None, f(2, 5), f(2, 7, 5)], {"num_scan_inputs": 1}, hand=2, body=body)
case("Scan", 8, [ints(7, 3), f(2, 5), f(2, 7, 5)], {"num_scan_inputs": 1}, hand=[f(2, 5), f(2, 7, 5)], body=body)
case("Scan", 9, [f(5), f(7, 5)], {"num_scan_inputs": 1}, hand=2, body=body)
case("Scan", 11, [f(5), f(5, 7)], {"num_scan_inputs": 1, "scan_input_axes": [-1], "scan_output_axes": [1]}, hand=2, body=body)
case("DFT", 17, [f(2, 8, 6, 1)], {"onesided": 1})
case("DFT", 17, [f(2, 8, 6, 1), np.array(16, np.int64)], {"axis": 2}, hand=[f(2, 8, 16, 2)])
case("DFT", 20, [f(2, 8, 6, 1)], hand=[f(2, 8, 6, 2)])
case("DFT", 20, [f(2, 8, 6, 1), None, np.array(1, np.int64)], {"onesided": 1})
case("Scatter", 9, [f(3, 3), (T.INT64, [2, 3]), f(2, 3)], {"axis": 0})
case("Constant", 1, [], {"value": numpy_helper.from_array(np.zeros((2, 3), np.float32))})
case("Gather", 1, [f(*X), ints(0, 2)], {"axis": 1})
case("Expand", 8, [f(3, 1), ints(2, 1, 6)])

# On trial before set 7, and gone: as the documentation of onnx 1.1 has them.
case("Affine", 1, [f(*X)], {"alpha": 2.0, "beta": 1.0}, hand=[f(*X)])
case("ParametricSoftplus", 1, [f(*X)], {"alpha": 2.0, "beta": 1.0}, hand=[f(*X)])
case("ScaledTanh", 1, [f(*X)], {"alpha": 2.0, "beta": 1.0}, hand=[f(*X)])
case("ThresholdedRelu", 1, [f(*X)], {"alpha": 2.0}, hand=[f(*X)])
case("Scale", 1, [f(*X)], {"scale": 2.0}, hand=[f(*X)])
case("ImageScaler", 1, [f(*X)], {"scale": 2.0, "bias": [1.0, 2.0, 3.0]}, hand=[f(*X)])
case("Crop", 1, [f(1, 3, 10, 20)], {"border": [1, 2, 3, 4]}, hand=[f(1, 3, 4, 16)])
case("Crop", 1, [f(1, 3, 10, 20)], {"border": [1, 2, 0, 0], "scale": [5, 6]}, hand=[f(1, 3, 5, 6)])
case("ConstantFill", 1, [], {"shape": [2, 3], "value": 1.0}, hand=[f(2, 3)])
case("ConstantFill", 1, [ints(4, 5)], {"input_as_shape": 1, "dtype": T.INT64}, hand=[(T.INT64, [4, 5])])
case("ConstantFill", 1, [f(4, 5)], {"extra_shape": [6]}, hand=[f(4, 5, 6)])
case("GivenTensorFill", 1, [], {"shape": [2, 2], "values": [1.0, 2.0, 3.0, 4.0]}, hand=[f(2, 2)])
case("DynamicSlice", 1, [f(*X), ints(1), ints(3), ints(2)], hand=[f(2, 3, 2, 5)])
case("GRUUnit", 1, [f(1, 2, 6), f(1, 2, 18), (T.INT32, [2]), (T.INT32, [1])], {"drop_states": 0}, hand=[f(1, 2, 6)])

target = pathlib.Path(__file__).with_name("opsets.gz")
target.write_bytes(gzip.compress(b"".join(records), 9, mtime=0))
print(len(records), "cases,", target.stat().st_size, "bytes")
