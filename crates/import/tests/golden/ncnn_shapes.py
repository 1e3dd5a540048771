"""What ncnn itself says of the shapes of blobs: `pip install ncnn numpy`, then

    python ncnn_shapes.py > ncnn_shapes.json               the cases below, each layer with its forms
    python ncnn_shapes.py FOLDER… > corpus.json    every .param file in the folders

Weights are empty, so every file runs. Where an input is open, an image of 3 channels stands in, or what OPEN says.
"""

import json
import os
import sys
import tempfile

import ncnn

IMAGE = [1, 3, 320, 256]

# Open inputs of files, by the end of the path: shapes, outermost axis first.
OPEN = {
    "vision_transformer.param": {"input": [3, 384, 384]},
    "crnn_lite_op.param": {"input": [3, 32, 280]},
    "PP_OCRv5_mobile_rec.ncnn.param": {"in0": [3, 48, 320]},
    "_seg.ncnn.param": {"in0": [3, 640, 640]},
    "_pose.ncnn.param": {"in0": [3, 640, 640]},
    "_obb.ncnn.param": {"in0": [3, 1024, 1024]},
    "_cls.ncnn.param": {"in0": [3, 224, 224]},
    "yolov8n.ncnn.param": {"in0": [3, 640, 640]},
    "yolo11n.ncnn.param": {"in0": [3, 640, 640]},
    "yolov8s_worldv2.ncnn.param": {"in0": [3, 640, 640]},
    "yolov5s.ncnn.param": {"in0": [3, 640, 640]},
    "yolact.param": {"input.1": [3, 550, 550]},
    "tests/test.param": {"data": [3, 227, 227]},
    "FastestDet.param": {"in0": [3, 352, 352]},
}

ONE = [8]
TWO = [6, 8]
THREE = [4, 6, 8]
FOUR = [4, 5, 6, 8]


def line(kind, inputs, outputs, params=""):
    return f"{kind} {kind.lower()} {len(inputs)} {len(outputs)} {' '.join(inputs + outputs)} {params}".strip()


def source(name, shape):
    keys = {1: [0], 2: [1, 0], 3: [2, 1, 0], 4: [2, 11, 1, 0]}[len(shape)]
    sizes = " ".join(f"{key}={n}" for key, n in zip(keys, shape))
    return f"Input {name} 0 1 {name} {sizes}"


CASES = []


def case(kind, shapes, params="", results=1):
    names = [f"x{i}" for i in range(len(shapes))]
    lines = [source(name, shape) for name, shape in zip(names, shapes)]
    lines.append(line(kind, names, [f"y{i}" for i in range(results)], params))
    CASES.append(lines)


