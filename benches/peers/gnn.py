"""The peer of `tachograph-benches`' cases: PyTorch Geometric on the same arrays.

    python gnn.py FOLDER --threads N

`cargo xtask bench-peers` starts it; it answers each line of standard input (`run`, `check`, `memory`) with JSON.
"""

import argparse
import ctypes
import gc
import json
import pathlib
import sys
import time
import warnings

import numpy as np
import torch
import torch_geometric
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GATConv, GCNConv, GraphConv, SAGEConv, aggr, global_add_pool
from torch_geometric.utils import index_sort
from torch_geometric.utils.sparse import index2ptr

from nb201 import WIDTH, Networks


class Folder:
    """Raw arrays and their manifest."""

    def __init__(self, path):
        self.path = path
        manifest = json.loads((path / "manifest.json").read_text())
        self.case = manifest["case"]
        self.arrays = manifest["arrays"]

    def __getitem__(self, name):
        array = self.arrays[name]
        return np.fromfile(self.path / name, array["dtype"]).reshape(array["shape"])

    def weights(self):
        prefix = "weights."
        names = [name for name in self.arrays if name.startswith(prefix)]
        return {name.removeprefix(prefix): torch.from_numpy(self[name]) for name in names}


LAYERS = {
    "sage": SAGEConv,
    "gcn": GCNConv,
    "graphconv": GraphConv,
    "gat": lambda inputs, hidden: GATConv(inputs, hidden // 4, heads=4),
}


class Model(torch.nn.Module):
    def __init__(self, layer, layers, inputs, hidden, head=False):
        super().__init__()
        make = LAYERS[layer]
        self.convs = torch.nn.ModuleList(make(hidden if l else inputs, hidden) for l in range(layers))
        self.head = torch.nn.Linear(hidden, 1) if head else None

    def forward(self, x, edge_index, batch, graphs):
        for l, conv in enumerate(self.convs):
            if l:
                x = x.relu_()
            x = conv(x, edge_index)
        y = global_add_pool(x, batch, graphs)
        return self.head(y) if self.head else y


def fastest(work, forms):
    """The form in which PyG does the work fastest; it uses that from then on."""
    times = {}
    for form in forms:
        work.use(form)
        try:
            times[form] = min(sum(work.run()) for _ in range(3))
        except (RuntimeError, NotImplementedError, ValueError, AttributeError) as error:
            print(f"form {form}: {error}", file=sys.stderr)
    best = min(times, key=times.get)
    work.use(best)
    print(f"forms {times}: {best}", file=sys.stderr)
    return best


class Network:
    """A network on a batch of graphs."""

    def __init__(self, spec, folder):
        self.mode = spec["mode"]
        nodes, edges = folder["nodes"], folder["edges"].astype(np.int64)
        ends = (np.cumsum(folder[name]) for name in ("node_counts", "edge_counts"))
        (nodes, edges) = (np.split(array, list(end)[:-1]) for array, end in zip((nodes, edges), ends))
        self.graphs = [(x.copy(), np.ascontiguousarray(e.T)) for x, e in zip(nodes, edges)]
        self.model = Model(spec["layer"], spec["layers"], self.graphs[0][0].shape[1], spec["hidden"])
        self.model.load_state_dict(folder.weights())
        self.targets = torch.from_numpy(folder["targets"])
        # A training set lies in memory as Data; in inference a graph arrives as arrays.
        self.data = [self.load(g) for g in self.graphs] if self.mode != "infer" else None
        self.adam = None
        self.sparse = fastest(self, (False, True))
        self.adam = torch.optim.Adam(self.model.parameters()) if self.mode == "step" else None

    @staticmethod
    def load(graph):
        x, edges = graph
        return Data(x=torch.from_numpy(x), edge_index=torch.from_numpy(edges))

    @staticmethod
    def transposed(data):
        """The transposed adjacency matrix, which PyG's layers multiply by without gathering messages."""
        n = data.num_nodes
        rows, order = index_sort(data.edge_index[1], max_value=n)
        columns = data.edge_index[0][order]
        return torch.sparse_csr_tensor(index2ptr(rows, n), columns, torch.ones(len(columns)), (n, n))

    def use(self, sparse):
        self.sparse = sparse

    def run(self):
        start = time.perf_counter()
        data = self.data or [self.load(g) for g in self.graphs]
        batch = data[0] if len(data) == 1 else Batch.from_data_list(data)
        if self.sparse:
            batch.edge_index = self.transposed(batch)
        middle = time.perf_counter()
        if self.mode == "infer":
            with torch.no_grad():
                self.output = self.forward(batch, len(data))
        else:
            self.model.zero_grad()
            self.output = self.forward(batch, len(data))
            torch.nn.functional.mse_loss(self.output, self.targets).backward()
            if self.adam:
                self.adam.step()
        return middle - start, time.perf_counter() - middle

    def forward(self, data, graphs):
        return self.model(data.x, data.edge_index, data.batch, graphs)

    def outputs(self):
        yield "output", self.output
        if self.mode != "infer":
            for name, parameter in self.model.named_parameters():
                yield f"gradient.{name}", parameter.grad


class Score:
    """All of NAS-Bench-201, from the names of its cells to a score for each."""

    def __init__(self, spec, folder):
        self.names = (folder.path / "cells.txt").read_text().splitlines()
        self.size = spec["peer_batch"]
        self.model = Model("sage", spec["layers"], WIDTH, spec["hidden"], head=True)
        self.model.load_state_dict(folder.weights())
        self.networks = Networks()

    @torch.no_grad()
    def run(self):
        build = network = 0.0
        scores = []
        for first in range(0, len(self.names), self.size):
            start = time.perf_counter()
            names = self.names[first : first + self.size]
            x, edges, batch = (torch.from_numpy(array) for array in self.networks.build(names))
            middle = time.perf_counter()
            scores.append(self.model(x, edges, batch, len(names)))
            build += middle - start
            network += time.perf_counter() - middle
        self.scores = torch.cat(scores)
        return build, network

    def outputs(self):
        yield "scores", self.scores


class Kernel:
    """One aggregation of sorted messages, forward and backward, with the faster of PyG's two forms."""

    AGGREGATIONS = {"mean": aggr.MeanAggregation, "max": aggr.MaxAggregation, "softmax": aggr.SoftmaxAggregation}

    def __init__(self, spec, folder):
        counts = folder["counts"].astype(np.int64)
        self.rows = len(counts)
        self.counts = torch.from_numpy(counts)
        self.messages = torch.from_numpy(folder["messages"]).requires_grad_()
        self.cotangent = torch.from_numpy(folder["cotangent"])
        self.aggregate = self.AGGREGATIONS[spec["reduction"]]()
        self.with_offsets = False
        self.with_offsets = fastest(self, (False, True))

    def use(self, with_offsets):
        self.with_offsets = with_offsets

    def run(self):
        self.result = None
        start = time.perf_counter()
        if self.with_offsets:
            ptr = torch.nn.functional.pad(self.counts.cumsum(0), (1, 0))
            where = {"ptr": ptr}
        else:
            where = {"index": torch.repeat_interleave(self.counts), "dim_size": self.rows}
        middle = time.perf_counter()
        y = self.aggregate(self.messages, **where)
        (gradient,) = torch.autograd.grad((y * self.cotangent).sum(), self.messages)
        self.result = y.detach(), gradient
        return middle - start, time.perf_counter() - middle

    def outputs(self):
        yield from zip(("output", "gradient"), self.result)


def memory(key):
    """A line of /proc/self/status in bytes."""
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))


