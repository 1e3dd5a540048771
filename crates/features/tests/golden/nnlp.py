"""Writes nnlp.json: features that the released extractor of NNLP makes of ONNX files.

    python crates/features/tests/golden/nnlp.py CHECKOUT  # of ModelTC/NNLQP

Made at 6da64f035baa with onnx 1.23.2 on files of datasets/models. Of the nodes that the extractor makes, those of graph
inputs and weights are left out, which ours does not make.
"""

import gzip
import json
import pathlib
import sys
import tempfile

CHECKOUT = pathlib.Path(sys.argv[1])
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(CHECKOUT / "predictor"))

import networkx as nx
import numpy as np
import onnx
from feature.graph_feature import extract_graph_feature_from_networkx, parse_from_onnx

MODELS = ["squeezenet1_1", "repvgg_a0"]


def with_weights(name):
    """The extractor takes every graph input for an image, so the weights of the bundled files become initializers."""
    model = onnx.load_from_string(gzip.open(HERE / f"../../../../datasets/models/{name}.onnx.gz").read())
    graph = model.graph
    for weight in list(graph.input)[1:]:
        type_ = weight.type.tensor_type
        shape = [d.dim_value for d in type_.shape.dim]
        zeros = np.zeros(shape, onnx.helper.tensor_dtype_to_np_dtype(type_.elem_type))
        graph.initializer.append(onnx.numpy_helper.from_array(zeros, weight.name))
        graph.input.remove(weight)
    return model


golden = []
for name in MODELS:
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        onnx.save(with_weights(name), file.name)
        graph, shapes, flops, params, macs, _, _ = parse_from_onnx(file.name, 2)
        made = {o for node in onnx.load(file.name).graph.node for o in node.output}
    adjacency, features, static = extract_graph_feature_from_networkx(graph, 2, shapes, flops, params, macs)
    order = list(nx.topological_sort(graph))
    nodes = [{"name": n, "features": [0 if v == 0 else float(f"{v:.7g}") for v in f]} for n, f in zip(order, features) if n in made]
    n = len(order)
    edges = [[order[i], order[j]] for i in range(n) for j in range(i, n) if adjacency[i][j] or adjacency[j][i]]
    edges = [e for e in edges if set(e) <= made]
    golden.append({"model": name, "nodes": nodes, "edges": edges, "globals": [float(f"{v:.7g}") for v in static]})
    print(name, len(nodes), "of", n, "nodes", static)
(HERE / "nnlp.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
