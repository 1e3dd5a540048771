"""NAS-Bench-201 cells as operator graphs, vectorised over a batch of cells.

Nodes, edges and columns are those of `tachograph_benches::gnn::nb201`.
"""

import numpy as np

OPERATORS = ["Conv", "BatchNormalization", "Relu", "Add", "Mul", "AveragePool", "GlobalAveragePool", "Flatten", "Gemm"]
CONV, NORM, RELU, ADD, MUL, POOL, GLOBAL, FLATTEN, GEMM = range(len(OPERATORS))
WIDTH = len(OPERATORS) + 3
NAMES = {"none": 0, "skip_connect": 1, "nor_conv_1x1": 2, "nor_conv_3x3": 3, "avg_pool_3x3": 4}
NONE, SKIP, CONV1, CONV3, AVERAGE = range(5)
STAGES, CELLS = 3, 5


class Networks:
    """Builds batches. A network has up to `slots` operators; those that a cell lacks are left out at the end."""

    def __init__(self):
        self.rows = []
        self.index = {}

    def row(self, operator, channels, resolution, window=0.0):
        key = (operator, channels, resolution, window)
        if key not in self.index:
            row = np.zeros(WIDTH, np.float32)
            row[operator] = 1
            row[-3:] = channels, resolution, window
            self.index[key] = len(self.rows)
            self.rows.append(row)
        return self.index[key]

    def build(self, names):
        """Features (nodes, WIDTH), edges (2, edges) and the graph of each node."""
        codes = [[NAMES[w.split("~")[0]] for w in name.replace("+", "").split("|") if w] for name in names]
        self.cells = np.array(codes).T
        self.count = len(names)
        self.kinds, self.here, self.links = [], [], []
        self.every = np.ones(self.count, bool)
        self.network()
        kinds, here = np.stack(self.kinds, 1), np.stack(self.here, 1)
        ids = (np.cumsum(here.ravel()) - 1).reshape(here.shape)
        x = np.stack(self.rows)[kinds[here]]
        sources, targets, masks = (np.stack(part, 1) for part in zip(*self.links))
        lines = np.arange(self.count)[:, None]
        sources, targets = ids[lines, sources][masks], ids[lines, targets][masks]
        batch = np.repeat(np.arange(self.count), here.sum(1))
        return x, np.stack([np.append(sources, targets), np.append(targets, sources)]), batch

    def op(self, operator, operands, here=None, window=0.0, shape=None):
        """Adds a slot, filled where `here`; operands and results are slots, one for each network."""
        here = self.every if here is None else here
        kind = operator if isinstance(operator, np.ndarray) else self.row(operator, *(shape or self.shape), window)
        slot = np.full(self.count, len(self.kinds))
        self.kinds.append(np.broadcast_to(kind, self.count))
        self.here.append(here)
        self.links += [(operand, slot, here) for operand in operands]
        return slot

    def network(self):
        for stage in range(STAGES):
            self.shape = (4.0 + stage, 5.0 - stage)
            if stage == 0:
                x = self.op(NORM, [self.op(CONV, [], window=3.0)])
            else:
                x = self.reduce(x)
            for _ in range(CELLS):
                x = self.cell(x)
        x = self.op(RELU, [self.op(NORM, [x])])
        self.shape = (self.shape[0], 0.0)
        x = self.op(FLATTEN, [self.op(GLOBAL, [x])])
        self.op(GEMM, [x], shape=(np.log2(10), 0.0))

    def reduce(self, x):
        before = (self.shape[0] - 1, self.shape[1] + 1)
        y = self.op(CONV, [self.op(RELU, [x], shape=before)], window=3.0)
        y = self.op(CONV, [self.op(RELU, [self.op(NORM, [y])])], window=3.0)
        y = self.op(NORM, [y])
        shortcut = self.op(POOL, [x], window=2.0, shape=(before[0], self.shape[1]))
        return self.op(ADD, [self.op(CONV, [shortcut], window=1.0), y])

    def cell(self, x):
        first = self.edge(0, x)
        second = self.op(ADD, [self.edge(1, x), self.edge(2, first)])
        total = self.op(ADD, [self.edge(3, x), self.edge(4, first)])
        return self.op(ADD, [total, self.edge(5, second)])

    def edge(self, position, x):
        """Slots: what runs first (multiplication, pooling or ReLU), convolution, normalisation."""
        code = self.cells[position]
        convolved = (code == CONV1) | (code == CONV3)
        rows = [self.row(op, *self.shape, window) for op, window in ((MUL, 0.0), (RELU, 0.0), (POOL, 3.0))]
        start = np.array([rows[0], 0, rows[1], rows[1], rows[2]])[code]
        start = self.op(start, [x], code != SKIP)
        windows = [self.row(CONV, *self.shape, window) for window in (1.0, 3.0)]
        conv = self.op(np.where(code == CONV1, *windows), [start], convolved)
        norm = self.op(NORM, [conv], convolved)
        return np.where(code == SKIP, x, np.where(convolved, norm, start))
