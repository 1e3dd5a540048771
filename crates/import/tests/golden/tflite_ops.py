"""Small models, at least one for every builtin operator that TFLite's interpreter runs, with the types and shapes that it
gives to their tensors.

    python tflite_ops.py > /dev/null     # writes tflite_ops.json.gz beside itself; says which operators are refused

Each case: {"name", "model": hexadecimal, "tensors": [[type, shape], …], "macs": by hand, where there are any}. A model is
run twice: first without shapes of results, then with those that came out, as a converter states them.
Packages: ai-edge-litert, numpy.
"""

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as S

T, B, O, O2 = S.TensorType, S.BuiltinOperator, S.BuiltinOptions, S.BuiltinOptions2
F32, I32, I64, I8, U8, BOOL, I16 = T.FLOAT32, T.INT32, T.INT64, T.INT8, T.UINT8, T.BOOL, T.INT16
NUMPY = {F32: np.float32, I32: np.int32, I64: np.int64, I8: np.int8, U8: np.uint8, BOOL: np.bool_, I16: np.int16, T.FLOAT16: np.float16}
TYPES = {np.dtype(n): t for t, n in NUMPY.items()}
SAME, VALID = S.Padding.SAME, S.Padding.VALID


def options(table_name: str, /, **fields):
    name = table_name
    table = getattr(S, name + "T")()
    for field, value in fields.items():
        assert hasattr(table, field), (name, field)
        setattr(table, field, value)
    late = hasattr(O2, name)
    return late, getattr(O2 if late else O, name), table


class Graph:
    def __init__(self, net):
        self.net, self.tensors, self.operators, self.inputs, self.outputs = net, [], [], [], []

    def tensor(self, shape, dtype, buffer=0, variable=False, scale=None, signature=None):
        t = S.TensorT()
        t.shape, t.type, t.buffer, t.name = list(shape), dtype, buffer, f"t{len(self.tensors)}".encode()
        t.isVariable, t.hasRank, t.shapeSignature = variable, True, signature
        if scale is None and dtype in (I8, U8, I16):
            scale = 0.5
        if scale is not None:
            t.quantization = S.QuantizationParametersT()
            t.quantization.scale, t.quantization.zeroPoint = [scale], [0]
        self.tensors.append(t)
        return len(self.tensors) - 1

    def input(self, *shape, dtype=F32, **more):
        i = self.tensor(shape, dtype, **more)
        self.inputs.append(i)
        return i

    def state(self, *shape, dtype=F32, **more):
        return self.tensor(shape, dtype, variable=True, **more)

    def const(self, value, dtype=None, **more):
        given = isinstance(value, (np.ndarray, np.generic))
        value = np.asarray(value)
        if dtype is None and not given and value.dtype.kind != "f":
            dtype = I32
        if dtype is None:
            dtype = TYPES.get(value.dtype, F32 if value.dtype.kind == "f" else I32)
        value = value.astype(NUMPY[dtype])
        return self.tensor(value.shape, dtype, buffer=self.net.buffer(value.tobytes()), **more)

    def weight(self, *shape, dtype=F32, **more):
        return self.const(np.zeros(shape), dtype, **more)

    def op(self, code, inputs, dtypes=(F32,), opts=None, custom=None, scales=None, shape=(), **more):
        op = S.OperatorT()
        op.opcodeIndex = self.net.code(code)
        op.inputs = [-1 if i is None else i for i in inputs]
        scales = scales or [None] * len(dtypes)
        op.outputs = [self.tensor(shape, d, scale=s, **more) for d, s in zip(dtypes, scales)]
        if opts:
            late, kind, table = opts
            if late:
                op.builtinOptions2Type, op.builtinOptions2 = kind, table
            else:
                op.builtinOptionsType, op.builtinOptions = kind, table
        if custom is not None:
            op.customOptions = list(custom)
        self.operators.append(op)
        return op.outputs[0] if len(op.outputs) == 1 else op.outputs

    def pack(self):
        g = S.SubGraphT()
        g.tensors, g.operators, g.inputs, g.outputs = self.tensors, self.operators, self.inputs, self.outputs
        return g


class Net:
    def __init__(self):
        self.buffers, self.codes, self.graphs, self.signatures = [b""], [], [], []

    def buffer(self, data):
        self.buffers.append(data)
        return len(self.buffers) - 1

    def code(self, code):
        if code not in self.codes:
            self.codes.append(code)
        return self.codes.index(code)

    def graph(self):
        self.graphs.append(Graph(self))
        return self.graphs[-1]

    def bytes(self):
        m = S.ModelT()
        m.version, m.description = 3, b"test"
        m.operatorCodes = []
        for code in self.codes:
            c = S.OperatorCodeT()
            custom = isinstance(code, str)
            number = B.CUSTOM if custom else code
            c.builtinCode, c.deprecatedBuiltinCode, c.version = number, min(number, 127), VERSIONS.get(number, 1)
            c.customCode = code.encode() if custom else None
            m.operatorCodes.append(c)
        m.signatureDefs = self.signatures or None
        m.subgraphs = [g.pack() for g in self.graphs]
        m.buffers = []
        for data in self.buffers:
            b = S.BufferT()
            b.data = list(data) if data else None
            m.buffers.append(b)
        builder = flatbuffers.Builder(1024)
        builder.Finish(m.Pack(builder), b"TFL3")
        return bytes(builder.Output())


VERSIONS = {B.FULLY_CONNECTED: 1, B.CONV_2D: 1, B.GATHER: 5, B.STRIDED_SLICE: 8, B.TRANSPOSE_CONV: 3, B.RESHAPE: 1, B.BROADCAST_TO: 2}


WORKER = None


def interpret(model: bytes, resize=None) -> dict:
    """In another process, which a model may end. `resize` is the shape of the first input, if not that of the file."""
    global WORKER
    if WORKER is None or WORKER.poll() is not None:
        WORKER = subprocess.Popen([sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    WORKER.stdin.write(json.dumps([model.hex(), resize]).encode() + b"\n")
    WORKER.stdin.flush()
    for line in WORKER.stdout:
        if line.startswith(b"{"):
            return json.loads(line)
    return {"error": f"ended with {WORKER.wait()}"}


def run(model: bytes, resize) -> dict:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    if resize:
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], resize)
    interpreter.allocate_tensors()
    for d in interpreter.get_input_details():
        if d["dtype"] == np.bytes_ or d["dtype"] == np.object_:
            interpreter.set_tensor(d["index"], np.full(d["shape"], b"word word", dtype=np.object_))
        else:
            interpreter.set_tensor(d["index"], np.ones(d["shape"], d["dtype"]))
    interpreter.invoke()
    count = S.Model.GetRootAs(model, 0).Subgraphs(0).TensorsLength()
    found = {d["index"]: [np.dtype(d["dtype"]).name, d["shape"].tolist()] for d in interpreter.get_tensor_details()}
    return {"tensors": [found.get(i) for i in range(count)]}


def serve():
    for line in sys.stdin:
        model, resize = json.loads(line)
        try:
            result = run(bytes.fromhex(model), resize)
        except Exception as error:
            result = {"error": str(error)}
        print(json.dumps(result), flush=True)


CASES, SEEN, HAND, REFUSED = [], set(), set(), []


