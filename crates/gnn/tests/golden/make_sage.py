"""Writes sage.json: SAGEConv of PyTorch Geometric on a batch of graphs, forward and backward.

    python crates/gnn/tests/golden/make_sage.py

Made with torch 2.11.0 and torch_geometric 2.8.1.
"""

import json
import pathlib

import torch
from torch_geometric.data import Batch, Data
from torch_geometric.nn import SAGEConv

INPUTS, OUTPUTS = 5, 7
# (nodes, edges): self-loops, repeated edges, isolated nodes, a graph without edges.
GRAPHS = [
    (4, [(0, 1), (1, 2), (0, 2), (0, 2), (3, 3)]),
    (3, []),
    (6, [(5, 0), (5, 0), (5, 0), (1, 0), (0, 5), (2, 2), (2, 3)]),
    (1, [(0, 0)]),
    (1, []),
]

torch.manual_seed(0)
data = [
    Data(x=torch.randn(n, INPUTS), edge_index=torch.tensor(e, dtype=torch.long).reshape(-1, 2).t().contiguous())
    for n, e in GRAPHS
]
cases = []
for normalize in (False, True):
    layer = SAGEConv(INPUTS, OUTPUTS, aggr="mean", normalize=normalize)
    batch = Batch.from_data_list(data)
    x = batch.x.clone().requires_grad_()
    y = layer(x, batch.edge_index)
    cotangent = torch.randn_like(y)
    y.backward(cotangent)
    cases.append(
        {
            "normalize": normalize,
            "parameters": {name: p.detach().tolist() for name, p in layer.named_parameters()},
            "gradients": {name: p.grad.tolist() for name, p in layer.named_parameters()},
            "input_gradient": x.grad.tolist(),
            "cotangent": cotangent.tolist(),
            "output": y.detach().tolist(),
        }
    )
graphs = [{"nodes": d.x.tolist(), "edges": e} for d, (_, e) in zip(data, GRAPHS)]
golden = {"inputs": INPUTS, "outputs": OUTPUTS, "graphs": graphs, "cases": cases}
path = pathlib.Path(__file__).with_name("sage.json")
path.write_text(json.dumps(golden) + "\n")