def cases():
    every = [ONE, TWO, THREE, FOUR]
    for kind in ["AbsVal", "BNLL", "CELU", "Clip", "DeepCopy", "Dropout", "ELU", "Erf", "Exp", "GELU", "HardSigmoid",
                 "HardSwish", "Log", "Mish", "Noop", "Power", "ReLU", "SELU", "Shrink", "Sigmoid", "Softmax",
                 "Softplus", "Swish", "TanH", "Threshold"]:
        for shape in every:
            case(kind, [shape])
    for code in range(20):
        case("UnaryOp", [THREE], f"0={code}")
    case("Exp", [TWO], "0=2.0 1=3.0 2=1.0")
    case("Log", [TWO], "0=10.0 1=3.0 2=1.0")
    case("Power", [TWO], "0=2.0 1=3.0 2=1.0")
    case("Cast", [THREE], "0=1 1=2")
    case("Packing", [THREE], "0=1")
    for shape in every:
        case("BatchNorm", [shape], f"0={shape[0]}")
        case("Bias", [shape], f"0={shape[0]}")
        case("Scale", [shape], f"0={shape[0]} 1=1")
        case("PReLU", [shape], f"0={shape[0]}")
        case("PReLU", [shape], "0=1")
        case("LayerNorm", [shape], f"0={shape[-1]} 1=0.001 2=1")
        case("RMSNorm", [shape], f"0={shape[-1]} 1=0.001 2=1")
        case("GroupNorm", [shape], f"0=2 1={shape[0]} 2=0.001 3=1")
        case("GroupNorm", [shape], f"0=2 1={shape[0]} 2=0.001 3=0")
        case("CumulativeSum", [shape], f"0={len(shape) - 1}")
        case("GLU", [shape], "0=-1")
        case("Flatten", [shape])
        case("Flip", [shape], "-23300=1,-1")
        case("ArgMax", [shape], "0=0 1=3")
        case("ArgMax", [shape], "0=1 1=3")
        case("Quantize", [shape], "0=1")
        case("Quantize", [shape], f"0={shape[0]}")
        case("Dequantize", [shape], f"0={shape[0]} 1={shape[0]}")
        case("Requantize", [shape], f"0={shape[0]} 1=1 2={shape[0]} 3=1")
        case("Padding", [shape], "0=1 1=2 2=3 3=4 4=0 5=1.5")
        case("Padding", [shape], "0=1 1=2 2=3 3=4 4=1")
        case("Padding", [shape], "0=1 1=2 2=3 3=4 4=2")
        case("Tile", [shape], "0=0 1=3")
        case("Tile", [shape], "0=-1 1=1" if len(shape) == 1 else "0=1 1=3")
        for repeats in ["1,2", "2,3,2", "3,2,1,3", "4,2,1,1,2"]:
            case("Tile", [shape], f"-23302={repeats}")
        case("Reduction", [shape], "0=0 1=1 4=0")
        case("Reduction", [shape], "0=3 1=1 4=1")
        case("Reduction", [shape], "0=3 1=0 -23303=1,-1 4=0 5=1")
        case("Reduction", [shape], "0=4 1=0 -23303=1,0 4=1 5=1")
        if len(shape) > 2:
            case("Reduction", [shape], "0=1 1=0 -23303=2,1,-1 4=0 5=1")
            case("Reduction", [shape], "0=3 1=0 2=2.0 -23303=2,1,2 4=1 5=1")
        for op in range(11):
            case("Reduction", [shape], f"0={op} 1=0 -23303=1,0 4=0 5=1") if shape is THREE else None
    case("LayerNorm", [THREE], "0=48 1=0.001 2=1")
    case("LayerNorm", [FOUR], "0=240 1=0.001 2=0")
    case("RMSNorm", [THREE], "0=48 1=0.001 2=1")
    case("Scale", [THREE, [4]], "0=-233 1=0")
    for shape in [THREE, FOUR]:
        case("MVN", [shape], "0=1 1=0")
        case("Normalize", [shape], "0=0 1=1 2=0.0001 3=1 4=1")
        case("Normalize", [shape], f"0=0 1=0 2=0.0001 3={shape[0]} 4=1")
        case("InstanceNorm", [shape], f"0={shape[0]} 1=0.001 2=1")
        case("InstanceNorm", [shape], f"0={shape[0]} 1=0.001 2=0")
        case("ShuffleChannel", [shape], "0=2 1=0")
        case("ShuffleChannel", [shape], "0=2 1=1")
        case("StatisticsPooling", [shape], "0=0")
        case("StatisticsPooling", [shape], "0=1")
    case("LRN", [THREE], "0=0 1=5")
    case("LRN", [THREE], "0=1 1=3")
    case("PixelShuffle", [[16, 3, 5]], "0=2 1=0")
    case("PixelShuffle", [[16, 3, 5]], "0=2 1=1")
    case("Reorg", [[4, 6, 8]], "0=2 1=0")
    case("Reorg", [[4, 6, 8]], "0=2 1=1")
    for diagonal in [0, 2, -3]:
        case("Diag", [ONE], f"0={diagonal}")
        case("Diag", [TWO], f"0={diagonal}")
    binary()
    products()
    convolutions()
    poolings()
    movements()
    sequences()
    boxes()
    several_results()


def binary():
    for op in range(12):
        case("BinaryOp", [THREE, THREE], f"0={op}")
        case("BinaryOp", [THREE], f"0={op} 1=1 2=1.5")
    pairs = [([8], [1]), (TWO, [6]), (TWO, [8]), (TWO, [1]), (THREE, [4]), (THREE, [8]), (THREE, [1]), (THREE, [4, 6]),
             (THREE, [4, 1, 1]), (THREE, [1, 6, 8]), (THREE, [4, 1, 8]), (FOUR, [4]), (FOUR, [8]), (FOUR, [4, 5]),
             (FOUR, [4, 5, 6]), (FOUR, [4, 1, 6, 1]), (FOUR, [1, 5, 1, 8]), ([1, 8], [6, 1]), ([8, 8], [8])]
    for a, b in pairs:
        case("BinaryOp", [a, b], "0=0")
        case("BinaryOp", [b, a], "0=1")
    for op in range(3):
        case("Eltwise", [THREE, THREE], f"0={op}")
        case("Eltwise", [TWO, TWO, TWO], f"0={op}")
    case("Eltwise", [THREE, THREE], "0=1 -23301=2,0.5,2.0")