def case(name, build, macs=None, hand=None, bind=None):
    """`build(net, graph)` fills the first graph. The interpreter has no kernels for most of StableHLO: the shapes of
    its results are by hand, after its specification. `bind` gives extents to open axes of the first input."""

    def make(shapes):
        net = Net()
        g = net.graph()
        build(net, g)
        if not g.outputs:
            g.outputs = [o for op in g.operators for o in op.outputs]
        if shapes and not bind:
            written = {o for op in g.operators for o in op.outputs}
            for i, t in enumerate(g.tensors):
                if i in written and shapes[i] is not None:
                    t.shape = shapes[i][1]
        return net

    first = make(None)
    if hand is not None:
        for t, shape in zip((first.graphs[0].tensors[o] for op in first.graphs[0].operators for o in op.outputs), hand):
            t.shape = list(shape)
        names = {t: n for n, t in TYPES.items()}
        tensors = [[names[t.type].name, t.shape] for t in first.graphs[0].tensors]
        CASES.append({"name": name, "model": first.bytes().hex(), "tensors": tensors, **({"macs": macs} if macs else {})})
        HAND.update(first.codes)
        return
    resize = None
    if bind:
        extents = iter(bind.values())
        resize = [next(extents) if n < 0 else n for n in first.graphs[0].tensors[first.graphs[0].inputs[0]].shapeSignature]
    result = interpret(first.bytes(), resize)
    if "error" in result:
        REFUSED.append((name, result["error"]))
        return
    net = make(result["tensors"])
    again = interpret(net.bytes(), resize)
    if "error" in again:
        REFUSED.append((name + " (with shapes)", again["error"]))
        return
    SEEN.update(c for c in net.codes)
    entry = {"name": name, "model": net.bytes().hex(), "tensors": again["tensors"]}
    if macs is not None:
        entry["macs"] = macs
    if bind:
        entry["bind"] = bind
    CASES.append(entry)


def simple(code, shapes, dtype=F32, out=None, opts=None, macs=None, name=None, hand=None, **more):
    """Inputs of these shapes, one result."""

    def build(_, g):
        inputs = [g.input(*s, dtype=dtype) if isinstance(s, tuple) else g.const(s) for s in shapes]
        g.op(code, inputs, (out or dtype,), opts, **more)

    names = {v: k for k, v in vars(B).items() if not k.startswith("_")}
    case(name or names.get(code, str(code)), build, macs, hand)


def elementwise():
    for code in (B.ABS, B.CEIL, B.COS, B.ELU, B.EXP, B.FLOOR, B.HARD_SWISH, B.LOG, B.LOGISTIC, B.NEG, B.RELU, B.RELU6,
                 B.RELU_N1_TO_1, B.RELU_0_TO_1, B.ROUND, B.RSQRT, B.SIGN, B.SIN, B.SQRT, B.SQUARE, B.TANH,
                 B.ZEROS_LIKE):
        simple(code, [(2, 5, 6, 3)])
    simple(B.GELU, [(2, 3)], opts=options("GeluOptions", approximate=True))
    simple(B.LEAKY_RELU, [(2, 3)], opts=options("LeakyReluOptions", alpha=0.1))
    simple(B.LOGICAL_NOT, [(2, 3)], dtype=BOOL)
    for code, opts in ((B.ADD, "AddOptions"), (B.SUB, "SubOptions"), (B.MUL, "MulOptions"), (B.DIV, "DivOptions"),
                       (B.MAXIMUM, None), (B.MINIMUM, None), (B.POW, None), (B.FLOOR_MOD, None), (B.FLOOR_DIV, None),
                       (B.SQUARED_DIFFERENCE, None), (B.ATAN2, None)):
        opts = opts and options(opts, fusedActivationFunction=1)
        simple(code, [(2, 5, 6, 3), (2, 5, 6, 3)], opts=opts)
    for code in (B.ADD, B.MUL, B.MAXIMUM):
        opts = {B.ADD: options("AddOptions"), B.MUL: options("MulOptions")}.get(code)
        simple(code, [(2, 5, 6, 3), (6, 3)], opts=opts, name=f"{code} of 4 and 2 axes")
        simple(code, [(2, 1, 5, 6, 3), (4, 1, 6, 1)], opts=opts, name=f"{code} of 5 and 4 axes")
    for code in (B.EQUAL, B.NOT_EQUAL, B.GREATER, B.GREATER_EQUAL, B.LESS, B.LESS_EQUAL):
        simple(code, [(2, 5, 6, 3), (6, 3)], out=BOOL)
    for code in (B.LOGICAL_AND, B.LOGICAL_OR):
        simple(code, [(2, 3), (2, 3)], dtype=BOOL)
    for code in (B.BITWISE_XOR, B.RIGHT_SHIFT):
        simple(code, [(2, 3), (2, 3)], dtype=I32)
    simple(B.ADD_N, [(2, 3), (2, 3), (2, 3)])
    simple(B.PRELU, [(1, 5, 6, 3), np.zeros((1, 1, 3))])
    case("SELECT", lambda _, g: g.op(B.SELECT, [g.input(2, 3, dtype=BOOL), g.input(2, 3), g.input(2, 3)]))
    case("SELECT by row", lambda _, g: g.op(B.SELECT, [g.input(2, dtype=BOOL), g.input(2, 3, 4), g.input(2, 3, 4)]))
    case("SELECT_V2", lambda _, g: g.op(B.SELECT_V2, [g.input(2, 1, dtype=BOOL), g.input(2, 3), g.input(1, 3)]))
    case("CAST", lambda _, g: g.op(B.CAST, [g.input(2, 3)], (I32,), options("CastOptions", outDataType=I32)))
    case("BITCAST", lambda _, g: g.op(B.BITCAST, [g.input(2, 3)], (I32,)))
    case("BITCAST to bytes", lambda _, g: g.op(B.BITCAST, [g.input(2, 3)], (I16,)))
    simple(B.LOCAL_RESPONSE_NORMALIZATION, [(1, 5, 6, 8)], opts=options("LocalResponseNormalizationOptions", radius=2))
    simple(B.L2_NORMALIZATION, [(2, 5, 6, 3)], opts=options("L2NormOptions"))
    simple(B.SOFTMAX, [(2, 5, 6, 3)], opts=options("SoftmaxOptions", beta=1.0))
    simple(B.LOG_SOFTMAX, [(2, 3)])
    simple(B.FAKE_QUANT, [(2, 3)], opts=options("FakeQuantOptions", min=-1.0, max=1.0, numBits=8))
    case("QUANTIZE", lambda _, g: g.op(B.QUANTIZE, [g.input(2, 3)], (I8,)))
    case("DEQUANTIZE", lambda _, g: g.op(B.DEQUANTIZE, [g.input(2, 3, dtype=I8)]))
    simple(B.BUCKETIZE, [(2, 3)], out=I32, opts=options("BucketizeOptions", boundaries=[0.0, 1.0]))
    case("RFFT2D", lambda _, g: g.op(B.RFFT2D, [g.input(2, 3, 8), g.const([4, 8])], (T.COMPLEX64,)))

    def spectrum(code):
        def build(_, g):
            x = g.op(B.RFFT2D, [g.input(2, 4, 8), g.const([4, 8])], (T.COMPLEX64,))
            g.op(code, [x])
        return build

    for name in ("REAL", "IMAG", "COMPLEX_ABS"):
        case(name, spectrum(getattr(B, name)))


