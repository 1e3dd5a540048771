"""Writes layers.json: layers of PyTorch Geometric on a batch of graphs, outputs and all gradients in f64.

    python crates/gnn/tests/golden/make.py

Made with torch 2.11.0 and torch_geometric 2.8.1. Inputs, parameters and cotangents are multiples of 1/64,
so that f32 holds them too. Every case says which of our layers it checks, with our settings.
"""

import json
import pathlib

import torch
from torch import nn
from torch_geometric import nn as pyg
from torch_geometric.utils import to_dense_batch

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
INPUTS, OUTPUTS, FEATURES = 3, 4, 2
# (nodes, edges): self-loops, repeated edges, isolated nodes, a graph without edges.
GRAPHS = [
    (4, [(0, 1), (1, 2), (0, 2), (0, 2), (3, 3)]),
    (3, []),
    (5, [(4, 0), (4, 0), (1, 0), (0, 4), (2, 2), (2, 3), (0, 2)]),
    (1, [(0, 0)]),
    (1, []),
]
# The same with exactly one self-loop at every node, listed last.
LOOPED = [(n, [e for e in edges if e[0] != e[1]] + [(i, i) for i in range(n)]) for n, edges in GRAPHS]


def short(t):
    return torch.round(t * 64) / 64


def index(graphs):
    edges, offset = [], 0
    for n, list_ in graphs:
        edges += [(s + offset, d + offset) for s, d in list_]
        offset += n
    return torch.tensor(edges).t().contiguous()


EDGES, LOOPED_EDGES = index(GRAPHS), index(LOOPED)
MEMBERS = torch.cat([torch.full((n,), g) for g, (n, _) in enumerate(GRAPHS)])
X = short(torch.randn(len(MEMBERS), INPUTS))
ATTRIBUTES = {
    "features": short(torch.randn(EDGES.size(1), FEATURES)),
    "weights": short(torch.rand(EDGES.size(1)) + 0.25),
    # Self-loops of weight 1 except where there was one already.
    "looped_weights": short(torch.rand(LOOPED_EDGES.size(1)) + 0.25),
}
COTANGENT = short(torch.randn(len(MEMBERS), 2 * OUTPUTS))
cases = []


def case(layer, modules, run, config=None, outputs=OUTPUTS, inputs=INPUTS, **more):
    """`modules`: prefix in our names → module or parameter-holding module; `run(x, attribute)` → output."""
    parameters = {}
    for prefix, module in modules.items():
        for name, p in module.named_parameters():
            parameters[prefix + name] = p
            p.grad = None
            with torch.no_grad():
                p.copy_(short(torch.randn_like(p) * 0.5 + (0.5 if p.ndim == 1 else 0.0)))
    x = X.repeat(1, 2)[:, :inputs].clone().requires_grad_()
    attribute = ATTRIBUTES[more["edges"]].clone().requires_grad_() if "edges" in more else None
    y = run(x, attribute)
    y.backward(COTANGENT[: y.size(0), : y.size(1)])
    gradients = {name: p.grad.tolist() for name, p in parameters.items() if p.grad is not None}
    gradients["x"] = x.grad.tolist()
    if attribute is not None:
        gradients["edges"] = attribute.grad.tolist()
    cases.append(
        {
            "layer": layer,
            "config": config or {},
            "inputs": inputs,
            "outputs": outputs,
            **more,
            "parameters": {name: p.tolist() for name, p in parameters.items()},
            "gradients": gradients,
            "output": y.tolist(),
        }
    )


# Convolutions
conv = pyg.GCNConv(INPUTS, OUTPUTS)
case("Gcn", {"": conv}, lambda x, _: conv(x, EDGES), self_loops=True)
conv = pyg.GCNConv(INPUTS, OUTPUTS, bias=False, add_self_loops=False)
case("Gcn", {"": conv}, lambda x, _: conv(x, EDGES), {"bias": False})
conv = pyg.GCNConv(INPUTS, 2, add_self_loops=False)
case("Gcn", {"": conv}, lambda x, w: conv(x, EDGES, w), outputs=2, edges="weights")
conv = pyg.GCNConv(INPUTS, OUTPUTS)
case("Gcn", {"": conv}, lambda x, w: conv(x, LOOPED_EDGES, w), edges="looped_weights")

for aggregate in ("mean", "sum", "max"):
    for normalize, project in ((False, False), (True, False), (False, True)):
        if aggregate != "mean" and normalize:
            continue
        conv = pyg.SAGEConv(INPUTS, OUTPUTS, aggr=aggregate, normalize=normalize, project=project)
        config = {"aggregate": aggregate, "normalize": normalize, "project": project}
        case("Sage", {"": conv}, lambda x, _: conv(x, EDGES), config)
conv = pyg.SAGEConv(INPUTS, 2)
case("Sage", {"": conv}, lambda x, _: conv(x, EDGES), outputs=2)
conv, back = pyg.SAGEConv(INPUTS, OUTPUTS), pyg.SAGEConv(INPUTS, OUTPUTS, root_weight=False, bias=False)
modules = {"": conv, "lin_t.": back.lin_l}
case("Sage", modules, lambda x, _: conv(x, EDGES) + back(x, EDGES.flip(0)), {"directed": True}, reverse=True)