def products():
    case("InnerProduct", [[48]], "0=10 1=1 2=480")
    case("InnerProduct", [[6, 8]], "0=10 1=1 2=80")
    case("InnerProduct", [[6, 8]], "0=10 1=1 2=480")
    case("InnerProduct", [[4, 6, 8]], "0=10 1=0 2=1920 9=1")
    for a, b in [([8], [8]), ([6, 8], [8, 5]), ([8], [8, 5]), ([6, 8], [8]), ([8], [4, 8, 5]), ([4, 6, 8], [8]),
                 ([4, 6, 8], [4, 8, 5]), ([4, 6, 8], [8, 5]), ([6, 8], [4, 8, 5]), ([2, 4, 6, 8], [2, 4, 8, 5]),
                 ([2, 4, 6, 8], [4, 8, 5]), ([4, 6, 8], [2, 4, 8, 5]), ([8], [2, 4, 8, 5]), ([2, 4, 6, 8], [8])]:
        case("MatMul", [a, b], "0=0")
        if len(b) > 1:
            turned = b[:-2] + [b[-1], b[-2]]
            case("MatMul", [a, turned], "0=1")
    case("Gemm", [[6, 8], [8, 5]])
    case("Gemm", [[8, 6], [8, 5]], "2=1")
    case("Gemm", [[6, 8], [5, 8]], "3=1")
    for c in [[1], [6], [5], [6, 1], [6, 5], [1, 5]]:
        case("Gemm", [[6, 8], [8, 5], c])
        case("Gemm", [[6, 8], c], "3=1 5=1 8=5 9=8")
    for form, m, n in [(0, 0, 5), (1, 6, 5), (2, 6, 5), (3, 6, 5), (4, 0, 5), (-1, 0, 5)]:
        case("Gemm", [[6, 8]], f"3=1 5=1 6=1 7={m} 8={n} 9=8 10={form}")
    case("Gemm", [[8, 5]], "4=1 6=1 7=6 8=0 9=8 10=1")
    case("Gemm", [[5, 8]], "3=1 4=1 6=1 7=6 8=0 9=8 10=-1")
    case("Gemm", [[6, 8]], "0=0.5 1=2.0 3=1 5=1 6=1 8=5 9=8 10=4 11=1")
    case("Gemm", [[6, 8]], "3=1 5=1 6=1 8=5 9=8 10=4 14=1")
    case("Gemm", [[6, 8]], "3=1 5=1 6=1 8=5 9=8 10=4 11=1 14=1")
    case("Gemm", [[6, 1, 8]], "3=1 5=1 6=1 8=5 9=8 10=4")
    for text, shapes in [("ik,kj->ij", [[6, 8], [8, 5]]), ("ijl,ikl->ijk", [[2, 3, 4], [2, 5, 4]]),
                         ("ji->ij", [[6, 8]]), ("ii", [[6, 6]]), ("ij->i", [[6, 8]])]:
        codes = ",".join(str(ord(c)) for c in text)
        case("Einsum", shapes, f"-23300={len(text)},{codes}")
    case("Embed", [[7]], "0=16 1=100 2=1 3=1600")