def windows():
    conv = lambda **k: options("Conv2DOptions", **{"strideW": 1, "strideH": 1, "padding": SAME, **k})
    case("CONV_2D", lambda _, g: g.op(B.CONV_2D, [g.input(2, 9, 8, 6), g.weight(5, 3, 3, 6), g.weight(5)],
         opts=conv(strideW=2, strideH=2)), 2 * 5 * 4 * 5 * 54)
    case("CONV_2D in groups", lambda _, g: g.op(B.CONV_2D, [g.input(2, 9, 8, 6), g.weight(4, 3, 3, 3), g.weight(4)],
         opts=conv(padding=VALID, dilationWFactor=2, dilationHFactor=3)), 2 * 3 * 4 * 4 * 27)

    def half(_, g):
        w = g.op(B.DEQUANTIZE, [g.weight(1, 3, 3, 6, dtype=T.FLOAT16)])
        b = g.op(B.DEQUANTIZE, [g.weight(6, dtype=T.FLOAT16)])
        g.outputs = [g.op(B.DEPTHWISE_CONV_2D, [g.input(2, 9, 8, 6), w, b],
                          opts=options("DepthwiseConv2DOptions", strideW=1, strideH=1, depthMultiplier=1))]

    case("DEPTHWISE_CONV_2D in half precision", half, 2 * 9 * 8 * 6 * 9)
    case("DEPTHWISE_CONV_2D", lambda _, g: g.op(B.DEPTHWISE_CONV_2D, [g.input(2, 9, 8, 6), g.weight(1, 3, 3, 12), g.weight(12)],
         opts=options("DepthwiseConv2DOptions", strideW=2, strideH=2, depthMultiplier=2)), 2 * 5 * 4 * 12 * 9)
    case("TRANSPOSE_CONV", lambda _, g: g.op(B.TRANSPOSE_CONV, [g.const([2, 17, 16, 5]), g.weight(5, 3, 3, 6), g.input(2, 9, 8, 6)],
         opts=options("TransposeConvOptions", strideW=2, strideH=2, padding=SAME)), 2 * 9 * 8 * 6 * 45)
    case("CONV_3D", lambda _, g: g.op(B.CONV_3D, [g.input(2, 5, 9, 8, 6), g.weight(2, 3, 3, 6, 4), g.weight(4)],
         opts=options("Conv3DOptions", strideD=1, strideW=2, strideH=3, padding=VALID)), 2 * 4 * 3 * 3 * 4 * 108)
    case("CONV_3D_TRANSPOSE", lambda _, g: g.op(B.CONV_3D_TRANSPOSE, [g.const([1, 6, 8, 8, 4]), g.weight(2, 3, 3, 4, 6), g.input(1, 3, 4, 4, 6)],
         opts=options("Conv3DOptions", strideD=2, strideW=2, strideH=2, padding=SAME)), 3 * 4 * 4 * 6 * 4 * 18)
    pool = options("Pool2DOptions", strideW=2, strideH=2, filterWidth=3, filterHeight=2, padding=SAME)
    for code in (B.AVERAGE_POOL_2D, B.MAX_POOL_2D, B.L2_POOL_2D):
        simple(code, [(2, 9, 8, 6)], opts=pool)
    simple(B.SPACE_TO_DEPTH, [(2, 8, 6, 3)], opts=options("SpaceToDepthOptions", blockSize=2))
    simple(B.DEPTH_TO_SPACE, [(2, 8, 6, 12)], opts=options("DepthToSpaceOptions", blockSize=2))
    simple(B.SPACE_TO_BATCH_ND, [(2, 7, 6, 3), [2, 3], [[0, 1], [0, 0]]])
    simple(B.SPACE_TO_BATCH_ND, [(2, 7, 3), [2], [[0, 1]]], name="SPACE_TO_BATCH_ND of 3 axes")
    simple(B.BATCH_TO_SPACE_ND, [(12, 4, 2, 3), [2, 3], [[0, 1], [1, 0]]])
    simple(B.BATCH_TO_SPACE_ND, [(12, 4, 3), [2], [[0, 1]]], name="BATCH_TO_SPACE_ND of 3 axes")
    simple(B.RESIZE_BILINEAR, [(2, 4, 5, 3), [8, 7]], opts=options("ResizeBilinearOptions", halfPixelCenters=True))
    simple(B.RESIZE_NEAREST_NEIGHBOR, [(2, 4, 5, 3), [8, 7]], opts=options("ResizeNearestNeighborOptions"))
    simple(B.DILATE, [(3, 4), [2, 3], np.float32(0)], opts=options("DilateOptions"))
    simple(B.REDUCE_WINDOW, [(9, 8), np.float32(0), np.int64([3, 2]), np.int64([2, 2]), np.int64([2, 1])],
           opts=options("ReduceWindowOptions", reduceFunction=1))

    def dilated(_, g):
        x = g.op(B.SPACE_TO_BATCH_ND, [g.input(1, 30, 40, 8), g.const([3, 3]), g.const([[3, 3], [3, 5]])])
        y = g.op(B.CONV_2D, [x, g.weight(4, 3, 3, 8), g.weight(4)], opts=conv(padding=VALID))
        g.outputs = [g.op(B.BATCH_TO_SPACE_ND, [y, g.const([3, 3]), g.const([[0, 0], [0, 2]])])]

    case("dilated convolution by blocks", dilated, 9 * 10 * 14 * 4 * 72)


def dense():
    fc = lambda **k: options("FullyConnectedOptions", **k)
    case("FULLY_CONNECTED", lambda _, g: g.op(B.FULLY_CONNECTED, [g.input(2, 6), g.weight(5, 6), g.weight(5)], opts=fc()), 60)
    case("FULLY_CONNECTED of rows", lambda _, g: g.op(B.FULLY_CONNECTED, [g.input(2, 3, 6), g.weight(5, 6), None], opts=fc()), 180)
    case("FULLY_CONNECTED keeps axes", lambda _, g: g.op(B.FULLY_CONNECTED, [g.input(2, 3, 4, 6), g.weight(5, 6), g.weight(5)],
         opts=fc(keepNumDims=True)), 2 * 12 * 30)

    def computed(rank):
        def build(_, g):
            w = g.op(B.DEQUANTIZE, [g.weight(5, 6, dtype=T.FLOAT16)])
            x = g.input(*[2, 3, 4, 6][4 - rank:])
            g.outputs = [g.op(B.FULLY_CONNECTED, [x, w, g.weight(5)], opts=fc(keepNumDims=True))]
        return build

    for rank in (2, 3, 4):
        case(f"FULLY_CONNECTED, half precision, {rank} axes", computed(rank), math.prod([2, 3, 4][4 - rank:]) * 30)
    case("BATCH_MATMUL", lambda _, g: g.op(B.BATCH_MATMUL, [g.input(2, 3, 4, 6), g.input(2, 3, 5, 6)],
         opts=options("BatchMatMulOptions", adjY=True)), 2 * 3 * 4 * 5 * 6)
    simple(B.EMBEDDING_LOOKUP, [np.int32([1, 0, 2]), np.zeros((4, 5))], name="EMBEDDING_LOOKUP of constants")
    case("EMBEDDING_LOOKUP", lambda _, g: g.op(B.EMBEDDING_LOOKUP, [g.input(3, dtype=I32), g.weight(4, 5)]))
    case("EMBEDDING_LOOKUP_SPARSE", lambda _, g: g.op(B.EMBEDDING_LOOKUP_SPARSE,
         [g.input(3, dtype=I32), g.const([[0, 0], [1, 0], [1, 1]]), g.const([2, 2]), g.weight(3), g.weight(4, 5)],
         opts=options("EmbeddingLookupSparseOptions", combiner=0)))
    case("HASHTABLE_LOOKUP", lambda _, g: g.op(B.HASHTABLE_LOOKUP, [g.input(3, dtype=I32), g.const([0, 1]), g.weight(2, 5)], (F32, U8)))
    for kind, name in ((1, "sparse"), (2, "dense")):
        case(f"LSH_PROJECTION {name}", lambda _, g: g.op(B.LSH_PROJECTION, [g.weight(3, 4), g.input(5, 2, dtype=I32), g.weight(5)], (I32,),
             opts=options("LSHProjectionOptions", type=kind)))


