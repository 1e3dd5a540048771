"""What ONNX Runtime's own tools make of four small networks: its optimiser at every level, its transformer optimiser,
its quantisers and its float16 converter.

    python make_optimized.py [FOLDER]      writes optimized.jsonl.gz beside this file, and the models to FOLDER

A model a line: network and tool, and type and shape of every tensor as ONNX Runtime computes it, without further
optimisation, at the given sizes. Weights are left out of the models.
"""

import gzip, json, sys, tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as H, numpy_helper as NH
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.float16 import convert_float_to_float16

ort.set_default_logger_severity(4)
random = np.random.default_rng(3)
NAMES = {np.dtype(t): n for n, t in {
    "f16": np.float16, "f32": np.float32, "i8": np.int8, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "bool": np.bool_,
}.items()}


class Net:
    """Builds a network node by node."""

    def __init__(self):
        self.nodes, self.stored, self.inputs = [], [], []

    def input(self, name, *shape, t=T.FLOAT):
        self.inputs.append(H.make_tensor_value_info(name, t, list(shape)))
        return name

    def weight(self, *shape):
        return self.const(((random.random(shape) - 0.5) / 4).astype(np.float32))

    def const(self, value):
        name = f"w{len(self.stored)}"
        self.stored.append(NH.from_array(np.asarray(value), name))
        return name

    def __call__(self, op, *operands, n=1, domain="", **attrs):
        names = [f"t{len(self.nodes)}_{i}" for i in range(n)]
        self.nodes.append(H.make_node(op, operands, names, name=f"{op}_{len(self.nodes)}", domain=domain, **attrs))
        return names[0] if n == 1 else names

    def model(self, *outputs):
        outputs = [H.make_tensor_value_info(o, T.FLOAT, None) for o in outputs]
        graph = H.make_graph(self.nodes, "net", self.inputs, outputs, self.stored)
        return H.make_model(graph, opset_imports=[H.make_opsetid("", 17)], ir_version=9)