def convolutions():
    case("Convolution", [[3, 20, 24]], "0=8 1=3 3=2 4=1 5=1 6=216 9=1")
    case("Convolution", [[3, 20, 24]], "0=8 1=5 11=3 2=2 12=1 3=1 13=2 4=1 15=2 14=3 16=0 5=1 6=360")
    case("Convolution", [[3, 21, 23]], "0=8 1=3 3=2 4=-233 5=1 6=216")
    case("Convolution", [[3, 21, 23]], "0=8 1=3 3=2 4=-234 5=1 6=216")
    case("Convolution", [[24]], "0=8 1=1 5=1 6=192 9=1")
    case("Convolution", [[3, 20, 24], [8, 3, 3, 3], [8]], "0=8 1=3 4=1 5=1 19=1")
    case("ConvolutionDepthWise", [[8, 20, 24]], "0=8 1=3 3=2 4=1 5=1 6=72 7=8")
    case("ConvolutionDepthWise", [[8, 20, 24]], "0=12 1=3 4=1 5=1 6=216 7=4")
    case("Convolution1D", [[6, 30]], "0=8 1=3 3=2 4=1 5=1 6=144 9=1")
    case("Convolution1D", [[6, 30]], "0=8 1=5 2=2 4=1 15=2 5=0 6=240")
    case("Convolution1D", [[6, 30], [8, 6, 3]], "0=8 1=3 4=1 19=1")
    case("ConvolutionDepthWise1D", [[6, 30]], "0=6 1=3 4=1 5=1 6=18 7=6")
    case("Convolution3D", [[3, 8, 10, 12]], "0=8 1=3 3=2 4=1 5=1 6=648")
    case("Convolution3D", [[3, 8, 10, 12]], "0=8 1=3 11=2 21=1 3=1 13=2 23=3 4=1 14=0 24=0 15=2 16=1 17=2 5=1 6=144")
    case("ConvolutionDepthWise3D", [[4, 8, 10, 12]], "0=4 1=3 4=1 5=1 6=108 7=4")
    case("Deconvolution", [[3, 10, 12]], "0=8 1=4 3=2 4=1 5=1 6=384")
    case("Deconvolution", [[3, 10, 12]], "0=8 1=3 3=2 4=1 18=1 5=1 6=216")
    case("Deconvolution", [[3, 10, 12]], "0=8 1=3 3=2 4=1 18=1 19=0 5=1 6=216")
    case("Deconvolution", [[3, 10, 12]], "0=8 1=3 3=2 4=-233 20=24 21=20 5=1 6=216")
    case("Deconvolution", [[3, 10, 12]], "0=8 1=3 3=2 5=1 6=216")
    case("Deconvolution", [[3, 10, 12], [3, 8, 3, 3]], "0=8 1=3 3=2 28=1")
    case("DeconvolutionDepthWise", [[8, 10, 12]], "0=8 1=4 3=2 4=1 5=1 6=128 7=8")
    case("DeconvolutionDepthWise", [[8, 10, 12]], "0=4 1=3 3=2 4=1 5=1 6=72 7=4")
    case("Deconvolution1D", [[6, 30]], "0=8 1=4 3=2 4=1 5=1 6=192")
    case("Deconvolution1D", [[6, 30]], "0=8 1=3 3=2 4=1 18=1 5=1 6=144")
    case("DeconvolutionDepthWise1D", [[6, 30]], "0=6 1=4 3=2 4=1 5=1 6=24 7=6")
    case("Deconvolution3D", [[3, 4, 5, 6]], "0=8 1=4 3=2 4=1 5=1 6=1536")
    case("Deconvolution3D", [[3, 4, 5, 6]], "0=8 1=3 3=2 4=1 18=1 19=0 20=1 5=1 6=648")
    case("DeconvolutionDepthWise3D", [[4, 4, 5, 6]], "0=4 1=4 3=2 4=1 5=1 6=256 7=4")
    case("DeformableConv2D", [[4, 10, 12], [18, 10, 12]], "0=8 1=3 4=1 5=1 6=288")
    case("DeformableConv2D", [[4, 10, 12], [18, 10, 12], [9, 10, 12]], "0=8 1=3 4=1 5=1 6=288")
    case("Fold", [[27, 48]], "0=3 1=3 3=1 4=1 20=8 21=6")
    case("Unfold", [THREE], "0=4 1=3 11=2 3=2 13=1 4=1")
    case("Unfold", [THREE], "0=4 1=3 2=2 4=2")


