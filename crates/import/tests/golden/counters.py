"""Multiply-accumulates of convolutions and matrix products by two public counters (pip install onnx-tool onnx_opcounter).

    python counters.py MODELS/onnx-light > counters.json
"""
import contextlib
import gzip
import io
import json
import pathlib
import sys

import onnx
import onnx_opcounter
import onnx_tool

MATRIX = ("Conv", "Gemm", "MatMul")
counts = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.onnx.gz")):
    data = gzip.decompress(path.read_bytes())
    with contextlib.redirect_stdout(io.StringIO()):
        graph = onnx_tool.Model(onnx.load_from_string(data)).graph
        graph.shape_infer(None)
        graph.profile()
        with_bias = sum(int(n.macs[0]) for n in graph.nodemap.values() if n.op_type in MATRIX)
        # onnx_opcounter tells no node's share: what it counts without these nodes, their results given, is the rest.
        model = onnx.shape_inference.infer_shapes(onnx.load_from_string(data), data_prop=True)
        rest = onnx.ModelProto()
        rest.CopyFrom(model)
        nodes = [n for n in rest.graph.node if n.op_type in MATRIX]
        total = onnx_opcounter.calculate_macs(model)
        del rest.graph.node[:]
        rest.graph.node.extend(n for n in model.graph.node if n.op_type not in MATRIX)
        given = {n.output[0] for n in nodes}
        rest.graph.input.extend(v for v in [*model.graph.value_info, *model.graph.output] if v.name in given)
        outputs = [v for v in model.graph.output if v.name not in given]
        del rest.graph.output[:]
        rest.graph.output.extend(outputs or [next(v for v in model.graph.value_info if v.name not in given)])
        others = onnx_opcounter.calculate_macs(rest)
    counts[path.name.removesuffix(".onnx.gz")] = [with_bias, int(total - others)]
print(json.dumps(counts, indent=1))