def sequences():
    h, n, t, i, p = 5, 2, 4, 3, 6

    def lstm(code, opts, x, cifg=False, peephole=False, projection=None, norm=False):
        def build(_, g):
            out = projection or h
            w = [None if cifg and k == 0 else g.weight(h, i) for k in range(4)]
            r = [None if cifg and k == 0 else g.weight(h, out) for k in range(4)]
            peep = [None if not peephole or cifg and k == 0 else g.weight(h) for k in range(3)]
            b = [None if cifg and k == 0 else g.weight(h) for k in range(4)]
            proj = [g.weight(out, h), None] if projection else [None, None]
            norms = [None if cifg and k == 0 else g.weight(h) for k in range(4)] if norm else []
            g.op(code, [g.input(*x), *w, *r, *peep, *b, *proj, g.state(n, out), g.state(n, h), *norms], opts=opts)
        gates = 3 if cifg else 4
        out = projection or h
        steps = n if len(x) == 2 else n * t
        return build, steps * (gates * h * (i + out) + (h * out if projection else 0))

    uni = lambda **k: options("UnidirectionalSequenceLSTMOptions", fusedActivationFunction=4, **k)
    for name, more in (("", {}), (" with peepholes", {"peephole": True}), (" coupled", {"cifg": True}),
                       (" projected", {"projection": p}), (" normalised", {"norm": True})):
        case("UNIDIRECTIONAL_SEQUENCE_LSTM" + name, *lstm(B.UNIDIRECTIONAL_SEQUENCE_LSTM, uni(timeMajor=False), (n, t, i), **more))
        case("LSTM" + name, *lstm(B.LSTM, options("LSTMOptions", fusedActivationFunction=4), (n, i), **more))
    case("UNIDIRECTIONAL_SEQUENCE_LSTM, time first", *lstm(B.UNIDIRECTIONAL_SEQUENCE_LSTM, uni(timeMajor=True), (t, n, i)))
    case("LSTM, one weight", lambda _, g: g.op(B.LSTM, [g.input(n, i), g.input(n, h), g.weight(4 * h, i + h), g.weight(4 * h), g.input(n, h)],
         (F32,) * 4, opts=options("LSTMOptions", fusedActivationFunction=4, kernelType=1)), n * 4 * h * (i + h))

    def both(merge, aux, time_major=False, cifg=False):
        def build(_, g):
            shape = (t, n) if time_major else (n, t)
            way = lambda: [*[None if cifg and k == 0 else g.weight(h, i) for k in range(4)],
                           *[None if cifg and k == 0 else g.weight(h, h) for k in range(4)], None, None, None,
                           *[None if cifg and k == 0 else g.weight(h) for k in range(4)], None, None]
            auxw = lambda: [None if cifg and k == 0 else g.weight(h, 2) for k in range(4)]
            x = g.input(*shape, i)
            fw, bw = way(), way()
            states = [g.state(n, h) for _ in range(4)]
            extra = {0: [None] * 9, 1: [g.input(*shape, i)] + [None] * 8}.get(aux)
            if aux == 2:
                extra = [g.input(*shape, 2)] + auxw() + auxw()
            g.op(B.BIDIRECTIONAL_SEQUENCE_LSTM, [x, *fw, *bw, *states, *extra], (F32,) if merge else (F32, F32),
                 opts=options("BidirectionalSequenceLSTMOptions", fusedActivationFunction=4, mergeOutputs=merge, timeMajor=time_major))
        return build, 2 * n * t * (3 if cifg else 4) * h * (i + h + (2 if aux == 2 else 0))

    case("BIDIRECTIONAL_SEQUENCE_LSTM", *both(False, 0))
    case("BIDIRECTIONAL_SEQUENCE_LSTM merged, time first", *both(True, 0, True))
    case("BIDIRECTIONAL_SEQUENCE_LSTM coupled", *both(True, 0, False, True))
    case("BIDIRECTIONAL_SEQUENCE_LSTM with a second input", *both(True, 2))
    case("BIDIRECTIONAL_SEQUENCE_LSTM crossed", *both(True, 1))

    rnn = lambda g: [g.weight(h, i), g.weight(h, h), g.weight(h)]
    case("RNN", lambda _, g: g.op(B.RNN, [g.input(n, i), *rnn(g), g.state(n, h)],
         opts=options("RNNOptions", fusedActivationFunction=1)), n * h * (i + h))
    for major, shape in ((False, (n, t, i)), (True, (t, n, i))):
        case(f"UNIDIRECTIONAL_SEQUENCE_RNN {major}", lambda _, g: g.op(B.UNIDIRECTIONAL_SEQUENCE_RNN, [g.input(*shape), *rnn(g), g.state(n, h)],
             opts=options("SequenceRNNOptions", timeMajor=major, fusedActivationFunction=4)), n * t * h * (i + h))
    for merge in (False, True):
        case(f"BIDIRECTIONAL_SEQUENCE_RNN {merge}", lambda _, g: g.op(B.BIDIRECTIONAL_SEQUENCE_RNN,
             [g.input(n, t, i), *rnn(g), g.state(n, h), *rnn(g), g.state(n, h), None, None, None], (F32,) if merge else (F32, F32),
             opts=options("BidirectionalSequenceRNNOptions", mergeOutputs=merge, fusedActivationFunction=4)), 2 * n * t * h * (i + h))
    case("SVDF", lambda _, g: g.op(B.SVDF, [g.input(2, 6), g.weight(8, 6), g.weight(8, 10), g.weight(4), g.state(2, 80)],
         opts=options("SVDFOptions", rank=2, fusedActivationFunction=1)), 2 * 8 * 16)


def reductions():
    keep = lambda k: options("ReducerOptions", keepDims=k)
    for code in (B.MEAN, B.SUM, B.REDUCE_MAX, B.REDUCE_MIN, B.REDUCE_PROD):
        simple(code, [(2, 5, 6, 3), [1, 2]], opts=keep(True))
        for axes in ([1, 2], [1], [-2], [3], [0], [0, 3], [1, 2, 3]):
            simple(code, [(2, 5, 6, 3), axes], opts=keep(False), name=f"{code} over {axes}")
    for code in (B.REDUCE_ANY, B.REDUCE_ALL):
        simple(code, [(2, 5, 6, 3), [1]], dtype=BOOL, opts=keep(False))
    simple(B.SUM, [(2, 3, 5, 6, 3), [1]], opts=keep(False), name="SUM of 5 axes")
    simple(B.SUM, [(2, 3), np.zeros(0, np.int32)], opts=keep(False), name="SUM over nothing")
    for name in ("ARG_MAX", "ARG_MIN"):
        opts = "ArgMaxOptions" if name == "ARG_MAX" else "ArgMinOptions"
        for axis in (-1, 1, 2, 0):
            simple(getattr(B, name), [(2, 5, 6, 3), np.int32(axis)], out=I32, opts=options(opts, outputType=I32), name=f"{name} {axis}")
        simple(getattr(B, name), [(2, 5), np.int32(1)], out=I64, opts=options(opts, outputType=I64))
    case("TOPK_V2", lambda _, g: g.op(B.TOPK_V2, [g.input(2, 5, 6, 7), g.const(np.int32(3))], (F32, I32)))
    simple(B.CUMSUM, [(2, 5, 6, 3), np.int32(-1)], opts=options("CumsumOptions", exclusive=True))
    simple(B.SEGMENT_SUM, [(5, 3), np.int32([0, 0, 1, 1, 2])])
    for name in ("MAX", "MIN", "PROD", "SUM"):
        simple(getattr(B, "UNSORTED_SEGMENT_" + name), [(2, 2, 3), np.int32([[0, 1], [1, 4]]), np.int32(6)])
    case("UNIQUE", lambda _, g: g.op(B.UNIQUE, [g.input(5)], (F32, I64), opts=options("UniqueOptions", idxOutType=I64)))
    case("WHERE", lambda _, g: g.op(B.WHERE, [g.input(2, 3, dtype=BOOL)], (I64,)))
    nms = lambda g, n: [g.input(9, 4), g.input(9), g.const(np.int32(n)), g.const(np.float32(0.5)), g.const(np.float32(0.1))]
    case("NON_MAX_SUPPRESSION_V4", lambda _, g: g.op(B.NON_MAX_SUPPRESSION_V4, nms(g, 4), (I32, I32)))
    case("NON_MAX_SUPPRESSION_V5", lambda _, g: g.op(B.NON_MAX_SUPPRESSION_V5, nms(g, 4) + [g.const(np.float32(0.0))], (I32, F32, I32)))