for name, layer in (("Gat", pyg.GATConv), ("GatV2", pyg.GATv2Conv)):
    conv = layer(INPUTS, 2, heads=2)
    case(name, {"": conv}, lambda x, _: conv(x, EDGES), {"heads": 2}, outputs=2, self_loops=True)
    conv = layer(INPUTS, 2, heads=2, concat=False, add_self_loops=False, edge_dim=FEATURES)
    config = {"heads": 2, "concat": False, "edge_features": FEATURES}
    case(name, {"": conv}, lambda x, e: conv(x, EDGES, e), config, outputs=2, edges="features")
    conv = layer(INPUTS, 3, heads=1, edge_dim=FEATURES, bias=False, negative_slope=0.1)
    config = {"edge_features": FEATURES, "bias": False, "slope": 0.1}
    run = lambda x, e: conv(x, EDGES, e)
    case(name, {"": conv}, run, config, outputs=3, edges="features", self_loops=True)
conv = pyg.GATv2Conv(INPUTS, 2, heads=2, share_weights=True)
modules = {"lin_l.": conv.lin_l, "": nn.ParameterDict({"att": conv.att, "bias": conv.bias})}
config = {"heads": 2, "share_weights": True}
case("GatV2", modules, lambda x, _: conv(x, EDGES), config, outputs=2, self_loops=True)

for aggregate in ("sum", "mean", "max"):
    conv = pyg.GraphConv(INPUTS, OUTPUTS, aggr=aggregate)
    case("GraphConv", {"": conv}, lambda x, _: conv(x, EDGES), {"aggregate": aggregate})
    conv = pyg.GraphConv(INPUTS, 2, aggr=aggregate)
    case("GraphConv", {"": conv}, lambda x, w: conv(x, EDGES, w), {"aggregate": aggregate}, outputs=2, edges="weights")

for train in (False, True):
    mlp = nn.Sequential(nn.Linear(INPUTS, 5), nn.ReLU(), nn.Linear(5, OUTPUTS))
    conv = pyg.GINConv(mlp, eps=0.5, train_eps=train)
    case("Gin", {"": conv}, lambda x, _: conv(x, EDGES), {"eps": 0.5, "train_eps": train, "hidden": 5})

# Read-out
softmax = pyg.aggr.SoftmaxAggregation(t=0.7)
case("SoftmaxSum", {}, lambda x, _: softmax(x[EDGES[0]], EDGES[1], dim_size=len(x)), {"t": 0.7}, outputs=INPUTS)
pool = pyg.aggr.AttentionalAggregation(nn.Linear(INPUTS, 1), nn.Linear(INPUTS, OUTPUTS))
case("AttentionPool", {"": pool}, lambda x, _: pool(x, MEMBERS), {"project": True})
pool = pyg.aggr.AttentionalAggregation(nn.Linear(INPUTS, 1))
case("AttentionPool", {"": pool}, lambda x, _: pool(x, MEMBERS), outputs=INPUTS)
for kind, pool in (("sum", pyg.global_add_pool), ("mean", pyg.global_mean_pool), ("max", pyg.global_max_pool)):
    case("Pool", {}, lambda x, _: pool(x, MEMBERS), {"kind": kind}, outputs=INPUTS)
case("Pool", {}, lambda x, _: nn.functional.normalize(pyg.global_add_pool(x, MEMBERS)), {"kind": "normalized_sum"})

# Normalisation
norm = pyg.BatchNorm(INPUTS)
case("BatchNorm", {"": norm}, lambda x, _: norm(x), {"train": True}, outputs=INPUTS)
buffers = {name: b.tolist() for name, b in norm.named_buffers() if b.ndim}
cases[-1]["buffers"] = buffers
norm.eval()
case("BatchNorm", {"": norm}, lambda x, _: norm(x), {"train": False}, outputs=INPUTS, buffers=buffers)
norm = pyg.LayerNorm(INPUTS, mode="graph")
case("LayerNorm", {"": norm}, lambda x, _: norm(x, MEMBERS), {"mode": "graph"}, outputs=INPUTS)
norm = pyg.LayerNorm(INPUTS, mode="node")
case("LayerNorm", {"": norm}, lambda x, _: norm(x, MEMBERS), {"mode": "node"}, outputs=INPUTS)
norm = pyg.InstanceNorm(INPUTS, affine=True)
case("InstanceNorm", {"": norm}, lambda x, _: norm(x, MEMBERS), {"affine": True}, outputs=INPUTS)
norm = pyg.InstanceNorm(INPUTS)
case("InstanceNorm", {"": norm}, lambda x, _: norm(x, MEMBERS), outputs=INPUTS)
norm = pyg.GraphNorm(INPUTS)
case("GraphNorm", {"": norm}, lambda x, _: norm(x, MEMBERS), outputs=INPUTS)

# Attention among the nodes of each graph
attention = nn.MultiheadAttention(6, 2, batch_first=True)


def attend(x, _):
    dense, mask = to_dense_batch(x, MEMBERS)
    return attention(dense, dense, dense, key_padding_mask=~mask, need_weights=False)[0][mask]


case("MultiHeadAttention", {"": attention}, attend, {"heads": 2}, inputs=6, outputs=6)

golden = {
    "graphs": [{"nodes": n, "edges": e} for n, e in GRAPHS],
    "looped": [{"nodes": n, "edges": e} for n, e in LOOPED],
    "x": X.tolist(),
    "cotangent": COTANGENT.tolist(),
    "attributes": {name: a.tolist() for name, a in ATTRIBUTES.items()},
    "cases": cases,
}
path = pathlib.Path(__file__).with_name("layers.json")
path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
print(f"{len(cases)} cases, {path.stat().st_size / 1000:.0f} kB")
