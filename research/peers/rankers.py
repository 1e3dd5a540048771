"""The time of a training step of three networks that rank configurations, by Tachograph and by PyTorch Geometric.

    OMP_NUM_THREADS=1 python research/peers/rankers.py target/release/tachograph LAYOUT.npz TILE.npz [STEPS]

ResModel and the winner's network on LAYOUT.npz, EarlyJoinSAGE on TILE.npz, each with the settings of research/recipes/ranking,
one thread, ListMLE, Adam. A step is the forward pass, the loss, the backward pass and the optimiser; making batches is part of
neither: Tachograph makes them on a thread beside, and PyTorch Geometric gets one batch again and again. A batch has a copy of the
graph for each configuration; Tachograph computes once what copies share, which PyTorch Geometric has no means to do. It is
given messages along edges and, second, products with a sparse matrix; the quicker counts.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from torch import nn
from torch.nn import functional as F
from torch_geometric.nn import MessagePassing, SAGEConv
from torch_geometric.utils import to_torch_csr_tensor

PLACES = 4  # width of the embedding of a place in a layout, of the winner


def mlp(inputs, *widths, act=None, bias=True):
    layers = []
    for i, width in enumerate(widths):
        layers += ([act] if i else []) + [nn.Linear(inputs, width, bias=bias)]
        inputs = width
    return nn.Sequential(*layers)


class Sum(MessagePassing):
    """Σ w x over the edges into a node."""

    def __init__(self):
        super().__init__(aggr="add")

    def message(self, x_j, w):
        return x_j if w is None else w.view(-1, 1) * x_j

    def forward(self, x, edges, w=None):
        if isinstance(edges, torch.Tensor) and edges.layout == torch.sparse_csr:
            return edges @ x
        return self.propagate(edges, x=x, w=w)


class Batch:
    """Copies of a graph under drawn configurations, side by side."""

    def __init__(self, path, copies, prune=False):
        archive = numpy.load(path)
        x, op = (torch.from_numpy(archive[name]) for name in ("node_feat", "node_opcode"))
        edges = torch.from_numpy(archive["edge_index"]).long().t().flip(0)
        self.layout = "node_config_feat" in archive
        configurations = torch.from_numpy(archive["node_config_feat" if self.layout else "config_feat"])
        chosen = torch.randperm(len(configurations))[:copies]
        c = configurations[chosen].float()
        time = torch.from_numpy(archive["config_runtime"])[chosen].float()
        at = torch.from_numpy(archive["node_config_ids"]).long() if self.layout else torch.arange(0)
        if prune:
            near = torch.isin(edges, at).any(0)
            edges = edges[:, near]
            kept = torch.cat([edges.flatten(), at]).unique()
            edges, at = torch.searchsorted(kept, edges.contiguous()), torch.searchsorted(kept, at)
            x, op = x[kept], op[kept]
        x = (x - x.mean(0)) / (x.std(0) + 1e-6)
        copies, n = len(c), len(x)
        self.n, self.copies, self.target = n, copies, time / time.mean()
        shift = (n * torch.arange(copies)).repeat_interleave(edges.shape[1])
        self.edges = edges.repeat(1, copies) + shift
        self.x, self.op = x.repeat(copies, 1), op.long().repeat(copies)
        self.at = (at.repeat(copies) + (n * torch.arange(copies)).repeat_interleave(len(at))) if self.layout else at
        if self.layout:
            self.c = torch.full((copies * n, c.shape[-1]), -2.0 if prune else 0.0)
            self.c[self.at] = c.reshape(-1, c.shape[-1])
        else:
            self.c = c.repeat_interleave(n, 0)


class ResModel(nn.Module):
    def __init__(self, batch, sparse):
        super().__init__()
        columns = batch.c.shape[1]
        act = nn.LeakyReLU(0.2)
        self.operators = nn.Embedding(128, 32)
        self.first = mlp(columns + batch.x.shape[1] + 32, 32, 32, act=act)
        self.blocks = nn.ModuleList([mlp(columns + 32, 32, 32, act=act) for _ in range(2)])
        self.head, self.act, self.sum = mlp(96, 32, 1, act=act, bias=False), act, Sum()
        total = len(batch.x)
        loops = torch.arange(total).repeat(2, 1)
        self.edges = torch.cat([batch.edges, batch.edges.flip(0), loops], 1)
        degree = torch.bincount(self.edges[1], minlength=total).float().rsqrt()
        self.w = degree[self.edges[0]] * degree[self.edges[1]]
        if sparse:
            self.edges = to_torch_csr_tensor(self.edges.flip(0), self.w, size=(total, total))

    def forward(self, batch):
        c = 100 * batch.c
        x = self.act(self.first(torch.cat([c, batch.x, self.operators(batch.op)], 1)))
        for block in self.blocks:
            x = x + self.act(block(self.sum(torch.cat([c, x], 1), self.edges, self.w)))
        own = x[batch.at].view(batch.copies, -1, 32).sum(1)
        whole = x.view(batch.copies, batch.n, 32)
        pooled = [whole.mean(1), F.normalize(whole.sum(1), dim=1), F.normalize(own, dim=1)]
        return self.head(torch.cat(pooled, 1)).squeeze(1)


class EarlyJoinSage(nn.Module):
    def __init__(self, batch, sparse):
        super().__init__()
        first = 64 + batch.c.shape[1] + batch.x.shape[1]
        self.operators = nn.Embedding(128, 64)
        self.layers = nn.ModuleList([nn.Linear(2 * (64 if i else first), 64) for i in range(3)])
        self.act, self.sum = nn.LeakyReLU(0.2), Sum()
        self.head = mlp(64, 64, 64, 1, act=self.act)
        total = len(batch.x)
        self.edges = torch.cat([batch.edges, batch.edges.flip(0)], 1)
        if sparse:
            self.edges = to_torch_csr_tensor(self.edges.flip(0), torch.ones(self.edges.shape[1]), size=(total, total))

    def forward(self, batch):
        x = torch.cat([self.operators(batch.op), batch.c, batch.x], 1)
        for layer in self.layers:
            x = F.normalize(self.act(layer(torch.cat([self.sum(x, self.edges), x], 1))), dim=1)
        return self.head(x.view(batch.copies, batch.n, -1).sum(1)).squeeze(1)


class Winner(nn.Module):
    """Without attention across configurations, as on the random collections."""

    def __init__(self, batch, sparse):
        super().__init__()
        hidden, columns = 256, batch.c.shape[1]
        own = 6 if batch.x.shape[1] == 140 else 0
        self.own, self.operators, self.places = own, nn.Embedding(128, 16), nn.Embedding(8, PLACES)
        inputs = batch.x.shape[1] - own + (own + columns) * PLACES + 16
        gate = lambda: nn.Sequential(nn.Linear(hidden, hidden // 8), nn.ReLU(), nn.Linear(hidden // 8, hidden), nn.Sigmoid())
        self.linear = nn.ModuleList([nn.Linear(hidden if i else inputs, hidden) for i in range(2)])
        self.graph = nn.ModuleList([SAGEConv(hidden, hidden) for _ in range(2)])
        self.gates = nn.ModuleList([gate() for _ in range(4)])
        self.norm, self.head = nn.InstanceNorm1d(hidden), nn.Linear(hidden, 1)
        total = len(batch.x)
        self.edges = batch.edges
        if sparse:
            ones = torch.ones(batch.edges.shape[1])
            self.edges = to_torch_csr_tensor(batch.edges.flip(0), ones, size=(total, total))

    def normed(self, batch, x):
        return self.norm(x.view(batch.copies, batch.n, -1).transpose(1, 2)).transpose(1, 2).reshape(len(x), -1)

    def forward(self, batch):
        place = lambda x: self.places((x.round().clamp(-2, 5) + 2).long()).flatten(1)
        x = batch.x[:, : batch.x.shape[1] - self.own]
        x = torch.cat([x, place(batch.x[:, batch.x.shape[1] - self.own :]), self.operators(batch.op), place(batch.c)], 1)
        for layer, gate in zip(self.linear, self.gates[:2]):
            x = self.normed(batch, layer(x))
            x = F.gelu(x * gate(x))
        for layer, gate in zip(self.graph, self.gates[2:]):
            y = layer(self.normed(batch, x), self.edges)
            x = F.dropout(F.gelu(x + y * gate(y)), 0.2, self.training)
        return self.head(x.view(batch.copies, batch.n, -1).mean(1)).squeeze(1)


def list_mle(scores, target):
    s = scores[target.argsort(descending=True)]
    return (s.logcumsumexp(0) - s).sum()


def theirs(model, path, copies, steps, prune):
    batch, best = Batch(path, copies, prune), None
    for sparse in (False, True):
        torch.manual_seed(0)
        network = model(batch, sparse)
        adam, times = torch.optim.Adam(network.parameters(), lr=1e-3), []
        for _ in range(steps + 2):
            begun = time.perf_counter()
            adam.zero_grad()
            list_mle(network(batch), batch.target).backward()
            adam.step()
            times.append(time.perf_counter() - begun)
        median = statistics.median(times[2:])
        best = median if best is None else min(best, median)
        print(f"  PyTorch Geometric, {'sparse products' if sparse else 'messages'}: {1e3 * median:.1f} ms", flush=True)
    return best


def ours(program, kind, path, copies, steps):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = folder / "run.toml"
        config.write_text(
            f"data = '{path}'\nmetric = 'opa'\nloss = 'list-mle'\nclip = 0.0\nepochs = 3\nbatch = 1\nruns = {copies}\n"
            f"[model]\n{kind}\n[ranking]\nsplit = {{ kind = 'configurations', seed = 0 }}\ndraws = {steps}\nvalidate = 8\n"
        )
        command = [program, "train", "--config", str(config), "--out", str(folder / "run"), "--json"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        epochs = [json.loads(line)["timing"] for line in (folder / "run/metrics.jsonl").read_text().splitlines()]
        # The first epoch is the warming up.
        median = statistics.median((t["forward"] + t["backward"] + t["step"]) / steps for t in epochs[1:])
    print(f"  Tachograph: {1e3 * median:.1f} ms", flush=True)
    return median


def main(program, layout, tile, steps="20"):
    torch.set_num_threads(1)
    for name, kind, model, path, copies in [
        ("ResModel", "kind = 'layout-resmodel'", ResModel, layout, 16),
        ("EarlyJoinSAGE", "kind = 'tile-sage'", EarlyJoinSage, tile, 10),
        ("the winner's", "kind = 'layout-first'\ncross = false", Winner, layout, 16),
    ]:
        print(f"{name}, {copies} configurations of {pathlib.Path(path).name}", flush=True)
        own = ours(program, kind, path, copies, int(steps))
        other = theirs(model, path, copies, int(steps), "first" in kind)
        print(f"  {other / own:.1f} times as fast", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