def cnn():
    net = Net()

    def conv(x, m, c, k, relu=True, **attrs):
        y = net("Conv", x, net.weight(m, c, k, k), net.weight(m), kernel_shape=[k, k], **attrs)
        y = net("BatchNormalization", y, *[net.const(np.full(m, v, np.float32)) for v in (1, 0, 0, 1)])
        return net("Relu", y) if relu else y

    x = net.input("image", "b", 3, 32, 32)
    x = conv(x, 16, 3, 3, pads=[1] * 4, strides=[2, 2])
    x = net("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    y = conv(x, 16, 16, 3, pads=[1] * 4)
    y = conv(y, 16, 16, 3, relu=False, pads=[1] * 4)
    x = net("Relu", net("Add", x, y))
    x = conv(x, 16, 1, 3, pads=[1] * 4, group=16)
    y = net("LeakyRelu", conv(x, 20, 16, 1, relu=False), alpha=0.1)
    z = net("Sigmoid", conv(x, 20, 16, 1, relu=False))
    x = net("Concat", y, net("Mul", y, z), net("AveragePool", z, kernel_shape=[3, 3], pads=[1] * 4), axis=1)
    x = net("Resize", x, "", net.const(np.array([1, 1, 2, 2], np.float32)), mode="nearest")
    x = net("GlobalAveragePool", conv(x, 32, 60, 1))
    x = net("Gemm", net("Flatten", x), net.weight(10, 32), net.weight(10), transB=1)
    return net.model(net("Softmax", x))


def norm(net, x, width):
    """A layer normalisation in parts, as exporters wrote it before it was an operator."""
    d = net("Sub", x, net("ReduceMean", x, axes=[-1]))
    v = net("ReduceMean", net("Pow", d, net.const(np.float32(2))), axes=[-1])
    d = net("Div", d, net("Sqrt", net("Add", v, net.const(np.float32(1e-5)))))
    return net("Add", net("Mul", d, net.const(np.ones(width, np.float32))), net.const(np.zeros(width, np.float32)))


def linear(net, x, rows, columns):
    return net("Add", net("MatMul", x, net.weight(rows, columns)), net.const(np.zeros(columns, np.float32)))


def gelu(net, x):
    e = net("Erf", net("Div", x, net.const(np.float32(np.sqrt(2)))))
    return net("Mul", net("Mul", x, net("Add", e, net.const(np.float32(1)))), net.const(np.float32(0.5)))


def heads(net, x, n, depth, perm):
    shape = net.const(np.array([0, 0, n, depth], np.int64))
    return net("Transpose", net("Reshape", x, shape), perm=perm)


def bert(layers=2, width=64, n=4):
    net = Net()
    ids, mask = net.input("input_ids", "b", "s", t=T.INT64), net.input("attention_mask", "b", "s", t=T.INT64)
    words = net("Gather", net.weight(100, width), ids)
    length = net("Gather", net("Shape", ids), net.const(np.int64(1)), axis=0)
    places = net("Range", net.const(np.int64(0)), length, net.const(np.int64(1)))
    x = norm(net, net("Add", words, net("Gather", net.weight(64, width), places)), width)
    m = net("Cast", net("Unsqueeze", net("Unsqueeze", mask, net.const(np.array([1]))), net.const(np.array([2]))), to=T.FLOAT)
    m = net("Mul", net("Sub", net.const(np.float32(1)), m), net.const(np.float32(-10000)))
    for _ in range(layers):
        q, k, v = (linear(net, x, width, width) for _ in range(3))
        q, v = heads(net, q, n, width // n, [0, 2, 1, 3]), heads(net, v, n, width // n, [0, 2, 1, 3])
        s = net("MatMul", q, heads(net, k, n, width // n, [0, 2, 3, 1]))
        s = net("Add", net("Div", s, net.const(np.float32(np.sqrt(width // n)))), m)
        y = net("Transpose", net("MatMul", net("Softmax", s, axis=-1), v), perm=[0, 2, 1, 3])
        y = linear(net, net("Reshape", y, net.const(np.array([0, 0, width]))), width, width)
        x = norm(net, net("Add", x, y), width)
        y = linear(net, gelu(net, linear(net, x, width, 4 * width)), 4 * width, width)
        x = norm(net, net("Add", x, y), width)
    return net.model(x)


def llama(layers=2, width=64, n=4):
    """Before any fusion: root mean squares in parts, gated feed-forward blocks, scores with a transposed factor."""
    net = Net()

    def rms(x):
        v = net("ReduceMean", net("Pow", x, net.const(np.float32(2))), axes=[-1])
        v = net("Sqrt", net("Add", v, net.const(np.float32(1e-5))))
        return net("Mul", net.const(np.ones(width, np.float32)), net("Div", x, v))

    ids = net.input("input_ids", "b", "s", t=T.INT64)
    x = net("Gather", net.weight(100, width), ids)
    for _ in range(layers):
        y = rms(x)
        q, k, v = (net("MatMul", y, net.weight(width, width)) for _ in range(3))
        q, k, v = (heads(net, t, n, width // n, [0, 2, 1, 3]) for t in (q, k, v))
        s = net("MatMul", q, net("Transpose", k, perm=[0, 1, 3, 2]))
        s = net("Softmax", net("Mul", s, net.const(np.float32(0.25))), axis=-1)
        y = net("Transpose", net("MatMul", s, v), perm=[0, 2, 1, 3])
        y = net("MatMul", net("Reshape", y, net.const(np.array([0, 0, width]))), net.weight(width, width))
        x = net("Add", x, y)
        y = rms(x)
        g, u = (net("MatMul", y, net.weight(width, 128)) for _ in range(2))
        y = net("Mul", net("Mul", g, net("Sigmoid", g)), u)
        x = net("Add", x, net("MatMul", y, net.weight(128, width)))
    return net.model(net("MatMul", rms(x), net.weight(width, 96)))


def lstm():
    net = Net()
    x = net.input("x", 7, "b", 16)
    y, h, _ = net("LSTM", x, net.weight(1, 32, 16), net.weight(1, 32, 8), net.weight(1, 64), n=3, hidden_size=8)
    y = net("Squeeze", y, net.const(np.array([1])))
    return net.model(linear(net, y, 8, 12), h)


SIZES = {"b": 2, "s": 8}


def feeds(model):
    values = {}
    for info in model.graph.input:
        tensor = info.type.tensor_type
        shape = [SIZES.get(d.dim_param, d.dim_value) for d in tensor.shape.dim]
        dtype = H.tensor_dtype_to_np_dtype(tensor.elem_type)
        values[info.name] = np.ones(shape, dtype) if tensor.elem_type == T.INT64 else random.random(shape).astype(dtype)
    return values


class Reader(CalibrationDataReader):
    def __init__(self, model):
        self.batches = iter([feeds(model) for _ in range(2)])

    def get_next(self):
        return next(self.batches, None)


def settings(level, path=None):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    if path:
        options.optimized_model_filepath = str(path)
    return options


def optimised(model, level, path):
    ort.InferenceSession(model.SerializeToString(), settings(level, path), providers=["CPUExecutionProvider"])
    return onnx.load(path)


def variants(name, model, folder):
    """Names and models."""
    source, path = folder / "source.onnx", folder / "made.onnx"
    onnx.save(model, source)
    yield "as built", model
    levels = ort.GraphOptimizationLevel
    for label, level in (("basic", levels.ORT_ENABLE_BASIC), ("extended", levels.ORT_ENABLE_EXTENDED), ("all", levels.ORT_ENABLE_ALL)):
        yield f"optimised {label}", optimised(model, level, path)
    quantize_dynamic(source, path)
    yield "quantised dynamically", onnx.load(path)
    yield "quantised dynamically, optimised", optimised(onnx.load(path), levels.ORT_ENABLE_ALL, folder / "again.onnx")
    if name != "lstm":
        for label, form in (("operators", QuantFormat.QOperator), ("pairs", QuantFormat.QDQ)):
            types = dict(activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
            quantize_static(source, path, Reader(model), quant_format=form, per_channel=name == "cnn", **types)
            yield f"quantised to {label}", onnx.load(path)
            yield f"quantised to {label}, optimised", optimised(onnx.load(path), levels.ORT_ENABLE_ALL, folder / "again.onnx")
    half = onnx.ModelProto()
    half.CopyFrom(model)
    yield "in float16", convert_float_to_float16(half)
    if name in ("bert", "llama"):
        for bits in (4, 8):
            made = MatMulNBitsQuantizer(onnx.load(source), block_size=32, is_symmetric=bits == 4, bits=bits)
            made.process()
            yield f"in {bits} bits", made.model.model
    if name == "bert":
        # Level 0: the others would run ONNX Runtime's own optimiser first, for which this function wants PyTorch.
        fused = optimizer.optimize_model(str(source), "bert", num_heads=4, hidden_size=64, opt_level=0)
        yield "fused for transformers", fused.model
        fused.convert_float_to_float16()
        yield "fused for transformers, in float16", fused.model


def shapes(model):
    """Every tensor that the graph computes, by name."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    given = {o.name for o in whole.graph.output}
    names = [o for node in whole.graph.node for o in node.output if o]
    whole.graph.output.extend(onnx.ValueInfoProto(name=o) for o in names if o not in given)
    session = ort.InferenceSession(whole.SerializeToString(), settings(ort.GraphOptimizationLevel.ORT_DISABLE_ALL), providers=["CPUExecutionProvider"])
    values = session.run(None, feeds(model))
    return {o.name: [NAMES[v.dtype], list(v.shape)] for o, v in zip(session.get_outputs(), values)}


def stripped(model):
    small = onnx.ModelProto()
    small.CopyFrom(model)
    del small.graph.value_info[:]
    for tensor in small.graph.initializer:
        if np.prod(tensor.dims) > 16:
            for field in ("raw_data", "float_data", "int32_data", "int64_data"):
                tensor.ClearField(field)
            tensor.data_location = 1
    return small


lines = []
for name, model in (("cnn", cnn()), ("bert", bert()), ("llama", llama()), ("lstm", lstm())):
    with tempfile.TemporaryDirectory() as folder:
        made = variants(name, model, Path(folder))
        while True:
            try:
                label, variant = next(made)
            except StopIteration:
                break
            except Exception as e:
                print(f"{name}: {str(e)[:300]}")
                break
            try:
                facts = shapes(variant)
            except Exception as e:
                print(f"{name}, {label}: not run: {str(e)[:300]}")
                continue
            if len(sys.argv) > 1:
                onnx.save(variant, Path(sys.argv[1]) / f"{name} {label}.onnx".replace(" ", "_"))
            hexed = stripped(variant).SerializeToString().hex()
            ops = sorted({f"{n.domain}::{n.op_type}" for n in variant.graph.node if n.domain not in ("", "ai.onnx")})
            print(f"{name}, {label}: {len(facts)} tensors", *ops)
            lines.append({"network": name, "tool": label, "tensors": facts, "model": hexed})
text = "".join(json.dumps(line) + "\n" for line in lines)
(Path(__file__).parent / "optimized.jsonl.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