def movement():
    simple(B.RESHAPE, [(2, 6, 2), [3, 8]])
    simple(B.RESHAPE, [(2, 6, 2, 3), [2, 4, 9]], name="RESHAPE of an image")
    simple(B.RESHAPE, [(2, 6, 2, 3), [2, 3, 3, 4]], name="RESHAPE to an image")
    simple(B.RESHAPE, [(1, 1), np.zeros(0, np.int32)], name="RESHAPE to a number")
    simple(B.SQUEEZE, [(2, 1, 6, 1)], opts=options("SqueezeOptions", squeezeDims=[1]))
    simple(B.EXPAND_DIMS, [(2, 6, 3), np.int32(1)])
    for order in ([0, 3, 1, 2], [2, 0, 3, 1]):
        simple(B.TRANSPOSE, [(2, 5, 6, 3), order], name=f"TRANSPOSE {order}")
    for axis in (0, 1, 3, -2):
        simple(B.CONCATENATION, [(2, 5, 6, 3), (2, 5, 6, 3)], opts=options("ConcatenationOptions", axis=axis), name=f"CONCATENATION {axis}")
    case("SPLIT", lambda _, g: g.op(B.SPLIT, [g.const(np.int32(3)), g.input(2, 5, 6, 4)], (F32, F32), opts=options("SplitOptions", numSplits=2)))
    case("SPLIT_V", lambda _, g: g.op(B.SPLIT_V, [g.input(2, 5, 6, 4), g.const([1, 4]), g.const(np.int32(1))], (F32, F32), opts=options("SplitVOptions", numSplits=2)))
    simple(B.PAD, [(2, 5, 6, 3), [[0, 0], [1, 2], [3, 4], [0, 5]]])
    simple(B.PADV2, [(2, 5), [[0, 0], [1, 2]], np.float32(1)])
    for mode in (0, 1):
        simple(B.MIRROR_PAD, [(2, 5, 6, 3), [[0, 0], [1, 2], [3, 2], [0, 1]]], opts=options("MirrorPadOptions", mode=mode), name=f"MIRROR_PAD {mode}")
    simple(B.TILE, [(2, 5, 6, 3), [1, 2, 3, 4]])
    simple(B.REVERSE_V2, [(2, 5, 6, 3), [1]])
    simple(B.REVERSE_SEQUENCE, [(2, 5, 3), np.int32([1, 2])], opts=options("ReverseSequenceOptions", seqDim=1, batchDim=0))
    simple(B.MATRIX_DIAG, [(2, 5)])
    simple(B.MATRIX_DIAG, [(2, 3, 5)], name="MATRIX_DIAG to 4 axes")
    simple(B.MATRIX_SET_DIAG, [(2, 5, 5), (2, 5)])
    simple(B.SLICE, [(2, 5, 6, 3), [0, 1, 2, 0], [2, 3, -1, 1]])

    def strided(x, begin, end, strides, **masks):
        masks = {{"b": "beginMask", "e": "endMask", "l": "ellipsisMask", "n": "newAxisMask", "s": "shrinkAxisMask", "offset": "offset"}[k]: v
                 for k, v in masks.items()}
        simple(B.STRIDED_SLICE, [x, begin, end, strides], opts=options("StridedSliceOptions", **masks), name=f"STRIDED_SLICE {x} {begin} {end} {masks}")

    image = (2, 5, 6, 3)
    strided(image, [0, 1, 0, 0], [0, -1, 0, 2], [1, 2, 1, 1], b=0b0100, e=0b0101)
    strided(image, [0, 1, 0, 0], [1, 5, 6, 3], [1, 1, 1, 1], s=0b0001)
    strided(image, [0, 0, -1, 0], [2, 5, 0, 3], [1, 1, 1, 1], s=0b0100)
    strided(image, [0, 0, 1], [0, 0, 2], [1, 1, 1], l=0b010, e=1, b=1)
    strided(image, [0, 0, 1], [0, 0, 2], [1, 1, 1], l=0b010, e=1, b=1, s=0b100)
    strided((2, 5), [0, 0, 1], [2, 0, 3], [1, 1, 1], n=0b010)
    strided((2, 5, 6), [0, 0, 0, 1], [2, 0, 0, 3], [1, 1, 1, 1], n=0b0010, l=0b0100)
    strided((7, 5), [-1, 0], [0, 5], [-2, 1], e=1)
    strided((7, 5), [1, 1], [3, 2], [1, 1], offset=True)
    simple(B.DYNAMIC_UPDATE_SLICE, [(4, 5, 6, 3), (1, 5, 6, 3), np.int32([1, 0, 0, 0])])
    gather = lambda **k: options("GatherOptions", **k)
    case("GATHER", lambda _, g: g.op(B.GATHER, [g.input(2, 5, 6, 3), g.input(4, dtype=I32)], opts=gather(axis=1)))
    case("GATHER by batch", lambda _, g: g.op(B.GATHER, [g.input(2, 5, 6), g.input(2, 4, dtype=I32)], opts=gather(axis=1, batchDims=1)))
    case("GATHER by batch, a later axis", lambda _, g: g.op(B.GATHER, [g.input(2, 5, 6), g.input(2, 4, dtype=I32)], opts=gather(axis=2, batchDims=-1)))
    case("GATHER_ND", lambda _, g: g.op(B.GATHER_ND, [g.input(2, 5, 6, 3), g.input(4, 2, dtype=I32)]))
    case("SCATTER_ND", lambda _, g: g.op(B.SCATTER_ND, [g.input(3, 1, dtype=I32), g.input(3, 5), g.const([4, 5])]))
    case("SPARSE_TO_DENSE", lambda _, g: g.op(B.SPARSE_TO_DENSE, [g.const([[0, 1], [1, 2]]), g.const([3, 4]), g.input(2), g.const(np.float32(0))],
         opts=options("SparseToDenseOptions")))
    for axis in (-1, 0, 1):
        case(f"ONE_HOT {axis}", lambda _, g: g.op(B.ONE_HOT, [g.input(2, 3, 4, dtype=I32), g.const(np.int32(7)), g.const(np.float32(1)), g.const(np.float32(0))],
             opts=options("OneHotOptions", axis=axis)))
    case("FILL", lambda _, g: g.op(B.FILL, [g.const([2, 3]), g.input()]))
    simple(B.BROADCAST_TO, [(2, 1, 6, 1), [2, 5, 6, 3]])
    case("BROADCAST_ARGS", lambda _, g: g.op(B.BROADCAST_ARGS, [g.const([4, 1]), g.const([2, 1, 3])], (I32,)))
    case("RANGE", lambda _, g: g.op(B.RANGE, [g.const(np.int32(2)), g.const(np.int32(9)), g.const(np.int32(3))], (I32,)))
    for axis in (0, 1, -1):
        simple(B.PACK, [(2, 3, 4), (2, 3, 4)], opts=options("PackOptions", valuesCount=2, axis=axis), name=f"PACK {axis}")
        case(f"UNPACK {axis}", lambda _, g: g.op(B.UNPACK, [g.input(2, 2, 5, 2)], (F32, F32), opts=options("UnpackOptions", num=2, axis=axis)))
    for out in (I32, I64):
        simple(B.SHAPE, [(2, 5, 6, 3)], out=out, opts=options("ShapeOptions", outType=out), name=f"SHAPE {out}")
    simple(B.RANK, [(2, 5, 6, 3)], out=I32)

    def batch_of_keras(_, g):
        x = g.input(2, 30, 4, 6, signature=[-1, 30, 4, 6])
        shape = g.op(B.SHAPE, [x], (I32,), opts=options("ShapeOptions", outType=I32))
        n = g.op(B.STRIDED_SLICE, [shape, g.const([0]), g.const([1]), g.const([1])], (I32,), opts=options("StridedSliceOptions", shrinkAxisMask=1))
        target = g.op(B.PACK, [n, g.const(np.int32(-1)), g.const(np.int32(2))], (I32,), opts=options("PackOptions", valuesCount=3))
        y = g.op(B.RESHAPE, [x, target], signature=[-1, -1, 2])
        g.outputs = [g.op(B.SOFTMAX, [y], opts=options("SoftmaxOptions", beta=1.0), signature=[-1, -1, 2])]

    case("RESHAPE to two open axes", batch_of_keras)

    def open_image(_, g):
        at = lambda *signature: {"signature": list(signature), "shape": [max(n, 1) for n in signature]}
        x = g.input(1, 1, 1, 3, signature=[-1, -1, -1, 3])
        y = g.op(B.CONV_2D, [x, g.weight(4, 3, 3, 3), g.weight(4)], opts=options("Conv2DOptions", strideW=2, strideH=2), **at(-1, -1, -1, 4))
        shape = g.op(B.SHAPE, [x], (I32,), opts=options("ShapeOptions", outType=I32), shape=[4])
        size = g.op(B.STRIDED_SLICE, [shape, g.const([1]), g.const([3]), g.const([1])], (I32,), opts=options("StridedSliceOptions"), shape=[2])
        z = g.op(B.RESIZE_BILINEAR, [y, size], opts=options("ResizeBilinearOptions"), **at(-1, -1, -1, 4))
        z = g.op(B.CONCATENATION, [x, z], opts=options("ConcatenationOptions", axis=3), **at(-1, -1, -1, 7))
        rows = g.op(B.RESHAPE, [z, g.const([-1, 7])], **at(-1, 7))
        rows = g.op(B.FULLY_CONNECTED, [rows, g.weight(5, 7), None], opts=options("FullyConnectedOptions"), **at(-1, 5))
        wide = g.op(B.EXPAND_DIMS, [z, g.const(np.int32(1))], **at(-1, 1, -1, -1, 7))
        back = g.op(B.SQUEEZE, [wide], opts=options("SqueezeOptions", squeezeDims=[1]), **at(-1, -1, -1, 7))
        mean = g.op(B.MEAN, [back, g.const([0])], opts=options("ReducerOptions"), **at(-1, -1, 7))
        total = g.op(B.MUL, [back, mean], opts=options("MulOptions"), **at(-1, -1, -1, 7))
        g.outputs = [rows, total]

    case("an open image", open_image, 2 * 16 * 24 * 4 * 27 + 2 * 32 * 48 * 35, bind={"batch": 2, "height": 32, "width": 48})

    def open_batch(_, g):
        x = g.input(1, 6, signature=[-1, 6])
        y = g.op("a-custom-op", [x], signature=[-1, 8], shape=[1, 8])
        g.outputs = [g.op(B.EXP, [y], signature=[-1, 8], shape=[1, 8])]

    case("a custom operator with an open batch", open_batch, hand=[(1, 8), (1, 8)])

    def signatures(net, g):
        g.op(B.EXP, [g.input(2, 3)])
        b = net.graph()
        b.outputs = [b.op(B.ABS, [b.input(2, 3)])]
        for i, key in enumerate((b"encode", b"decode")):
            definition = S.SignatureDefT()
            definition.signatureKey, definition.subgraphIndex, definition.inputs, definition.outputs = key, i, [], []
            net.signatures.append(definition)

    case("two signatures", signatures)

    def computed_slice(_, g):
        x = g.input(2, 5, 6, 3)
        shape = g.op(B.SHAPE, [x], (I32,), opts=options("ShapeOptions", outType=I32))
        end = g.op(B.FLOOR_DIV, [shape, g.const([1, 2, 2, 1])], (I32,))
        g.op(B.STRIDED_SLICE, [x, g.const([0, 1, 0, 1]), end, g.const([1, 1, 1, 1])], opts=options("StridedSliceOptions", endMask=1, shrinkAxisMask=8))
        g.op(B.SLICE, [x, g.const([0, 0, 0, 0]), end])
        g.op(B.TILE, [x, end])
        g.op(B.FILL, [end, g.input()])
        g.op(B.RESIZE_BILINEAR, [x, g.op(B.SLICE, [end, g.const([1]), g.const([2])], (I32,))], opts=options("ResizeBilinearOptions"))

    case("computed extents", computed_slice)