def release():
    """Hands free memory of the allocator back."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def answer(**values):
    print(json.dumps(values), flush=True)


def warm_up():
    """Has libtorch allocate what it keeps."""
    w = torch.randn(512, 512, requires_grad=True)
    torch.nn.functional.linear(torch.randn(512, 512), w).relu().sum().backward()


def main():
    warnings.filterwarnings("ignore", message=".*[Ss]parse.*")
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warm_up()
    # Libraries are loaded and used; what memory grows by from here on is the case's.
    release()
    before = memory("VmRSS:")
    folder = Folder(arguments.folder)
    (kind, spec), = folder.case["kind"].items()
    work = {"network": Network, "score": Score, "kernel": Kernel}[kind](spec, folder)
    release()
    # The peak so far was that of reading: lowered to what is resident now.
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    python = ".".join(map(str, sys.version_info[:3]))
    versions = f"torch_geometric {torch_geometric.__version__}, torch {torch.__version__}, Python {python}"
    answer(ready=True, versions=versions)
    for line in sys.stdin:
        request = line.strip()
        if request == "run":
            build, network = np.mean([work.run() for _ in range(folder.case["repeat"])], axis=0)
            answer(build=build, network=network)
        elif request == "check":
            work.run()
            names = []
            for name, tensor in work.outputs():
                tensor.detach().float().contiguous().numpy().tofile(arguments.folder / f"theirs.{name}")
                names.append(name)
            answer(outputs=names)
        elif request == "memory":
            answer(bytes=memory("VmHWM:") - before)
        else:
            raise ValueError(f"unknown request {request!r}")


main()
