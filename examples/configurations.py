"""Writes graphs of a made-up compiler with the run times of their tile sizes, as `tachograph rank` reads them.

    python3 examples/configurations.py FOLDER

Replace `kernels` by your compiler. Nothing but Python is needed; with NumPy, `write` is `np.savez(path, **arrays)`.
"""

import pathlib
import random
import struct
import sys
import zipfile


def write(path, **arrays):
    """An .npz archive of arrays, each (type, shape, numbers): `f` is float32, `i` int32, `q` int64."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (kind, shape, numbers) in arrays.items():
            descr = {"f": "<f4", "i": "<i4", "q": "<i8"}[kind]
            head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}".encode().ljust(117) + b"\n"
            data = struct.pack(f"<{len(numbers)}{kind}", *numbers)
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data)


def kernels(count):
    """Products of m×k and k×n: two operands, the product, a ReLU; tiles of i×j that take the time of their waste."""
    for _ in range(count):
        m, k, n = (random.choice([64, 96, 128, 256, 512]) for _ in range(3))
        nodes = [[m, k, 0], [k, n, 0], [m, n, k], [m, n, 0]]
        tiles = [(i, j) for i in (8, 16, 32, 64, 128) for j in (8, 16, 32, 64, 128)]
        waste = [-(-m // i) * i * -(-n // j) * j * k * (1 + 8 / i + 8 / j) * (1 + i * j / 8192) for i, j in tiles]
        yield nodes, [63, 63, 34, 77], [(2, 0), (2, 1), (3, 2)], tiles, [int(1000 + w / 10) for w in waste]


random.seed(0)
for part, count in [("train", 24), ("valid", 6), ("test", 6)]:
    folder = pathlib.Path(sys.argv[1]) / "tile" / "xla" / part
    folder.mkdir(parents=True, exist_ok=True)
    for number, (nodes, opcodes, edges, tiles, times) in enumerate(kernels(count)):
        flat = lambda rows: [x for row in rows for x in row]
        write(folder / f"kernel{number}.npz", node_feat=("f", (4, 3), flat(nodes)), node_opcode=("i", (4,), opcodes),
              edge_index=("q", (3, 2), flat(edges)), config_feat=("f", (len(tiles), 2), flat(tiles)),
              config_runtime=("q", (len(tiles),), times))  # edges: consumer, operand; times: ns
