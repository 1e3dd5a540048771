"""The peer of benches/train.rs: NNLP as released, in PyTorch Geometric, on the same graphs.

    OMP_NUM_THREADS=1 python train.py graphs.safetensors BATCH EPOCHS

Batches are made in the training process and, for comparison, by one worker process.
"""

import sys
import time

import torch
from safetensors.torch import load_file
from torch.nn import Dropout, Linear, ReLU, Sequential
from torch.nn.functional import dropout, relu, softplus
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader
from torch_geometric.nn import SAGEConv, global_add_pool


class Nnlp(torch.nn.Module):
    def __init__(self, inputs, globals_, hidden=512, rate=0.05):
        super().__init__()
        self.rate = rate
        self.layers = torch.nn.ModuleList(
            [SAGEConv(inputs, hidden, normalize=True), SAGEConv(hidden, hidden, normalize=True)]
        )
        self.head = Sequential(
            Linear(hidden + globals_, hidden), ReLU(), Dropout(rate), Linear(hidden, hidden), ReLU(), Dropout(rate), Linear(hidden, 1)
        )

    def forward(self, batch):
        h = batch.x
        for layer in self.layers:
            h = dropout(relu(layer(h, batch.edge_index)), self.rate, self.training)
        h = global_add_pool(h, batch.batch, batch.num_graphs)
        return softplus(-self.head(torch.cat([h, batch.globals], 1))).squeeze(1)


def main(path, batch_size, epochs):
    torch.set_num_threads(1)
    torch.manual_seed(1)
    tensors = load_file(path)
    counts = tensors["counts"]
    nodes = tensors["nodes"].split(counts[:, 0].tolist())
    edges = tensors["edges"].split(counts[:, 1].tolist())
    graphs = [
        Data(x=x, edge_index=e.t().contiguous(), globals=g[None], y=y[None])
        for x, e, g, y in zip(nodes, edges, tensors["globals"], tensors["targets"])
    ]
    model = Nnlp(nodes[0].shape[1], tensors["globals"].shape[1])
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(batch):
        loss = (model(batch) / batch.y - 1).square().mean()
        assert torch.isfinite(loss)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()

    for workers in (0, 1):
        loader = DataLoader(graphs, batch_size, shuffle=True, num_workers=workers)
        if workers == 0:
            for _, batch in zip(range(5), loader):
                step(batch)
        for _ in range(epochs):
            start = time.perf_counter()
            for batch in loader:
                step(batch)
            print(f"PyTorch Geometric, {workers} workers: {time.perf_counter() - start:.2f} s an epoch", flush=True)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