def poolings():
    for kind in [0, 1]:
        for mode in range(4):
            case("Pooling", [[3, 21, 24]], f"0={kind} 1=3 2=2 3=1 5={mode}")
            case("Pooling", [[3, 21, 24]], f"0={kind} 1=2 11=3 2=3 12=2 3=0 13=1 14=1 15=0 5={mode}")
            case("Pooling", [[3, 21, 24]], f"0={kind} 1=1 2=2 5={mode}")
            case("Pooling1D", [[6, 31]], f"0={kind} 1=3 2=2 3=1 5={mode}")
            case("Pooling3D", [[3, 7, 10, 12]], f"0={kind} 1=3 2=2 3=1 5={mode}")
        case("Pooling", [THREE], f"0={kind} 4=1")
        case("Pooling1D", [TWO], f"0={kind} 4=1")
        case("Pooling3D", [FOUR], f"0={kind} 4=1")
        case("Pooling", [THREE], f"0={kind} 7=1 8=3")
        case("Pooling", [THREE], f"0={kind} 7=1 8=1 18=1")
        case("Pooling", [THREE], f"0={kind} 7=1 8=-233 18=4")
        case("Pooling1D", [TWO], f"0={kind} 7=1 8=3")
        case("Pooling3D", [FOUR], f"0={kind} 7=1 8=3 18=2 28=4")
    case("Pooling", [THREE], "0=1 1=3 2=2 3=1 5=1 6=1")


