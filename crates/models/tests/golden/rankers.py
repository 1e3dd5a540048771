"""Writes rankers.json: scores of three networks that rank configurations, with random weights on random graphs.

    python crates/models/tests/golden/rankers.py

The networks are written here a second time, from their publications, with dense adjacency matrices and torch 2.11.0 alone:
nothing is shared with the library. Weights carry the library's names, as integers of 1/256, inputs are integers of 1/8;
scores are computed in f64.
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F

HERE = pathlib.Path(__file__).parent
UNIT, GRID = 256, 8
torch.set_default_dtype(torch.float64)
torch.manual_seed(0)

NODES = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 4), (4, 5), (5, 6), (2, 6)]
N, WIDTH, COPIES = 7, 5, 3


def whole(*shape, low=-GRID, high=GRID):
    return torch.randint(low, high + 1, shape)


class Weights(dict):
    """Weights by the library's names, made when first asked for."""

    def __call__(self, name, *shape, scale=1.0):
        self[name] = whole(*shape, low=-int(64 * scale), high=int(64 * scale))
        return self[name] / UNIT


def linear(w, name, inputs, outputs, bias=True):
    weight = w(f"{name}.weight", outputs, inputs)
    shift = w(f"{name}.bias", outputs) if bias else None
    return lambda x: F.linear(x, weight, shift)


def stack(w, name, inputs, widths, act, bias=True):
    layers = []
    for l, width in enumerate(widths):
        layers.append(linear(w, f"{name}.{l}", inputs, width, bias))
        inputs = width

    def forward(x):
        for l, layer in enumerate(layers):
            x = layer(x if l == 0 else act(x))
        return x

    return forward


def leaky(x):
    return F.leaky_relu(x, 0.2)


def adjacency():
    a = torch.zeros(N, N)
    for s, d in NODES:
        a[d, s] += 1
    return a


def tile_sage(w, features, opcodes, configurations):
    """Early join; settings hidden 6, embedding 4, layers 2."""
    table = w("opcodes.weight", 128, 4)
    columns = configurations.shape[-1]
    layers = [linear(w, f"graph.{l}", 2 * (4 + columns + WIDTH if l == 0 else 6), 6) for l in range(2)]
    head = stack(w, "head", 6, [6, 6, 1], leaky)
    both = adjacency() + adjacency().t()
    scores = []
    for c in configurations:
        x = torch.cat([table[opcodes], c.expand(N, -1), features], 1)
        for layer in layers:
            x = F.normalize(leaky(layer(torch.cat([both @ x, x], 1))), dim=1)
        scores.append(head(x.sum(0)).item())
    return scores


def layout_resmodel(w, features, opcodes, configurations, configurable):
    """Settings hidden 6, embedding 4, layers 2."""
    table = w("opcodes.weight", 128, 4)
    columns = configurations.shape[-1]
    first = stack(w, "first", columns + WIDTH + 4, [6, 6], leaky)
    blocks = [stack(w, f"graph.{l}.0", columns + 6, [6, 6], leaky) for l in range(2)]
    head = stack(w, "head", 18, [6, 1], leaky, bias=False)
    a = adjacency() + adjacency().t() + torch.eye(N)
    root = a.sum(1).rsqrt()
    a = root[:, None] * a * root[None, :]
    scores = []
    for c in configurations:
        context = torch.zeros(N, columns)
        context[configurable] = 100 * c
        x = leaky(first(torch.cat([context, features, table[opcodes]], 1)))
        for block in blocks:
            x = x + leaky(block(a @ torch.cat([context, x], 1)))
        pooled = [x.mean(0), F.normalize(x.sum(0), dim=0), F.normalize(x[configurable].sum(0), dim=0)]
        scores.append(head(torch.cat(pooled)).item())
    return scores


def layout_first(w, features, opcodes, configurations, configurable):
    """Settings hidden 16, embedding 4, layers 2, cross, no dropout; all rows of the batch at once."""
    operators, places = w("opcodes.weight", 128, 4), w("layouts.weight", 8, 4, scale=4)
    columns = configurations.shape[-1]
    a = adjacency()
    mean = a / a.sum(1, keepdim=True).clamp(min=1)
    norm = nn.InstanceNorm1d(16)
    half = nn.InstanceNorm1d(8)

    def channels(name):
        gate = stack(w, name, 8, [1, 8], torch.relu)
        return lambda x: x * torch.sigmoid(gate(x))

    def cross(name):
        t = w(f"{name}.temperature", 1).abs() + 0.25
        w[f"{name}.temperature"] = (t * UNIT).round().long()
        return lambda x: torch.cat([x, x * torch.softmax(x / t, 0)], -1)

    c = torch.full((len(configurations), N, columns), -2.0)
    c[:, configurable] = configurations
    c = places[(c + 2).long()].reshape(len(configurations), N, -1)
    x = torch.cat([features, operators[opcodes]], 1).expand(len(configurations), -1, -1)
    x = torch.cat([x, c], 2)
    for l in range(2):
        name = f"linear.{l}"
        project = linear(w, f"{name}.linear", x.shape[-1], 8)
        x = half(project(x).transpose(1, 2)).transpose(1, 2)
        x = F.gelu(cross(f"{name}.cross")(channels(f"{name}.channels")(x)))
    for l in range(2):
        name = f"graph.{l}"
        left, right = linear(w, f"{name}.conv.lin_l", 16, 8), linear(w, f"{name}.conv.lin_r", 16, 8, bias=False)
        y = norm(x.transpose(1, 2)).transpose(1, 2)
        y = channels(f"{name}.channels")(left(mean @ y) + right(y))
        x = F.gelu(x + cross(f"{name}.cross")(y))
    return linear(w, "head", 16, 1)(x.mean(1)).flatten().tolist()


features, opcodes = whole(N, WIDTH), torch.randint(0, 120, (N,))
configurable = [1, 4, 5]
layouts = torch.randint(-1, 6, (COPIES, len(configurable), 4))
tiles = whole(COPIES, 4, low=0, high=16)
cases = []
for name, settings, run, chosen in [
    ("tile-sage", {"hidden": 6, "embedding": 4, "layers": 2}, tile_sage, False),
    ("layout-resmodel", {"hidden": 6, "embedding": 4, "layers": 2}, layout_resmodel, True),
    ("layout-first", {"hidden": 16, "embedding": 4, "layers": 2, "dropout": 0.0}, layout_first, True),
]:
    w = Weights()
    x = features / GRID
    scores = run(w, x, opcodes, layouts.double(), configurable) if chosen else run(w, x, opcodes, tiles / GRID)
    weights = {n: {"shape": list(t.shape), "values": t.flatten().tolist()} for n, t in sorted(w.items())}
    cases.append({"kind": name, "settings": settings, "weights": weights, "scores": scores})
document = {
    "edges": NODES,
    "features": features.flatten().tolist(),
    "opcodes": opcodes.tolist(),
    "configurable": configurable,
    "layouts": layouts.flatten().tolist(),
    "tiles": tiles.flatten().tolist(),
    "cases": cases,
}
(HERE / "rankers.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
