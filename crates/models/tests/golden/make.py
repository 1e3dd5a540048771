"""Writes NAME.json: outputs of released networks with random weights on random graphs.

    python crates/models/tests/golden/make.py nnlp CHECKOUT     # of ModelTC/NNLQP
    python crates/models/tests/golden/make.py dippm CHECKOUT    # of karthickai/dippm
    python crates/models/tests/golden/make.py brp_nas CHECKOUT  # of SamsungLabs/eagle

Made at 6da64f035baa (NNLQP), 710b5a69f1d0 (dippm) and c5cbe76ebe3b (eagle) with torch 2.11.0 and torch_geometric 2.8.1.
The network code is that of the checkout; of what it imports, torch_scatter is replaced by the same function of
torch_geometric, and pytorch_lightning and torchmetrics by what the forward pass needs of them, which is nothing.
Weights carry our names, as integers of 1/256, node features as integers of 1/8; outputs are computed in f64.
"""

import importlib.util
import json
import pathlib
import sys
import types

import torch
from torch import nn
from torch_geometric.data import Batch, Data
from torch_geometric.utils import scatter

NAME, CHECKOUT = sys.argv[1], pathlib.Path(sys.argv[2])
HERE = pathlib.Path(__file__).parent
UNIT, GRID = 256, 8
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)


def load(path):
    spec = importlib.util.spec_from_file_location("released", CHECKOUT / path)
    released = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(released)
    return released


def graphs(width, globals_, undirected):
    """A chain with skips, a fork, a node without edges."""
    lists = [(7, [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (4, 5), (5, 6), (2, 6)]), (4, [(0, 1), (0, 2), (0, 3)]), (1, [])]
    made = []
    for n, edges in lists:
        both = sorted({e for s, d in edges for e in [(s, d), (d, s)]}) if undirected else edges
        nodes = torch.randint(-GRID, GRID + 1, (n, width)) / GRID
        made.append((nodes, both, torch.randint(0, 2 * GRID, (globals_,)) / GRID))
    return made


def data(nodes, edges, globals_):
    index = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).t()
    return Data(x=nodes, edge_index=index, static=globals_)


def as_json(made):
    whole = lambda t: (t * GRID).round().long().flatten().tolist()
    return [{"n": len(x), "nodes": whole(x), "edges": e, "globals": whole(g)} for x, e, g in made]


def rounded(net):
    """Weights as they are written, so that both sides compute with the same; with enough spread to matter."""
    with torch.no_grad():
        for p in net.parameters():
            p.copy_((p * UNIT).round() / UNIT)
    return net.double().eval()


def weights(net, names):
    """By our names; `names` maps beginnings of the released ones, the longest that fits."""
    out = {}
    for name, p in net.named_parameters():
        old = max((o for o in names if name.startswith(o)), key=len)
        new = names[old] + name[len(old):]
        out[new] = {"shape": list(p.shape), "values": (p * UNIT).round().long().flatten().tolist()}
    return out


def nnlp():
    module("torch_scatter", scatter=scatter)
    released = load("predictor/model.py")
    made = graphs(44, 4, True)
    batch = Batch.from_data_list([data(*g) for g in made])
    globals_ = torch.stack([g for _, _, g in made])
    layers = {"graph_conv_1.": "graph.0.", "graph_conv_2.": "graph.1."}
    single = layers | {"fc_1.": "heads.0.0.", "fc_2.": "heads.0.1.", "predictor.": "heads.0.2.", "norm_sf_linear.": "globals."}
    multi = dict(layers)
    for d in range(3):
        multi |= {f"head_{d}.fc_1.": f"heads.{d}.0.", f"head_{d}.fc_2.": f"heads.{d}.1.", f"head_{d}.predictor.": f"heads.{d}.2."}
    cases = []
    for options, names in [({}, single), ({"norm_sf": True}, single), ({"multi_plt": {0: 0, 1: 1, 2: 2}}, multi)]:
        net = rounded(released.Net(gnn_hidden=12, fc_hidden=12, **options))
        y = net(batch, globals_)
        config = {"hidden": 12, "embed_globals": options.get("norm_sf", False)}
        cases.append({"config": config, "weights": weights(net, names), "outputs": y.tolist()})
    return {"graphs": as_json(made), "cases": cases}


def dippm():
    module("torch_scatter", scatter=scatter)
    module("pytorch_lightning", LightningModule=nn.Module)
    module("torchmetrics", MeanAbsolutePercentageError=nn.Identity)
    net = rounded(load("model.py").Model(gnn_hidden=12, fc_hidden=12))
    made = graphs(32, 5, False)
    y = torch.cat([net(Batch.from_data_list([data(*g)])) for g in made])
    names = {f"graph_conv_{b + 1}.convs.{k}.": f"graph.{b}.{k}." for b in range(3) for k in range(2)}
    names |= {f"fc_{l + 1}.": f"linear.{l}." for l in range(3)} | {"predictor.": "predictor."}
    all_weights = weights(net, names)
    # One linear layer to three outputs is three heads.
    w, b = all_weights.pop("predictor.weight"), all_weights.pop("predictor.bias")
    for d in range(3):
        all_weights[f"heads.{d}.0.weight"] = {"shape": [1, 12], "values": w["values"][12 * d : 12 * (d + 1)]}
        all_weights[f"heads.{d}.0.bias"] = {"shape": [1], "values": [b["values"][d]]}
    return {"graphs": as_json(made), "cases": [{"config": {"hidden": 12}, "weights": all_weights, "outputs": y.tolist()}]}


def brp_nas():
    sys.path.insert(0, str(CHECKOUT))
    from eagle.predictors.gcn.gcn import GCN

    cells = load("eagle/models/nasbench201/utils.py")
    net = rounded(GCN(num_features=6, num_layers=4, num_hidden=24, dropout_ratio=2e-3))
    codes = torch.randint(0, 5, (40, 6)).tolist() + [[0] * 6, [1] * 6, [3] * 6, [0, 0, 0, 1, 0, 0], [2, 0, 0, 0, 0, 0]]
    rows = []
    for code in codes:
        adjacency, features = cells.get_adjacency_and_features(*cells.get_matrix_and_ops(code, prune=True, keep_dims=True))
        y = net(torch.tensor([adjacency]).double(), torch.tensor([features]).double())
        columns = [row.index(1) if 1 in row else None for row in features]
        rows.append({"code": code, "adjacency": ["".join(map(str, row)) for row in adjacency], "columns": columns, "output": y.item()})
    names = {f"gc.{l}.": f"graph.{l}." for l in range(4)} | {f"bn.{l}.": f"norm.{l}." for l in range(4)} | {"fc.": "heads.0.0."}
    return {"config": {"hidden": 24}, "weights": weights(net, names), "cells": rows}


golden = {"nnlp": nnlp, "dippm": dippm, "brp_nas": brp_nas}[NAME]()
(HERE / f"{NAME}.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
