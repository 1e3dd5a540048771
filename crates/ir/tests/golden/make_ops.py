"""Writes ops.json: shapes and types of single-node models as onnx infers them, and elements where the
reference evaluator computes them. Usage: python make_ops.py (onnx 1.23, onnxruntime 1.31, numpy).

For poolings with ceil_mode and for Resize by scales the shape is the one that ONNX Runtime produces: onnx counts
a last window that starts in the trailing pad, and floors 10 x 0.7 (in single precision) to 6 where runtimes get 7."""

import itertools
import json
import pathlib
import random

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto as T
from onnx import checker, helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

rng = random.Random(20250101)
NAMES = {T.FLOAT: "f32", T.FLOAT16: "f16", T.DOUBLE: "f64", T.INT64: "i64", T.INT32: "i32", T.INT8: "i8",
         T.UINT8: "u8", T.BOOL: "bool"}
CODES = {name: code for code, name in NAMES.items()}
cases = []


def f(*shape):
    """A floating-point operand of this shape."""
    return ("f32", list(shape))


def i(*shape):
    return ("i64", list(shape))


def dims(rank, low=1, high=9):
    return [rng.randint(low, high) for _ in range(rank)]


def ints(*values):
    return np.array(values, dtype=np.int64)


def floats(*values):
    return np.array(values, dtype=np.float32)


