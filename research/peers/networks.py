"""Compiled networks beside other runtimes, in turns, on one thread.

    python research/peers/networks.py MODEL.onnx=FOLDER ... [--runs 15] [--only onnxruntime,openvino]

FOLDER is what `tachograph compile MODEL.onnx --out FOLDER` made. Prints a row for each model: the largest difference from
ONNX Runtime relative to the root mean square, then of each runtime the median and the least of the runs, in milliseconds.
"""

import argparse
import importlib.util
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnxruntime


def ours(folder):
    spec = importlib.util.spec_from_file_location("network", f"{folder}/network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network(folder)
    return network, lambda inputs: network.run(*inputs)


def onnx_runtime(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs)))


def open_vino(path):
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY",
                                                 "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda inputs: [request.infer(list(inputs))[i] for i in range(len(compiled.outputs))]


def aligned(array):
    """The same where a cache line begins, as a program would allocate it."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    result = raw[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL.onnx=FOLDER")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--only", default="onnxruntime,openvino")
    args = parser.parse_args()
    peers = {"onnxruntime": onnx_runtime, "openvino": open_vino}
    peers = {name: peers[name] for name in args.only.split(",") if name}
    print("| model | difference |", " | ".join(["tachograph", *peers]), "| fastest peer / ours |")
    print("|---|--:|" + "--:|" * (len(peers) + 2))
    for model in args.models:
        path, folder = model.rsplit("=", 1)
        network, run = ours(folder)
        rng = np.random.default_rng(0)
        draw = lambda i: rng.integers(0, 1000, i["shape"]) if "i" in i["dtype"] else rng.standard_normal(i["shape"])
        types = {"f32": np.float32, "i64": np.int64, "i32": np.int32}
        inputs = [aligned(draw(i).astype(types[i["dtype"]])) for i in network.inputs]
        runs = {"tachograph": run, **{name: make(path) for name, make in peers.items()}}
        reference = onnx_runtime(path)(inputs)
        apart = max(
            float(np.abs(a - b).max() / np.sqrt(np.mean(np.square(b, dtype=np.float64))))
            for a, b in zip(run(inputs), reference)
        )
        times = {name: [] for name in runs}
        for _ in range(args.runs + 2):
            for name, one in runs.items():
                start = time.perf_counter()
                one(inputs)
                times[name].append(1e3 * (time.perf_counter() - start))
        middle = {name: (float(np.median(all[2:])), min(all[2:])) for name, all in times.items()}
        cells = [f"{median:.2f} ({least:.2f})" for median, least in middle.values()]
        others = [median for name, (median, _) in middle.items() if name != "tachograph"]
        ratio = f"{min(others) / middle['tachograph'][0]:.2f}" if others else "–"
        print(f"| {os.path.basename(path)} | {apart:.1e} |", " | ".join(cells), f"| {ratio} |", flush=True)


if __name__ == "__main__":
    main()
