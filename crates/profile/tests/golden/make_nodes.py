"""Inputs and outputs of single operators, from the test cases that the onnx package generates, and for operators of
ONNX Runtime from itself: python make_nodes.py

Needs numpy, onnx, onnxruntime, safetensors. Writes nodes.safetensors: for each case `NAME/model` (bytes of an ONNX file),
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
SKIPPED = ["training_dropout", "expanded", "top_k_same_values", "bernoulli"]
SOURCES = (HERE / "../../src/ops").glob("*.rs")
KERNELS = {name for file in SOURCES for name in re.findall(r'"([A-Z]\w+)"', file.read_text())}
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
    kept = [i for i in graph.input if i.name not in constant]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.extend(numpy_helper.from_array(named[name], name) for name in sorted(constant))
    name = case.name.removeprefix("test_")
    tensors[f"{name}/model"] = numpy.frombuffer(model.SerializeToString(), numpy.uint8)
    # Integers of eight bits are quantised weights to the importer, which keeps no weights.
    given = [i.name for i in kept] + [n for n in sorted(constant) if named[n].dtype.itemsize == 1]
    tensors.update({f"{name}/in/{n}": stored(named[n]) for n in given})
    tensors.update({f"{name}/out/{i}": stored(a) for i, a in enumerate(outputs)})


def microsoft(tensors: dict) -> None:
    """Operators of the domain com.microsoft: name of the case, operator, operands, attributes, results."""
    import onnxruntime

    rng = numpy.random.default_rng(7)
    f = lambda *shape: rng.standard_normal(shape).astype(numpy.float32)
    u = lambda *shape: rng.integers(0, 256, shape).astype(numpy.uint8)
    i = lambda *shape: rng.integers(-128, 128, shape).astype(numpy.int8)
    scale, zero = lambda v: numpy.float32(v), lambda v: numpy.uint8(v)
    unit = [scale(0.02), zero(120)]
    result = [scale(0.05), zero(100)]
    cases = [
        ("bias_gelu", "BiasGelu", [f(2, 3, 8), f(8)], {}, 1),
        ("quick_gelu", "QuickGelu", [f(2, 3, 8)], {"alpha": 1.5}, 1),
        ("fused_conv", "FusedConv", [f(1, 2, 5, 5), f(3, 2, 3, 3), f(3)], {"activation": "Relu"}, 1),
        ("fused_conv_leaky", "FusedConv", [f(1, 2, 5, 5), f(3, 2, 3, 3), f(3)],
         {"activation": "LeakyRelu", "activation_params": [0.2]}, 1),
        ("fused_gemm", "FusedGemm", [f(3, 4), f(4, 5), f(5)], {"activation": "Relu"}, 1),
        ("fused_matmul", "FusedMatMul", [f(2, 4, 3), f(2, 5, 4)], {"transA": 1, "transB": 1, "alpha": 0.5}, 1),
        ("skip_layer_norm", "SkipLayerNormalization", [f(2, 3, 8), f(2, 3, 8), f(8), f(8), f(8)], {}, 1),
        ("skip_simplified", "SkipSimplifiedLayerNormalization", [f(2, 3, 8), f(2, 3, 8), f(8)], {}, 1),
        ("multi_head", "MultiHeadAttention", [f(2, 4, 8), f(2, 5, 8), f(2, 5, 8)], {"num_heads": 2}, 1),
        ("projecting_attention", "Attention", [f(2, 4, 8), f(8, 24), f(24)], {"num_heads": 2}, 1),
        ("multi_head_biased", "MultiHeadAttention",
         [f(2, 4, 8), f(2, 5, 8), f(2, 5, 8), f(24), numpy.array([5, 3], numpy.int32)], {"num_heads": 2}, 1),
        ("projecting_masked", "Attention",
         [f(2, 4, 8), f(8, 24), f(24), numpy.array([[1, 1, 1, 0], [1, 1, 0, 0]], numpy.int32)], {"num_heads": 2}, 1),
        ("grouped", "GroupQueryAttention",
         [f(1, 3, 64), f(1, 3, 32), f(1, 3, 32), f(1, 2, 2, 16), f(1, 2, 2, 16), numpy.array([4], numpy.int32),
          numpy.array([5], numpy.int32), f(8, 8), f(8, 8)], {"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1}, 3),
        ("grouped_window", "GroupQueryAttention",
         [f(1, 5, 64), f(1, 5, 32), f(1, 5, 32), f(1, 2, 0, 16), f(1, 2, 0, 16), numpy.array([4], numpy.int32),
          numpy.array([5], numpy.int32)], {"num_heads": 4, "kv_num_heads": 2, "local_window_size": 2}, 3),
        ("grouped_in_place", "GroupQueryAttention",
         [f(1, 3, 128), None, None, f(1, 2, 8, 16), f(1, 2, 8, 16), numpy.array([4], numpy.int32),
          numpy.array([5], numpy.int32), f(8, 8), f(8, 8)], {"num_heads": 4, "kv_num_heads": 2, "do_rotary": 1}, 3),
        ("projecting_past", "Attention",
         [f(2, 3, 8), f(8, 24), f(24), None, f(2, 2, 2, 4, 4)], {"num_heads": 2, "unidirectional": 1}, 2),
        ("embed_norm", "EmbedLayerNormalization",
         [rng.integers(0, 9, (2, 4)).astype(numpy.int32), rng.integers(0, 2, (2, 4)).astype(numpy.int32), f(9, 8),
          f(6, 8), f(2, 8), f(8), f(8), numpy.array([[1, 1, 1, 0], [1, 1, 1, 1]], numpy.int32)], {}, 2),
        ("rotary_microsoft", "RotaryEmbedding",
         [f(2, 3, 16), numpy.array([[0, 1, 2], [3, 4, 5]]), f(6, 4), f(6, 4)], {}, 1),
        ("rotary_first_position", "RotaryEmbedding", [f(2, 3, 16), numpy.array([2]), f(6, 4), f(6, 4)], {}, 1),
        ("qlinear_add", "QLinearAdd", [u(2, 8), *unit, u(2, 8), *unit, *result], {}, 1),
        ("qlinear_mul", "QLinearMul", [u(2, 8), *unit, u(8), *unit, *result], {}, 1),
        ("qlinear_sigmoid", "QLinearSigmoid", [u(2, 8), *unit, scale(1 / 256), zero(0)], {}, 1),
        ("qlinear_leaky", "QLinearLeakyRelu", [u(2, 8), *unit, *result], {"alpha": 0.1}, 1),
        ("qlinear_global", "QLinearGlobalAveragePool", [u(1, 3, 4, 4), *unit, *result], {}, 1),
        ("qlinear_average", "QLinearAveragePool", [u(1, 3, 5, 5), *unit, *result], {"kernel_shape": [3, 3]}, 1),
        ("qlinear_concat", "QLinearConcat", [*result, u(2, 3), *unit, u(2, 5), *result], {"axis": 1}, 1),
        ("qgemm", "QGemm", [u(3, 8), *unit, u(8, 4), *unit, rng.integers(-90, 90, 4).astype(numpy.int32), *result], {}, 1),
        ("qgemm_float", "QGemm", [u(3, 8), *unit, u(8, 4), *unit], {}, 1),
        ("dynamic_matmul", "DynamicQuantizeMatMul", [f(3, 8), i(8, 4), f(4), numpy.zeros(4, numpy.int8), f(4)], {}, 1),
        ("matmul_to_float", "MatMulIntegerToFloat", [u(3, 8), u(8, 4), scale(0.02), scale(0.03), zero(9), zero(5), f(4)],
         {}, 1),
        ("matmul_4_bits", "MatMulNBits", [f(2, 40), u(3, 3, 8), f(3, 3).reshape(-1), u(3, 2).reshape(-1)],
         {"K": 40, "N": 3, "bits": 4, "block_size": 16}, 1),
        ("affine", "Affine", [f(2, 3)], {"alpha": 2.0, "beta": 0.5}, 1),
        ("scaled_tanh", "ScaledTanh", [f(2, 3)], {"alpha": 2.0, "beta": 0.5}, 1),
        ("parametric_softplus", "ParametricSoftplus", [f(2, 3)], {"alpha": 2.0, "beta": 0.5}, 1),
        ("image_scaler", "ImageScaler", [f(1, 3, 2, 2)], {"scale": 2.0, "bias": [0.1, 0.2, 0.3]}, 1),
        ("crop", "Crop", [f(1, 2, 6, 7)], {"border": [1, 2, 3, 1]}, 1),
        ("inverse", "Inverse", [f(2, 3, 3)], {}, 1),
        ("matmul_4_bits_symmetric", "MatMulNBits", [f(2, 32), u(3, 2, 8), f(6)],
         {"K": 32, "N": 3, "bits": 4, "block_size": 16}, 1),
    ]
    early = {"affine", "scaled_tanh", "parametric_softplus", "image_scaler", "crop"}
    for name, op, operands, attributes, results in cases:
        slots = ["" if a is None else f"x{i}" for i, a in enumerate(operands)]
        operands = [numpy.asarray(a) for a in operands if a is not None]
        names, wanted = [n for n in slots if n], [f"y{i}" for i in range(results)]
        domain = "" if name in early else "com.microsoft"
        node = onnx.helper.make_node(op, slots, wanted, domain=domain, **attributes)
        types = [onnx.helper.np_dtype_to_tensor_dtype(a.dtype) for a in operands]
        value = onnx.helper.make_tensor_value_info
        # Lengths decide how a cache grows, which has to be known.
        known = [op == "GroupQueryAttention" and a.dtype.kind == "i" for a in operands]
        inputs = [value(n, t, a.shape) for n, t, a, k in zip(names, types, operands, known) if not k]
        constants = [numpy_helper.from_array(a, n) for n, a, k in zip(names, operands, known) if k]
        quantised = operands[0].dtype.kind == "u" or (name == "qlinear_concat")
        kind = onnx.TensorProto.UINT8 if quantised and "float" not in name else onnx.TensorProto.FLOAT
        kinds = [kind, onnx.TensorProto.INT32] if name == "embed_norm" else [kind] * results
        graph = onnx.helper.make_graph([node], name, inputs, [value(n, k, None) for n, k in zip(wanted, kinds)],
                                       constants)
        sets = [onnx.helper.make_opsetid("", 1 if name in early else 17), onnx.helper.make_opsetid("com.microsoft", 1)]
        model = onnx.helper.make_model(graph, opset_imports=sets, ir_version=8).SerializeToString()
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        given = {n: a for n, a, k in zip(names, operands, known) if not k}
        outputs = session.run(None, given)
        if name == "grouped_in_place":
            # Beyond the keys there are, a cache that is not shared holds anything; a shared one what it held.
            for output, past in zip(outputs[1:], operands[1:3]):
                output[:, :, 5:] = past[:, :, 5:]
        tensors[f"{name}/model"] = numpy.frombuffer(model, numpy.uint8)
        tensors.update({f"{name}/in/{n}": stored(a) for n, a in given.items()})
        tensors.update({f"{name}/out/{i}": stored(a) for i, a in enumerate(outputs)})


def main() -> None:
    warnings.filterwarnings("ignore")
    from onnx.backend.test.case.node import collect_testcases

    tensors = {}
    for case in collect_testcases(None):
        convert(case, tensors)
    microsoft(tensors)
    save_file(tensors, HERE / "nodes.safetensors")


if __name__ == "__main__":
    main()