def executed(model, operand):
    """Shape of the first result when ONNX Runtime runs the model on zeros."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return list(session.run(["o0"], {"i0": np.zeros(operand[1], np.float32)})[0].shape)


def case(op, inputs, attrs=None, results=1, opset=21, value=False):
    """Infers one model. Operands: (dtype, shape), a known array, or None where left out."""
    attrs = dict(attrs or {})
    graph_inputs, initializers, names, recorded = [], [], [], []
    for k, operand in enumerate(inputs):
        if operand is None:
            names.append("")
            recorded.append(None)
        elif isinstance(operand, np.ndarray):
            names.append(f"i{k}")
            tensor = numpy_helper.from_array(operand, f"i{k}")
            initializers.append(tensor)
            elements = operand.reshape(-1).astype(np.float64 if operand.dtype.kind == "f" else np.int64).tolist()
            recorded.append({"dtype": NAMES[tensor.data_type], "shape": list(operand.shape), "value": elements})
        else:
            names.append(f"i{k}")
            graph_inputs.append(helper.make_tensor_value_info(f"i{k}", CODES[operand[0]], operand[1]))
            recorded.append({"dtype": operand[0], "shape": operand[1]})
    outputs = [f"o{k}" for k in range(results)]
    node = helper.make_node(op, names, outputs, **attrs)
    infos = [helper.make_empty_tensor_value_info(o) for o in outputs]
    graph = helper.make_graph([node], "g", graph_inputs, infos, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    inferred = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    checker.check_model(inferred)
    expected = []
    for out in inferred.graph.output:
        tensor = out.type.tensor_type
        shape = [d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim]
        known = tensor.HasField("shape") and None not in shape
        expected.append({"dtype": NAMES[tensor.elem_type], "shape": shape if known else None})
    if attrs.get("ceil_mode") or (op == "Resize" and len(inputs) == 3):
        shape = executed(model, inputs[0])
        expected = [{**e, "shape": shape} for e in expected]
    assert all(e["shape"] is not None for e in expected), (op, inputs, attrs, expected)
    if value:
        for e, result in zip(expected, ReferenceEvaluator(model).run(None, {})):
            assert list(result.shape) == e["shape"], (op, result.shape, e)
            e["value"] = result.reshape(-1).astype(np.float64 if result.dtype.kind == "f" else np.int64).tolist()
    if "value" in attrs and op == "ConstantOfShape":
        tensor = attrs["value"]
        attrs["value"] = numpy_helper.to_array(tensor).reshape(-1)[0].item()
        attrs["dtype"] = tensor.data_type
    cases.append({"op": op, "attrs": attrs, "inputs": recorded, "outputs": expected})


def window(axes, dilated=True):
    """Random kernel, strides, pads or auto_pad, dilations."""
    attrs = {"kernel_shape": dims(axes, 1, 4), "strides": dims(axes, 1, 3)}
    if dilated:
        attrs["dilations"] = dims(axes, 1, 2)
    if rng.random() < 0.3:
        attrs["auto_pad"] = rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"])
    else:
        attrs["pads"] = [rng.randint(0, k - 1) for k in attrs["kernel_shape"]] * 2
    return attrs


def broadcastable(count):
    full = dims(rng.randint(1, 4))
    shapes = []
    for _ in range(count):
        shape = [n if rng.random() < 0.6 else 1 for n in full]
        shapes.append(shape[rng.randint(0, len(shape)):])
    return shapes


def convolutions():
    for axes in (1, 2, 2, 3):
        attrs, group, per_group = window(axes), rng.randint(1, 3), rng.randint(1, 3)
        m = group * rng.randint(1, 3)
        x, w = [2, group * per_group] + dims(axes, 9, 14), [m, per_group] + attrs["kernel_shape"]
        case("Conv", [f(*x), f(*w), f(m)], {**attrs, "group": group})
        t = {k: v for k, v in attrs.items() if k != "auto_pad"}
        case("ConvTranspose", [f(*x), f(x[1], 2, *attrs["kernel_shape"])], {**t, "group": group})
    case("ConvTranspose", [f(1, 4, 5, 6), f(4, 3, 3, 3)], {"output_shape": [11, 13], "strides": [2, 2]})
    case("ConvTranspose", [f(1, 4, 5, 6), f(4, 3, 3, 3)], {"output_padding": [1, 0], "strides": [2, 2]})
    case("ConvTranspose", [f(1, 4, 5, 6), f(4, 3, 3, 3)], {"auto_pad": "SAME_UPPER", "strides": [2, 2]})
    u8, i8 = lambda *s: ("u8", list(s)), lambda *s: ("i8", list(s))
    case("ConvInteger", [u8(1, 3, 8, 8), i8(4, 3, 3, 3)], {"pads": [1, 1, 1, 1]})
    scale = [f(), u8()]
    case("QLinearConv", [u8(1, 3, 8, 8), *scale, u8(4, 3, 3, 3), *scale, *scale], {"strides": [2, 2]})


def pools():
    for op, axes, ceil in itertools.product(("MaxPool", "AveragePool", "LpPool"), (1, 2, 3), (0, 1)):
        attrs = {**window(axes), "ceil_mode": ceil}
        if ceil and attrs.get("auto_pad", "").startswith("SAME"):
            del attrs["auto_pad"]  # ONNX Runtime refuses some of these.
        case(op, [f(2, 3, *dims(axes, 8, 15))], attrs, results=2 if op == "MaxPool" else 1)
    case("AveragePool", [f(1, 3, 6, 7)], {"kernel_shape": [3, 3], "strides": [2, 2], "count_include_pad": 1}, opset=7)
    for op in ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"):
        case(op, [f(*dims(rng.randint(3, 5)))])


def products():
    for trans_a, trans_b in itertools.product((0, 1), (0, 1)):
        m, k, n = dims(3)
        a, b = [m, k], [k, n]
        bias = rng.choice([[n], [m, 1], [1], []])
        operands = [f(*(a[::-1] if trans_a else a)), f(*(b[::-1] if trans_b else b)), f(*bias)]
        case("Gemm", operands, {"transA": trans_a, "transB": trans_b})
    for a, b in (([3], [3]), ([4, 3], [3]), ([3], [2, 3, 5]), ([4, 3], [3, 5]), ([6, 1, 4, 3], [2, 3, 5])):
        case("MatMul", [f(*a), f(*b)])
    case("MatMulInteger", [("u8", [2, 3, 4]), ("i8", [4, 5])])
    quantised = [("u8", [2, 4]), f(), ("u8", []), ("u8", [4, 5]), f(), ("u8", []), f(), ("u8", [])]
    case("QLinearMatMul", quantised)
    case("Einsum", [f(2, 3, 4), f(2, 4, 5)], {"equation": "bij,bjk->bik"})
    case("Einsum", [f(2, 5, 4, 8), f(2, 7, 4, 8)], {"equation": "bqhd, bkhd -> bhqk"})
    case("Einsum", [f(5, 2, 3), f(3, 4)], {"equation": "...ij,jk"})
    case("Einsum", [f(2, 3)], {"equation": "ij->ji"})
    case("Det", [f(5, 4, 4)])


def elementwise():
    for op in ("Add", "Sub", "Mul", "Div", "Pow", "Mod"):
        a, b = broadcastable(2)
        case(op, [f(*a), f(*b)], {"fmod": 1} if op == "Mod" else {})
        case(op, [ints(-7, 8, 9), ints(2)] if op != "Pow" else [ints(-7, 8, 9), ints(3)], value=op != "Div")
    case("Div", [ints(-7, 8, 9), ints(2)])
    for op in ("Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"):
        a, b = broadcastable(2)
        case(op, [f(*a), f(*b)])
        case(op, [ints(1, 2, 3), ints(2)], value=True)
    for op in ("And", "Or", "Xor"):
        a, b = broadcastable(2)
        case(op, [("bool", a), ("bool", b)])
    for op in ("Sum", "Mean", "Max", "Min"):
        case(op, [f(*s) for s in broadcastable(3)])
        case(op, [floats(1, 5, 2), floats(4), floats(3, 3, 3)], value=True)
    case("PRelu", [f(2, 3, 4), f(3, 1)])
    case("BitShift", [("u8", [2, 3]), ("u8", [3])], {"direction": "LEFT"})
    case("Where", [("bool", [3, 1]), f(4), f(2, 1, 1)])
    case("Where", [np.array([True, False]), ints(1), ints(2, 3)], value=True)
    for op in ("Relu", "Sigmoid", "Gelu", "Erf", "HardSwish", "Shrink", "Hardmax", "Softmax", "LogSoftmax"):
        case(op, [f(*dims(3))])
    for op in ("Neg", "Abs", "Floor", "Ceil", "Sqrt", "Round"):
        case(op, [floats(0.25, 2.5, 3.5)], value=True)
    for op in ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Celu", "Cos", "Cosh", "Elu", "Exp", "HardSigmoid",
               "LeakyRelu", "Log", "Mish", "Reciprocal", "Selu", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tan",
               "Tanh", "ThresholdedRelu"):
        case(op, [f(*dims(2))])
    case("Swish", [f(2, 3)], opset=24)
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        case(op, [ints(12, 10), ints(6)], value=True)
    case("Not", [np.array([True, False])], value=True)
    case("IsNaN", [f(2, 3)])
    case("IsInf", [f(2, 3)])
    case("Clip", [f(2, 3), floats(0).reshape(()), floats(6).reshape(())])
    case("Clip", [f(2, 3)], {"min": 0.0, "max": 6.0}, opset=7)
    case("Clip", [ints(-4, 2, 9), np.array(0), np.array(5)], value=True)


def normalisations():
    c = [f(6)]
    case("BatchNormalization", [f(2, 6, 3, 3)] + c * 4)
    case("BatchNormalization", [f(2, 6, 3, 3)] + c * 4, opset=7)
    case("BatchNormalization", [f(2, 6, 3, 3)] + c * 4, {"training_mode": 1}, results=3)
    case("LayerNormalization", [f(2, 3, 8), f(8), f(8)], results=3)
    case("LayerNormalization", [f(2, 3, 8), f(3, 8)], {"axis": 1}, results=3)
    case("RMSNormalization", [f(2, 3, 8), f(8)], opset=23)
    case("InstanceNormalization", [f(2, 6, 4), *c, *c])
    case("LRN", [f(2, 6, 4, 4)], {"size": 5})
    case("LpNormalization", [f(2, 6)], {"axis": 1})
    case("MeanVarianceNormalization", [f(2, 6, 4, 4)], {"axes": [0, 2, 3]}, opset=9)
    case("Dropout", [f(2, 6)], results=2)
    case("Dropout", [f(2, 6)], {"ratio": 0.3}, opset=7)
    case("Identity", [f(2, 6)])


def movement():
    x = dims(3)
    for axis in (0, 1, -1):
        parts = [list(x) for _ in range(3)]
        for part in parts:
            part[axis] = rng.randint(1, 5)
        case("Concat", [f(*p) for p in parts], {"axis": axis})
        case("Split", [f(6, 6, 6)], {"axis": axis, "num_outputs": 4 if axis else 3}, results=4 if axis else 3)
        case("Split", [f(6, 6, 6), ints(1, 5)], {"axis": axis}, results=2)
        case("Split", [f(6, 6, 6)], {"axis": axis, "split": [2, 4]}, results=2, opset=11)
        case("Split", [f(6, 6, 6)], {"axis": axis}, results=2, opset=13)
        case("Gather", [f(*x), i(4, 2)], {"axis": axis})
        case("GatherElements", [f(5, 5, 5), i(2, 3, 4)], {"axis": axis})
        case("ScatterElements", [f(5, 5, 5), i(2, 3, 4), f(2, 3, 4)], {"axis": axis})
    for axis in (0, 1, 2, 3, -1):
        case("Flatten", [f(*x)], {"axis": axis})
    case("Concat", [ints(1, 2), ints(), ints(3)], {"axis": 0}, value=True)
    case("Split", [ints(1, 2, 3), ints(1, 2)], results=2, value=True)
    case("Gather", [ints(7, 8, 9), ints(-1, 0)], value=True)
    for target in ((0, -1), (-1,), (2, 2, -1), (0, 0, 12)):
        case("Reshape", [f(4, 6, 2) if target != (0, 0, 12) else f(4, 6, 12), ints(*target)])
    case("Reshape", [f(0, 3), ints(3, 0)], {"allowzero": 1})
    case("Reshape", [ints(1, 2, 3, 4), ints(2, -1)], value=True)
    case("Transpose", [f(2, 3, 4)])
    case("Transpose", [f(2, 3, 4, 5)], {"perm": [0, 2, 3, 1]})
    case("Transpose", [ints(1, 2, 3, 4, 5, 6).reshape(2, 3)], value=True)
    for starts, ends, axes, steps in (([1], [3], [0], [1]), ([-2], [2**63 - 1], [-1], [1]), ([8], [-9], [1], [-2]),
                                      ([0, 2], [9, 1], [0, 1], [3, 1]), ([-1], [-2**63], [0], [-1])):
        case("Slice", [f(6, 7, 8), ints(*starts), ints(*ends), ints(*axes), ints(*steps)])
        if len(axes) == 1:
            numbers = np.arange(8, dtype=np.int64)
            case("Slice", [numbers, ints(*starts), ints(*ends), ints(0), ints(*steps)], value=True)
    case("Slice", [f(6, 7)], {"starts": [1, -3], "ends": [99, -1]}, opset=7)
    for op in ("Squeeze", "Unsqueeze"):
        case(op, [f(1, 3, 1), ints(0, -1)])
        case(op, [f(1, 3, 1)], {"axes": [0, 2]}, opset=11)
    case("Squeeze", [f(1, 3, 1)])
    case("Unsqueeze", [np.array(5), ints(0)], value=True)
    case("Expand", [f(3, 1), ints(2, 1, 6)])
    case("Expand", [ints(4), ints(3)], value=True)
    case("Tile", [f(2, 3), ints(2, 4)])
    case("Tile", [ints(1, 2), ints(3)], value=True)
    case("Pad", [f(1, 3, 6, 6), ints(0, 0, 1, 2, 0, 0, 3, -1)])
    case("Pad", [f(1, 3, 6, 6), ints(1, 2, 3, 4), None, ints(2, -1)])
    case("Pad", [f(1, 3, 6)], {"pads": [0, 0, 1, 0, 0, 2], "mode": "reflect"}, opset=9)
    case("DepthToSpace", [f(1, 8, 3, 4)], {"blocksize": 2})
    case("SpaceToDepth", [f(1, 2, 6, 8)], {"blocksize": 2})
    case("GatherND", [f(4, 3, 2), i(5, 2)])
    case("GatherND", [f(4, 3, 2), i(4, 6, 1)], {"batch_dims": 1})
    case("ScatterND", [f(4, 5), i(3, 1), f(3, 5)])
    case("Trilu", [f(4, 5)])
    case("ReverseSequence", [f(4, 5), i(5)])
    case("Col2Im", [f(1, 12, 9), ints(4, 4), ints(2, 2)])


def reductions():
    ops = ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean", "ReduceMin",
           "ReduceProd", "ReduceSum", "ReduceSumSquare")
    for op in ops:
        axes = rng.sample([0, 1, -1], rng.randint(1, 3))
        case(op, [f(*dims(3)), ints(*axes)], {"keepdims": rng.randint(0, 1)})
        case(op, [f(*dims(4))], {"axes": axes, "keepdims": rng.randint(0, 1)}, opset=11)
    case("ReduceSum", [f(2, 3), ints()], {"noop_with_empty_axes": 1})
    case("ReduceMax", [f(2, 3)], {"keepdims": 0})
    for op in ("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"):
        case(op, [ints(1, 2, 3, 4, 5, 6).reshape(2, 3), ints(1)], {"keepdims": 0}, value=True)
    case("ArgMax", [f(2, 3, 4)], {"axis": 1})
    case("ArgMin", [f(2, 3, 4)], {"axis": -1, "keepdims": 0})
    case("TopK", [f(2, 9), ints(5)], results=2)
    case("TopK", [f(2, 9)], {"k": 2, "axis": 0}, results=2, opset=9)
    case("CumSum", [f(2, 9), np.array(1)])


def sources():
    case("Shape", [f(2, 3, 4)])
    case("Shape", [f(2, 3, 4)], {"start": -2, "end": 9})
    case("Size", [f(2, 3, 4)])
    for code in (T.FLOAT16, T.INT64, T.BOOL, T.INT32, T.DOUBLE):
        case("Cast", [f(2, 3)], {"to": code})
    case("Cast", [floats(-1.75, 2.5)], {"to": T.INT64}, value=True)
    case("Cast", [ints(3)], {"to": T.FLOAT}, value=True)
    case("CastLike", [f(2, 3), i(1)])
    case("Constant", [], {"value_ints": [1, 2, 3]}, value=True)
    case("Constant", [], {"value_float": 1.5}, value=True)
    case("ConstantOfShape", [ints(2, 3)])
    case("ConstantOfShape", [ints(2, 3)], {"value": helper.make_tensor("v", T.INT64, [1], [7])}, value=True)
    case("ConstantOfShape", [ints(2)], {"value": helper.make_tensor("v", T.BOOL, [1], [True])}, value=True)
    case("Range", [np.array(1), np.array(10), np.array(4)], value=True)
    case("Range", [floats(x).reshape(()) for x in (5, 0, -1.5)], value=True)
    case("EyeLike", [f(3, 4)], {"dtype": T.INT32})
    case("RandomNormal", [], {"shape": [2, 3]})
    case("RandomUniformLike", [f(2, 3)], {"dtype": T.DOUBLE})
    case("Bernoulli", [f(2, 3)])
    case("OneHot", [i(2, 3), np.array(10), f(2)])
    case("OneHot", [i(2, 3), ints(10), f(2)], {"axis": 1})
    case("QuantizeLinear", [f(2, 3), f(), ("i8", [])])
    case("QuantizeLinear", [f(2, 3), f()])
    case("DequantizeLinear", [("u8", [2, 3]), f()])
    case("DynamicQuantizeLinear", [f(2, 3)], results=3)


def vision():
    for scale in (0.7, 1.3, 2.0, 0.5, 2.6):
        case("Resize", [f(1, 3, 10, 15), None, floats(1, 1, scale, scale)], {"mode": "linear"})
    case("Resize", [f(1, 3, 10, 15), floats(1, 1, 2, 2)], opset=10)
    case("Resize", [f(1, 3, 10, 15), None, None, ints(1, 3, 7, 30)])
    for policy in ("stretch", "not_larger", "not_smaller"):
        attrs = {"axes": [2, 3], "keep_aspect_ratio_policy": policy}
        case("Resize", [f(1, 3, 10, 15), None, None, ints(7, 30)], attrs)
    case("Upsample", [f(1, 3, 4, 5)], {"scales": [1.0, 1.0, 2.0, 3.0]}, opset=7)
    case("Upsample", [f(1, 3, 4, 5), floats(1, 1, 2, 3)], opset=9)
    case("GridSample", [f(2, 3, 8, 8), f(2, 4, 5, 2)], {"mode": "linear"})
    case("RoiAlign", [f(1, 8, 32, 32), f(5, 4), i(5)], {"output_height": 7, "output_width": 3})
    case("AffineGrid", [f(2, 2, 3), ints(2, 3, 4, 5)])


def sequences():
    for op, gates in (("RNN", 1), ("GRU", 3), ("LSTM", 4)):
        directions = rng.randint(1, 2)
        operands = [f(7, 2, 6), f(directions, gates * 5, 6), f(directions, gates * 5, 5)]
        direction = "bidirectional" if directions == 2 else "reverse"
        attrs = {"hidden_size": 5, "direction": direction}
        case(op, operands, attrs, results=3 if op == "LSTM" else 2)
    case("LSTM", [f(2, 7, 6), f(1, 20, 6), f(1, 20, 5)], {"hidden_size": 5, "layout": 1}, results=3)
    case("Attention", [f(2, 4, 5, 8), f(2, 4, 7, 8), f(2, 4, 7, 6)], opset=23)
    case("Attention", [f(2, 5, 32), f(2, 7, 16), f(2, 7, 12)], {"q_num_heads": 4, "kv_num_heads": 2}, opset=23)
    case("RotaryEmbedding", [f(2, 4, 5, 8), f(2, 5, 4), f(2, 5, 4)], opset=23)


def signals():
    case("DFT", [f(2, 9, 1)], {"onesided": 1}, opset=20)
    case("DFT", [f(2, 9, 6, 2), np.array(16), np.array(1)], opset=20)
    case("DFT", [f(2, 5, 2), None, np.array(1)], {"onesided": 1, "inverse": 1}, opset=20)
    # Without the attribute onnx infers both sides; its evaluator and ONNX Runtime give one, which is the default.
    case("STFT", [f(2, 128, 1), np.array(8), f(16)], {"onesided": 1}, opset=17)
    case("STFT", [f(2, 128, 1), np.array(7), None, np.array(16)], {"onesided": 0}, opset=17)
    for op in ("HannWindow", "HammingWindow", "BlackmanWindow"):
        case(op, [np.array(10)], {"output_datatype": T.DOUBLE}, opset=17)
    case("MelWeightMatrix", [np.array(8), np.array(16), np.array(8192), f(), f()], opset=17)


def recent():
    case("DeformConv", [f(2, 4, 9, 9), f(6, 2, 3, 3), f(2, 36, 7, 7)], {"group": 2, "offset_group": 2}, opset=22)
    case("MaxUnpool", [f(1, 2, 3, 4), i(1, 2, 3, 4)], {"kernel_shape": [3, 2], "strides": [2, 2], "pads": [1, 0, 0, 0]})
    case("MaxRoiPool", [f(1, 3, 8, 8), f(5, 5)], {"pooled_shape": [2, 3]})
    case("Multinomial", [f(3, 7)], {"sample_size": 4, "dtype": T.INT64})
    case("NegativeLogLikelihoodLoss", [f(3, 5, 6), i(3, 6), f(5)], {"reduction": "none"})
    case("NegativeLogLikelihoodLoss", [f(3, 5), i(3)])
    case("SoftmaxCrossEntropyLoss", [f(3, 5, 6), i(3, 6)], {"reduction": "none"}, results=2)
    case("SoftmaxCrossEntropyLoss", [f(3, 5), i(3), f(5)], results=2)
    case("TensorScatter", [f(2, 4, 16, 8), f(2, 4, 3, 8), i(2)], opset=24)
    case("TfIdfVectorizer", [i(2, 6)], {"mode": "TF", "min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0,
                                        "ngram_counts": [0], "ngram_indexes": [0, 4, 2], "pool_int64s": [2, 3, 5]})
    case("BitCast", [f(2, 3)], {"to": T.INT32}, opset=26)
    case("CausalConvWithState", [f(2, 3, 5), f(3, 1, 4)], {"activation": "silu"}, results=2, opset=27)
    case("LinearAttention", [f(2, 5, 32), f(2, 5, 16), f(2, 5, 12)], {"q_num_heads": 4, "kv_num_heads": 2, "update_rule": "linear"},
         results=2, opset=27)
    case("SwiGLU", [f(2, 3), f(2, 3)], opset=28)


for family in (convolutions, pools, products, elementwise, normalisations, movement, reductions, sources, vision,
               sequences, signals, recent):
    family()
lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
pathlib.Path(__file__).with_name("ops.json").write_text(f"[\n{lines}\n]\n")
print(len(cases), "cases with onnx", onnx.__version__, "over", len({c["op"] for c in cases}), "operators")
