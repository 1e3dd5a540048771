"""Compiled networks beside other runtimes, in turns, on as many threads as the variable THREADS says (one where it says nothing).

    python research/peers/networks.py MODEL.onnx=FOLDER ... [--runs 15] [--only onnxruntime,openvino] [--memory]

FOLDER is what `tachograph compile MODEL.onnx --out FOLDER` made. Prints a row for each model: the largest difference from
ONNX Runtime relative to the root mean square, then of each runtime the median and the least of the runs, in milliseconds.
In turns on several threads, runtimes disturb each other: their threads wait in loops. The names after `--only` are those of
`runtimes.py`; those of PyTorch and TVM want a model of `models.py`.

With `--memory` a row has what a process of each runtime grows by, at most, when it opens the model and runs it twice, in MB.
"""

import argparse
import os
import resource
import subprocess
import sys

from runtimes import RUNTIMES, apart, in_turns, inputs_of, onnx_runtime, tachograph


def beside(path, folder, names, count):
    """A row of times."""
    inputs = inputs_of(folder)
    runs = {"tachograph": tachograph(folder), **{name: RUNTIMES[name](path) for name in names}}
    difference = apart(runs["tachograph"](inputs), onnx_runtime(path)(inputs))
    middle = in_turns(runs, inputs, count)
    cells = [f"{median:.2f} ({least:.2f})" for median, least in middle.values()]
    others = [median for name, (median, _) in middle.items() if name != "tachograph"]
    return [f"{difference:.1e}", *cells, f"{min(others) / middle['tachograph'][0]:.2f}" if others else "–"]


def grown(name, path, folder):
    """In a process of its own: megabytes that it grows by, at most, beyond what its imports take."""
    inputs = inputs_of(folder)
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # What else the runtime's library takes, apart from networks.
    if name == "onnxruntime":
        import onnxruntime
    elif name == "openvino":
        import openvino
        openvino.Core().get_property("CPU", "FULL_DEVICE_NAME")
    elif name != "tachograph":
        import models, torch
    before = peak()
    run = tachograph(folder) if name == "tachograph" else RUNTIMES[name](path)
    run(inputs)
    run(inputs)
    print(f"{peak() - before:.0f}")


def memory(path, folder, names):
    """A row of memory."""
    each = lambda name: [sys.executable, __file__, f"{path}={folder}", "--grown", name]
    out = [subprocess.run(each(name), capture_output=True, text=True, check=True).stdout.split()[-1]
           for name in ["tachograph", *names]]
    return [*out, f"{min(map(float, out[1:])) / float(out[0]):.2f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL.onnx=FOLDER")
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--only", default="onnxruntime,openvino")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--grown", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.grown:
        return grown(args.grown, *args.models[0].rsplit("=", 1))
    names = [name for name in args.only.split(",") if name]
    head = ["model", *([] if args.memory else ["difference"]), "tachograph", *names, "best peer / ours"]
    print("|", " | ".join(head), "|\n|---|" + "--:|" * (len(head) - 1))
    for model in args.models:
        path, folder = model.rsplit("=", 1)
        cells = memory(path, folder, names) if args.memory else beside(path, folder, names, args.runs)
        print("|", " | ".join([os.path.basename(path).removesuffix(".onnx"), *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