def movements():
    for shape, codes in [(ONE, 1), (TWO, 2), (THREE, 6), (FOUR, 24)]:
        for code in range(codes):
            case("Permute", [shape], f"0={code}")
    for shape in [ONE, TWO, THREE, FOUR]:
        for target in ["0=-1", "0=4 1=-1", "0=2 1=2 2=-1", "0=2 1=-1 11=2 2=2", "0=8 1=-1", "0=-1 1=2 2=1"]:
            case("Reshape", [shape], target)
    case("Reshape", [THREE], "0=0 1=-1")
    case("Reshape", [THREE], "0=-1 1=0 2=0")
    case("Reshape", [FOUR], "0=-1 1=0 2=0")
    case("Reshape", [THREE], '6="-1,0c"')
    case("Reshape", [THREE], '6="*(0w,0h),0c"')
    case("Reshape", [THREE], '6="//(0w,2),*(0h,2),0c"')
    case("Reshape", [THREE, [2, 3]], '6="1w,-1,1h"')
    case("Reshape", [THREE], '6="trunc(/(0w,2)),+(0h,6),-(0c,0)"')
    case("Reshape", [[2, 4, 8]], '6="floor(sqrt(64)),max(4,2),neg(-2)"')
    for shape, keys in [([6, 1], "0=1"), ([1, 8], "1=1"), ([1, 6, 1], "0=1 2=1"), ([1, 6, 1], "0=1 1=1 2=1"),
                        ([4, 1, 8], "1=1"), ([4, 1, 6, 1], "11=1 0=1"), ([4, 6, 8], "0=1 1=1"), ([1, 1, 1], "0=1 1=1 2=1")]:
        case("Squeeze", [shape], keys)
    for shape, axes in [([6, 1], "1,1"), ([1, 6, 8], "1,0"), ([1, 6, 1], "2,0,-1"), ([4, 1, 6, 1], "2,1,3"),
                        ([4, 6, 8], "1,0"), ([1], "1,0"), ([1, 1, 1, 1], "4,0,1,2,3")]:
        case("Squeeze", [shape], f"-23303={axes}")
    for shape, axes in [(ONE, "1,0"), (ONE, "1,1"), (ONE, "2,0,1"), (ONE, "2,0,-1"), (ONE, "3,1,2,3"), (TWO, "1,0"),
                        (TWO, "1,1"), (TWO, "1,-1"), (TWO, "2,0,3"), (TWO, "2,1,2"), (THREE, "1,0"), (THREE, "1,1"),
                        (THREE, "1,2"), (THREE, "1,-1")]:
        case("ExpandDims", [shape], f"-23303={axes}")
    for shape in [ONE, TWO, THREE, FOUR]:
        case("Crop", [shape], "0=1 3=3 4=-233 5=-233 14=-233")
        case("Crop", [shape], "0=1 1=2 2=1 13=1 3=3 4=2 5=2 14=2")
        case("Crop", [shape], "0=1 3=-233 4=-233 5=-233 14=-233 6=2 7=1 8=1 15=2")
        case("Crop", [shape], "-23309=1,1 -23310=1,-1 -23311=1,0")
        case("Crop", [shape], "-23309=1,-3 -23310=1,-233 -23311=1,-1")
        case("Crop", [shape], "-23309=1,1 -23310=1,100 -23311=1,0")
        case("Crop", [shape, [n // 2 for n in shape]], "0=1 1=1 2=1 13=1")
    case("Crop", [THREE], "-23309=3,0,1,2 -23310=3,2,4,0")
    case("Crop", [THREE], '19="0,1" 20="2,//(0w,2)" 21="0,2"')
    case("Crop", [THREE, [3, 5]], '19="0,1" 20="1h,1w" 21="0,2"')
    for shape in [ONE, TWO, THREE, FOUR]:
        for axis in range(len(shape)):
            case("Concat", [shape, shape, shape], f"0={axis}")
    case("Concat", [THREE, THREE], "0=-1")
    case("CopyTo", [THREE, [2, 3, 4]], "0=1 1=1 2=1")
    case("CopyTo", [TWO, [2, 3]], "-23309=2,1,2 -23311=2,0,1")
    for kind in [1, 2, 3]:
        case("Interp", [THREE], f"0={kind} 1=2.0 2=2.0")
        case("Interp", [THREE], f"0={kind} 1=1.5 2=0.5")
        case("Interp", [THREE], f"0={kind} 3=9 4=13")
        case("Interp", [THREE], f"0={kind} 3=9 4=13 6=1")
        case("Interp", [TWO], f"0={kind} 1=2.0 2=2.0")
        case("Interp", [TWO], f"0={kind} 3=9 4=13")
        case("Interp", [THREE, [4, 9, 11]], f"0={kind} 5=1")
        case("Interp", [THREE], f'0={kind} 9="*(0w,2),+(0h,3)"')
    case("Interp", [ONE], "0=1 3=9 4=13")
    case("GridSample", [THREE, [5, 7, 2]], "0=2")
    case("GridSample", [THREE, [2, 5, 7]], "0=1 3=1")
    case("GridSample", [FOUR, [5, 7, 9, 3]], "0=2")
    case("GridSample", [FOUR, [3, 5, 7, 9]], "0=1 3=1")


def sequences():
    for kind, gates in [("LSTM", 4), ("GRU", 3), ("RNN", 1)]:
        for direction, ways in [(0, 1), (1, 1), (2, 2)]:
            case(kind, [[7, 8]], f"0=16 1={16 * 8 * gates * ways} 2={direction}")
            states = [[ways, 16]] * (2 if kind == "LSTM" else 1)
            params = f"0=16 1={16 * 8 * gates * ways} 2={direction}"
            case(kind, [[7, 8]] + states, params, 1 + len(states))
            case(kind, [[7, 8]], params, 1 + len(states))
    case("LSTM", [[7, 8]], "0=16 1=768 2=0 3=24")
    case("LSTM", [[7, 8]], "0=16 1=1536 2=2 3=24")
    case("LSTM", [[7, 8], [1, 16], [1, 24]], "0=16 1=768 2=0 3=24", 3)
    case("MultiHeadAttention", [[7, 16]], "0=16 1=4 2=256")
    case("MultiHeadAttention", [[7, 12]], "0=16 1=4 2=192 3=12 4=12")
    case("MultiHeadAttention", [[7, 16], [9, 16]], "0=16 1=4 2=256")
    case("MultiHeadAttention", [[7, 16], [9, 12], [9, 20]], "0=16 1=4 2=256 3=12 4=20")
    case("MultiHeadAttention", [[7, 16], [7, 7]], "0=16 1=4 2=256 5=1")
    case("MultiHeadAttention", [[7, 16], [9, 16], [9, 16], [7, 9]], "0=16 1=4 2=256 5=1")
    case("MultiHeadAttention", [[7, 16], [9, 16], [9, 16], [4, 7, 9]], "0=16 1=4 2=256 5=1")
    cache = [[4, 5, 4], [4, 5, 4]]
    case("MultiHeadAttention", [[7, 16]] + cache, "0=16 1=4 2=256 7=1", 3)
    case("MultiHeadAttention", [[7, 16], [7, 12]] + cache, "0=16 1=4 2=256 5=1 7=1", 3)
    case("MultiHeadAttention", [[7, 16], [9, 16]] + cache, "0=16 1=4 2=256 7=1", 3)
    case("SDPA", [[4, 7, 16], [4, 9, 16], [4, 9, 16]])
    case("SDPA", [[4, 7, 16], [2, 9, 16], [2, 9, 24]], "6=0.5")
    case("SDPA", [[4, 7, 16], [4, 9, 16], [4, 9, 16], [7, 9]], "5=1")
    case("SDPA", [[4, 7, 16], [2, 7, 16], [2, 7, 16], [7, 12], [2, 5, 16], [2, 5, 16]], "5=1 7=1", 3)
    case("SDPA", [[4, 7, 16], [2, 7, 16], [2, 7, 24], [2, 5, 16], [2, 5, 24]], "7=1", 3)
    for pairs in [0, 1]:
        case("RotaryEmbed", [[4, 7, 16], [7, 8], [7, 8]], f"0={pairs}")
    for params in ["0=64", "0=64 1=1 2=20", "0=64 1=2 2=16 5=0", "0=63 1=1 2=16", "0=64 1=1 2=16 8=0",
                   "0=64 1=0 2=16 3=48 4=1 6=0"]:
        case("Spectrogram", [[400]], params)
    case("InverseSpectrogram", [[33, 26, 2]], "0=64")
    case("InverseSpectrogram", [[33, 26, 2]], "0=64 1=0 2=20")
    case("InverseSpectrogram", [[32, 26, 2]], "0=63 1=1 2=16 5=0")


def boxes():
    sizes = "-23300=1,60.0 -23301=1,111.0 -23302=2,2.0,3.0"
    case("PriorBox", [[16, 10, 12], [3, 300, 300]], sizes + " 7=1 8=0 9=-233 10=-233 11=-233.0 12=-233.0 13=0.5")
    case("PriorBox", [[16, 10, 12], [3, 300, 300]], "-23300=1,60.0 -23302=2,2.0,3.0 7=0 9=300 10=300 13=0.5")
    case("PriorBox", [[16, 10, 12]], "-23300=2,0.2,0.3 -23302=3,1.0,2.0,0.5 9=-233 10=-233 11=-233.0 12=-233.0 13=0.5")
    case("ROIPooling", [[16, 20, 24], [4]], "0=7 1=5 2=0.0625")
    case("ROIAlign", [[16, 20, 24], [4]], "0=7 1=5 2=0.0625 3=2")
    case("PSROIPooling", [[490, 20, 24], [4]], "0=7 1=7 2=0.0625 3=10")


def several_results():
    case("Split", [THREE], "", 3)
    for shape in [ONE, TWO, THREE, FOUR]:
        for axis in range(len(shape)):
            case("Slice", [shape], f"-23300=2,-233,-233 1={axis}", 2)
            case("Slice", [shape], f"-23300=2,1,-233 1={axis}", 2)
            case("Slice", [shape], f"-23300=3,-233,-233,-233 1={axis}", 3)
            case("Slice", [shape], f"-23302=1,2 1={axis}", 2)
            case("Slice", [shape], f"-23302=2,1,-1 1={axis}", 3)
    case("Slice", [THREE], "-23300=3,2,-233,-233 1=-1", 3)
    CASES.append(["Input two 0 2 a b 0=8 1=6", "BinaryOp add 2 1 a b y 0=0"])
    CASES.append(["MemoryData m 0 1 m 0=8 1=6 2=4", source("x", THREE), "BinaryOp add 2 1 x m y 0=0"])
    CASES.append(["MemoryData m 0 1 m 0=8 1=6 11=5 2=4", source("x", FOUR), "BinaryOp add 2 1 x m y 0=0"])


def shape_of(mat):
    return {0: None, 1: [mat.w], 2: [mat.h, mat.w], 3: [mat.c, mat.h, mat.w], 4: [mat.c, mat.d, mat.h, mat.w]}[mat.dims]


def blob(shape):
    mat = ncnn.Mat(*reversed(shape))
    mat.fill(0.5)
    return mat


def run(text, inputs):
    """Shapes of all blobs that ncnn computes; None where it refuses the file."""
    net = ncnn.Net()
    for option in ["fp16_storage", "fp16_packed", "fp16_arithmetic", "bf16_storage", "packing_layout", "vulkan_compute"]:
        setattr(net.opt, "use_" + option, False)
    net.opt.num_threads = 1
    with tempfile.NamedTemporaryFile("w", suffix=".param") as file:
        file.write(text)
        file.flush()
        if net.load_param(file.name) != 0 or net.load_model(ncnn.DataReaderFromEmpty()) != 0:
            return None
    extractor = net.create_extractor()
    extractor.set_light_mode(False)
    for name, shape in inputs.items():
        extractor.input(name, blob(shape))
    shapes = {}
    for words in map(str.split, text.split("\n")[2:]):
        first = 4 + int(words[2]) if words else 0
        for name in words[first : first + int(words[3])] if words else []:
            result, mat = extractor.extract(name)
            if result == 0:
                shapes[name] = shape_of(mat)
    return shapes


def inputs_of(lines):
    """Names of the inputs with the shapes that the file gives, None where it gives none."""
    found = {}
    for words in map(str.split, lines):
        if words[0] == "Input":
            values = dict(pair.split("=") for pair in words[4 + int(words[3]) :] if not pair.startswith("-"))
            sizes = [int(values[key]) for key in ["2", "11", "1", "0"] if values.get(key, "0") not in ("0", "-233")]
            for name in words[4 : 4 + int(words[3])]:
                found[name] = sizes or None
    return found


def header(lines):
    outputs = [name for words in map(str.split, lines) for name in words[4 + int(words[2]) : 4 + int(words[2]) + int(words[3])]]
    return "\n".join(["7767517", f"{len(lines)} {len(outputs)}"] + lines) + "\n"


def corpus(folders):
    for folder in folders:
        paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names if name.endswith(".param")]
        for path in sorted(paths):
            with open(path) as file:
                lines = [text for text in file.read().split("\n")[2:] if text.strip()]
            full = header(lines)
            if path.endswith("_decoder.ncnn.param"):
                # Two layers stand for all: whole models need gigabytes of weights.
                lines = lines[: 12 + 2 * 40]
            inputs = inputs_of(lines)
            named = next((shapes for end, shapes in OPEN.items() if path.endswith(end)), {})
            for name, shape in inputs.items():
                inputs[name] = shape or named.get(name) or decoder(path, name, lines) or IMAGE[1:]
            loads = ncnn.Net().load_param(path) == 0
            shapes = run(header(lines), inputs) if loads else None
            print(path, "loads" if loads else "refused", len(shapes or {}), file=sys.stderr)
            yield {"name": path, "loads": loads, "full": full, "text": header(lines), "inputs": inputs, "shapes": shapes}


def decoder(path, name, lines):
    """Inputs of a language model in `benchmark/models/llm`: 5 tokens after 7 earlier ones."""
    if "ncnn.param" not in path or "/llm/" not in path:
        return None
    layers = [words.split() for words in lines]
    number = lambda words, key: int(next(pair for pair in words if pair.startswith(f"{key}=")).split("=")[1])
    if "_proj_out" in path:
        return [5, number(layers[1], 9)]
    width = number(next(words for words in layers if words[0] == "RMSNorm"), 0)
    depth, heads = {
        "qwen3_0.6b": (128, 16), "qwen2.5_0.5b": (64, 14), "llama3.2_1b": (64, 32), "minicpm4_0.5b": (64, 16),
        "hunyuan_0.5b_instruct": (128, 16), "tinyllama_1.1b": (64, 32), "youtu_llm_2b": (192, 16),
    }[os.path.basename(path).split("_decoder")[0]]
    half = 32 if "youtu" in path else depth // 2
    if name.startswith("cache_"):
        return [heads, 7, 128 if "youtu" in path and name.startswith("cache_v") else depth]
    return {"in0": [5, width], "in1": [5, 12]}.get(name, [5, half])


if __name__ == "__main__":
    if len(sys.argv) > 1:
        json.dump(list(corpus(sys.argv[1:])), sys.stdout)
    else:
        cases()
        found = []
        for lines in CASES:
            text = header(lines)
            # A layer that reads past its operands ends the process: each runs in one of its own.
            read, write = os.pipe()
            if os.fork() == 0:
                os.write(write, json.dumps(run(text, inputs_of(lines))).encode())
                os._exit(0)
            os.close(write)
            with os.fdopen(read) as answer:
                shapes = json.loads(answer.read() or "null")
            os.wait()
            if shapes is None or not any(name.startswith("y") for name in shapes):
                print("ncnn does not run", lines[-1], file=sys.stderr)
                continue
            found.append({"text": text, "shapes": shapes})
        print("[\n" + ",\n".join(json.dumps(one) for one in found) + "\n]")