def control():
    def graphs(net, g, *builders):
        for build in builders:
            build(net.graph())

    def unary(code):
        def build(g):
            g.outputs = [g.op(code, [g.input(2, 3)])]
        return build

    def branch(net, g):
        g.op(B.IF, [g.input(dtype=BOOL), g.input(2, 3)], opts=options("IfOptions", thenSubgraphIndex=1, elseSubgraphIndex=2))
        graphs(net, g, unary(B.EXP), unary(B.ABS))

    case("IF", branch)

    def repeat(net, g):
        x, w = g.input(2, 3), g.input(3, 3)
        g.op(B.WHILE, [g.const(np.int32(0)), x, w], (I32, F32, F32), opts=options("WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2))

        def condition(c):
            i, _, _ = c.input(dtype=I32), c.input(2, 3), c.input(3, 3)
            c.outputs = [c.op(B.LESS, [i, c.const(np.int32(10))], (BOOL,))]
            c.tensors[c.outputs[0]].shape = []

        def body(b):
            i, x, w = b.input(dtype=I32), b.input(2, 3), b.input(3, 3)
            y = b.op(B.BATCH_MATMUL, [x, w], opts=options("BatchMatMulOptions"))
            b.outputs = [b.op(B.ADD, [i, b.const(np.int32(3))], (I32,), opts=options("AddOptions")), y, w]
            b.tensors[y].shape = [2, 3]

        graphs(net, g, condition, body)

    case("WHILE", repeat, 4 * 18)

    def variables(net, g):
        handle = lambda g: g.op(B.VAR_HANDLE, [], (T.RESOURCE,), opts=options("VarHandleOptions", container=b"c", sharedName=b"v"))
        g.op(B.CALL_ONCE, [], (), opts=options("CallOnceOptions", initSubgraphIndex=1))
        h = handle(g)
        x = g.op(B.READ_VARIABLE, [h])
        g.op(B.ASSIGN_VARIABLE, [h, g.op(B.ADD, [x, g.input(2, 3)], opts=options("AddOptions"))], ())
        g.outputs = [x]

        def init(i):
            i.op(B.ASSIGN_VARIABLE, [handle(i), i.weight(2, 3)], ())

        graphs(net, g, init)

    case("variables", variables)

    def tables(net, g):
        h = g.op(B.HASHTABLE, [], (T.RESOURCE,), opts=options("HashtableOptions", tableId=1, keyDtype=I64, valueDtype=T.STRING))
        g.op(B.CALL_ONCE, [], (), opts=options("CallOnceOptions", initSubgraphIndex=1))
        i = net.graph()
        words = i.tensor([2], T.STRING, buffer=net.buffer(np.int32([2, 16, 17, 18]).tobytes() + b"ab"))
        table = i.op(B.HASHTABLE, [], (T.RESOURCE,), opts=options("HashtableOptions", tableId=1, keyDtype=I64, valueDtype=T.STRING))
        i.op(B.HASHTABLE_IMPORT, [table, i.const(np.int64([1, 2])), words], (), opts=options("HashtableImportOptions"))
        g.op(B.HASHTABLE_SIZE, [h], (I64,), opts=options("HashtableSizeOptions"))
        default = g.tensor([1], T.STRING, buffer=net.buffer(np.int32([1, 12, 13]).tobytes() + b"x"))
        g.op(B.HASHTABLE_FIND, [h, g.input(3, dtype=I64), default], (T.STRING,), opts=options("HashtableFindOptions"))

    case("tables", tables)
    opts = options("RandomOptions", seed=1, seed2=2)
    for code in (B.RANDOM_STANDARD_NORMAL, B.RANDOM_UNIFORM):
        case(f"random {code}", lambda _, g: g.op(code, [g.const([2, 3])], opts=opts))
    case("MULTINOMIAL", lambda _, g: g.op(B.MULTINOMIAL, [g.input(2, 5), g.const(np.int32(4))], (I64,), opts=opts))
    case("SKIP_GRAM", lambda _, g: g.op(B.SKIP_GRAM, [g.input(1, dtype=T.STRING)], (T.STRING,), opts=options("SkipGramOptions", ngramSize=2, maxSkipSize=1)))


def stablehlo():
    x = (2, 5, 6, 3)
    for name in ("LOGISTIC", "ABS", "COSINE", "EXPONENTIAL", "FLOOR", "LOG", "NEGATE", "RSQRT", "TANH", "CBRT"):
        simple(getattr(B, "STABLEHLO_" + name), [x], hand=[x])
    for name in ("ADD", "DIVIDE", "MULTIPLY", "MAXIMUM", "MINIMUM", "POWER", "REMAINDER", "SUBTRACT"):
        simple(getattr(B, "STABLEHLO_" + name), [x, x], hand=[x])
    for name in ("AND", "OR"):
        for dtype in (BOOL, I32):
            simple(getattr(B, "STABLEHLO_" + name), [x, x], dtype=dtype, hand=[x], name=f"STABLEHLO_{name} {dtype}")
    for name in ("ADD", "MULTIPLY", "MAXIMUM", "MINIMUM"):
        simple(getattr(B, "STABLEHLO_" + name), [x, x], name=f"STABLEHLO_{name}, run")
    simple(B.STABLEHLO_SHIFT_LEFT, [x, x], dtype=I32, opts=options("StablehloShiftLeftOptions"))
    simple(B.STABLEHLO_RESHAPE, [x], hand=[(10, 18)])
    simple(B.STABLEHLO_CLAMP, [np.float32(0), x, np.float32(1)], hand=[x])
    simple(B.STABLEHLO_CONVERT, [x], out=I32, hand=[x])
    simple(B.STABLEHLO_CONCATENATE, [x, x], opts=options("StablehloConcatenateOptions", dimension=1), hand=[(2, 10, 6, 3)])
    simple(B.STABLEHLO_BROADCAST_IN_DIM, [(2, 3)], opts=options("StablehloBroadcastInDimOptions", broadcastDimensions=[0, 2]),
           hand=[(2, 7, 3)])
    simple(B.STABLEHLO_BROADCAST_IN_DIM, [(6, 3)], opts=options("StablehloBroadcastInDimOptions", broadcastDimensions=[2, 3]),
           hand=[x], name="STABLEHLO_BROADCAST_IN_DIM to an image")
    slices = options("StablehloSliceOptions", startIndices=[0, 1, 0, 0], limitIndices=[2, 5, 4, 3], strides=[1, 2, 1, 1])
    simple(B.STABLEHLO_SLICE, [x], opts=slices, hand=[(2, 2, 4, 3)])
    simple(B.STABLEHLO_TRANSPOSE, [x], opts=options("StablehloTransposeOptions", permutation=[3, 0, 1, 2]), hand=[(3, 2, 5, 6)])
    pads = options("StablehloPadOptions", edgePaddingLow=[1, -1], edgePaddingHigh=[0, 2], interiorPadding=[1, 0])
    simple(B.STABLEHLO_PAD, [(3, 4), np.float32(0)], opts=pads, hand=[(6, 5)])
    simple(B.STABLEHLO_PAD, [(3, 4), np.float32(0)], opts=pads, name="STABLEHLO_PAD, run")
    for direction in range(6):
        compare = options("StablehloCompareOptions", comparisonDirection=direction)
        simple(B.STABLEHLO_COMPARE, [x, x], out=BOOL, opts=compare, name=f"STABLEHLO_COMPARE {direction}", hand=[x])
    case("STABLEHLO_SELECT", lambda _, g: g.op(B.STABLEHLO_SELECT, [g.input(2, 3, dtype=BOOL), g.input(2, 3), g.input(2, 3)]),
         hand=[(2, 3)])
    case("STABLEHLO_IOTA", lambda _, g: g.op(B.STABLEHLO_IOTA, [], (I32,), options("StablehloIotaOptions", iotaDimension=0)),
         hand=[(2, 3)])

    def sort(net, g):
        g.op(B.STABLEHLO_SORT, [g.input(2, 3)], opts=options("StablehloSortOptions", dimension=1, comparatorSubgraphIndex=1))
        b = net.graph()
        b.outputs = [b.op(B.STABLEHLO_COMPARE, [b.input(), b.input()], (BOOL,), opts=options("StablehloCompareOptions", comparisonDirection=5))]

    case("STABLEHLO_SORT", sort, hand=[(2, 3)])
    starts = lambda g: [g.input(dtype=I64), g.input(dtype=I64)]
    case("STABLEHLO_DYNAMIC_SLICE", lambda _, g: g.op(B.STABLEHLO_DYNAMIC_SLICE, [g.input(4, 5), *starts(g)],
         opts=options("StablehloDynamicSliceOptions", sliceSizes=[2, 3])), hand=[(2, 3)])
    case("STABLEHLO_DYNAMIC_UPDATE_SLICE", lambda _, g: g.op(B.STABLEHLO_DYNAMIC_UPDATE_SLICE, [g.input(4, 5), g.input(1, 5), *starts(g)]),
         hand=[(4, 5)])
    gathered = options("StablehloGatherOptions", offsetDims=[2, 3], collapsedSliceDims=[0], startIndexMap=[1, 0],
                       indexVectorDim=2, sliceSizes=[1, 2, 2])
    case("STABLEHLO_GATHER", lambda _, g: g.op(B.STABLEHLO_GATHER, [g.input(3, 4, 2), g.input(2, 3, 2, dtype=I64)], opts=gathered),
         hand=[(2, 3, 2, 2)])
    case("STABLEHLO_RNG_BIT_GENERATOR", lambda _, g: g.op(B.STABLEHLO_RNG_BIT_GENERATOR, [g.input(3, dtype=I64)], (I64, I32),
         opts=options("StablehloRngBitGeneratorOptions", algorithm=1)), hand=[(3,), (4, 5)])
    case("STABLEHLO_DOT_GENERAL", lambda _, g: g.op(B.STABLEHLO_DOT_GENERAL, [g.input(2, 4, 6, 3), g.input(2, 5, 3, 6)],
         opts=options("StablehloDotGeneralOptions", lhsBatchingDimensions=[0], rhsBatchingDimensions=[0],
                      lhsContractingDimensions=[3, 2], rhsContractingDimensions=[2, 3])), 2 * 4 * 5 * 18, hand=[(2, 4, 5)])

    def convolution(image, kernel, out, groups=1, space=2, lhs=None):
        order = lambda spec: (spec.index("b"), spec.index("f"), [spec.index(str(i)) for i in range(space)])
        (ib, if_, isp), (ko, ki, ks), (ob, of, osp) = order(image), order(kernel), order(out)
        sizes = {"b": 2, "f": 6, "0": 9, "1": 8}
        weights = {"b": 4, "f": 6 // groups, "0": 3, "1": 3}
        rows, columns = (5, 4) if lhs is None else (9, 7)
        results = {"b": 2, "f": 4, "0": rows, "1": columns}
        table = options("StablehloConvolutionOptions", windowStrides=[2, 2], padding=[1, 1, 1, 0], lhsDilation=lhs or [1, 1],
                        rhsDilation=[1, 1], inputBatchDimension=ib, inputFeatureDimension=if_, inputSpatialDimensions=isp,
                        kernelOutputFeatureDimension=ko, kernelInputFeatureDimension=ki, kernelSpatialDimensions=ks,
                        outputBatchDimension=ob, outputFeatureDimension=of, outputSpatialDimensions=osp,
                        featureGroupCount=groups, batchGroupCount=1)
        case(f"STABLEHLO_CONVOLUTION {image} {kernel} {out} {groups} {lhs}",
             lambda _, g: g.op(B.STABLEHLO_CONVOLUTION, [g.input(*[sizes[c] for c in image]), g.weight(*[weights[c] for c in kernel])], opts=table),
             2 * rows * columns * 4 * 6 // groups * 9, hand=[[results[c] for c in out]])

    convolution("b01f", "01fb", "b01f")
    convolution("b01f", "01fb", "b01f", groups=2)
    convolution("bf01", "bf01", "bf01")
    convolution("b01f", "01fb", "bf01", lhs=[2, 2])

    def by_graph(net, code):
        b = net.graph()
        b.outputs = [b.op(code, [b.input(), b.input()])]

    def scatter(net, g):
        g.op(B.STABLEHLO_SCATTER, [g.input(3, 4, 2), g.input(2, 3, 2, dtype=I64), g.input(2, 3, 2, 2)],
             opts=options("StablehloScatterOptions", updateWindowDims=[2, 3], insertedWindowDims=[0], scatterDimsToOperandDims=[1, 0], indexVectorDim=2, updateComputationSubgraphIndex=1))
        by_graph(net, B.STABLEHLO_ADD)

    def window(net, g):
        g.op(B.STABLEHLO_REDUCE_WINDOW, [g.input(9, 8), g.const(np.float32(0))],
             opts=options("StablehloReduceWindowOptions", windowDimensions=[3, 2], windowStrides=[2, 2], baseDilations=[1, 1],
                          windowDilations=[2, 1], padding=[1, 1, 0, 0], bodySubgraphIndex=1))
        by_graph(net, B.STABLEHLO_ADD)

    def reduction(net, g):
        g.op(B.STABLEHLO_REDUCE, [g.input(2, 5, 6, 3), g.const(np.float32(0))], opts=options("StablehloReduceOptions", dimensions=[1, 3], bodySubgraphIndex=1))
        by_graph(net, B.STABLEHLO_MAXIMUM)

    case("STABLEHLO_SCATTER", scatter)
    case("STABLEHLO_REDUCE_WINDOW", window)
    case("STABLEHLO_REDUCE", reduction, hand=[(2, 6)])

    def composite(net, g):
        g.op(B.STABLEHLO_COMPOSITE, [g.input(2, 3)], opts=options("StableHLOCompositeOptions", name=b"my.op", decompositionSubgraphIndex=1,
             compositeAttributes=[0, 0, 0]))
        b = net.graph()
        b.outputs = [b.op(B.EXP, [b.input(2, 3)])]

    case("STABLEHLO_COMPOSITE", composite, hand=[(2, 3)])

    def loop(net, g):
        g.op(B.STABLEHLO_WHILE, [g.const(np.int32(0)), g.input(2, 3)], (I32, F32), opts=options("StablehloWhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2))
        c = net.graph()
        i, _ = c.input(dtype=I32), c.input(2, 3)
        c.outputs = [c.op(B.STABLEHLO_COMPARE, [i, c.const(np.int32(5))], (BOOL,), opts=options("StablehloCompareOptions", comparisonDirection=5))]
        b = net.graph()
        i, x = b.input(dtype=I32), b.input(2, 3)
        b.outputs = [b.op(B.STABLEHLO_ADD, [i, b.const(np.int32(1))], (I32,)), b.op(B.EXP, [x])]

    case("STABLEHLO_WHILE", loop, hand=[(), (2, 3)])

    def choice(net, g):
        g.op(B.STABLEHLO_CASE, [g.input(dtype=I32), g.input(2, 3)], opts=options("StablehloCaseOptions", branchSubgraphIndices=[1, 2]))
        for code in (B.EXP, B.ABS):
            b = net.graph()
            b.outputs = [b.op(code, [b.input(2, 3)])]

    case("STABLEHLO_CASE", choice, hand=[(2, 3)])

    def called(net, g):
        g.op(B.CALL, [g.input(2, 3)], opts=options("CallOptions", subgraph=1))
        b = net.graph()
        b.outputs = [b.op(B.EXP, [b.input(2, 3)])]

    case("CALL", called, hand=[(2, 3)])


def tensors():
    for dtype, width in ((T.INT4, 2), (T.INT2, 4)):
        def narrow(net, g):
            w = g.tensor([8, 8], dtype, buffer=net.buffer(bytes(64 // width)), scale=0.5)
            b = g.const(np.zeros(8), I32, scale=0.25)
            g.op(B.FULLY_CONNECTED, [g.input(2, 8, dtype=I8), w, b], (I8,), opts=options("FullyConnectedOptions"))
        case(f"weights of {8 // width} bits", narrow, 128)

    def sparse(net, g):
        w = g.const(np.zeros(4))
        t = g.tensors[w]
        t.shape, t.sparsity = [2, 4], S.SparsityParametersT()
        t.sparsity.traversalOrder = [0, 1]
        dense, compressed = S.DimensionMetadataT(), S.DimensionMetadataT()
        dense.format, dense.denseSize = S.DimensionType.DENSE, 2
        compressed.format = S.DimensionType.SPARSE_CSR
        for field, values in (("Segments", [0, 2, 4]), ("Indices", [0, 1, 0, 3])):
            vector = S.Int32VectorT()
            vector.values = values
            setattr(compressed, f"array{field}Type", S.SparseIndexVector.Int32Vector)
            setattr(compressed, f"array{field}", vector)
        t.sparsity.dimMetadata = [dense, compressed]
        y = g.op(B.DENSIFY, [w])
        g.outputs = [g.op(B.FULLY_CONNECTED, [g.input(3, 4), y, None], opts=options("FullyConnectedOptions", keepNumDims=True))]

    case("DENSIFY", sparse, 24)


def custom():
    from flatbuffers import flexbuffers

    settings = flexbuffers.Dumps({"max_detections": 6, "max_classes_per_detection": 2, "detections_per_class": 10, "num_classes": 3,
                                  "nms_score_threshold": 0.1, "nms_iou_threshold": 0.5, "use_regular_nms": False,
                                  "x_scale": 10.0, "y_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0})
    case("TFLite_Detection_PostProcess", lambda _, g: g.op("TFLite_Detection_PostProcess", [g.input(1, 9, 4), g.input(1, 9, 4), g.weight(9, 4)],
         (F32,) * 4, custom=settings))
    settings = flexbuffers.Dumps({"window_size": 40, "stride": 20, "magnitude_squared": True})
    case("AudioSpectrogram", lambda _, g: g.op("AudioSpectrogram", [g.input(400, 1)], custom=settings))
    settings = flexbuffers.Dumps({"upper_frequency_limit": 4000.0, "lower_frequency_limit": 20.0, "filterbank_channel_count": 40, "dct_coefficient_count": 13})
    case("Mfcc", lambda _, g: g.op("Mfcc", [g.input(1, 19, 33), g.const(np.int32(16000))], custom=settings))


def main():
    for family in (elementwise, windows, dense, sequences, reductions, movement, control, stablehlo, tensors, custom):
        family()
    names = {v: k for k, v in vars(B).items() if not k.startswith("_")}
    for name, error in REFUSED:
        print(f"refused: {name}: {error.splitlines()[0] if error else error}", file=sys.stderr)
    missing = [name for code, name in sorted(names.items()) if code not in SEEN | HAND]
    print(f"{len(CASES)} cases of {len(SEEN)} operators, and {len(HAND - SEEN)} by hand; without any: {' '.join(missing)}", file=sys.stderr)
    text = json.dumps(CASES, separators=(",", ":")).encode()
    Path(__file__).with_suffix(".json.gz").write_bytes(gzip.compress(text, 9, mtime=0))


serve() if sys.argv[1:] == ["--serve"] else main()
