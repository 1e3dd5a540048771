"""Tuners live on single operators: equal trials, then what each found in turns in one run, on one thread.

    python research/peers/tuners.py TACHOGRAPH OPERATORS OUT --tuners ansor,gtuner,tachograph --trials 128 [--seed 0] [--tvm]

OPERATORS is a folder of ONNX files (`models.py FOLDER operators`), of which `--only` takes some. Each tuner has a store of its own
below OUT, so that none sees what another measured; a call that was ended goes on, and measures nothing twice. Prints for each tuner
the median time of a run on each operator, the geometric mean of the speed relative to the untuned default, and the minutes that
tuning took. `--tvm` adds TVM's MetaSchedule with as many trials for each operator (TVM_CPU names the processor).
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import numpy as np

from runtimes import RUNTIMES, inputs_of, tachograph


def tune(program, path, tuner, args, out):
    """A compiled library of the best schedule that a tuner finds; seconds that it took, kept in OUT."""
    folder, note = out / tuner / path.stem, out / tuner / f"{path.stem}.json"
    folder.parent.mkdir(parents=True, exist_ok=True)
    took = json.loads(note.read_text()) if note.exists() else 0.0
    store = ["--store", str(out / f"{tuner}.sqlite")]
    if not (folder / "network.so").exists():
        start = time.time()
        if tuner != "untuned":
            by = ["--tuner", tuner, "--trials", str(args.trials), "--seed", str(args.seed)]
            subprocess.run([program, "tune", path, *store, *by], check=True, stdout=subprocess.DEVNULL)
        took += time.time() - start
        note.write_text(json.dumps(took))
        subprocess.run([program, "compile", path, *store, "--out", folder], check=True, stdout=subprocess.DEVNULL)
    return folder, took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("operators", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tuners", default="random,autotvm,ansor,metaschedule,gtuner,tachograph")
    parser.add_argument("--only", default="")
    parser.add_argument("--trials", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--tvm", action="store_true")
    args = parser.parse_args()
    wanted = [name for name in args.only.split(",") if name]
    paths = [path for path in sorted(args.operators.glob("*.onnx")) if not wanted or path.stem in wanted]
    tuners = ["untuned", *args.tuners.split(",")]
    seconds = {tuner: 0.0 for tuner in tuners}
    medians = {tuner: [] for tuner in tuners}
    os.environ.update(TVM_TRIALS=str(args.trials), TVM_WORK=str(args.out / "tvm"))
    for path in paths:
        runs = {}
        for tuner in tuners:
            folder, took = tune(args.program, path, tuner, args, args.out)
            seconds[tuner] += took
            runs[tuner] = tachograph(folder)
        if args.tvm:
            start = time.time()
            runs["tvm"] = RUNTIMES["tvm"](str(path))
            seconds["tvm"] = seconds.get("tvm", 0.0) + time.time() - start
            medians.setdefault("tvm", [])
        inputs = inputs_of(args.out / "untuned" / path.stem)
        times = {name: [] for name in runs}
        for _ in range(args.runs + 2):
            for name, run in runs.items():
                start = time.perf_counter()
                run(inputs)
                times[name].append(1e3 * (time.perf_counter() - start))
        for name, all in times.items():
            medians[name].append(float(np.median(all[2:])))
        print(path.stem, {name: round(medians[name][-1], 4) for name in runs}, flush=True)
    head = ["tuner", *(path.stem for path in paths), "speed, geometric mean", "minutes"]
    print("\n|", " | ".join(head), "|\n|---|" + "--:|" * (len(head) - 1))
    for name, all in medians.items():
        speed = float(np.exp(np.mean(np.log(np.array(medians["untuned"]) / np.array(all)))))
        print("|", " | ".join([name, *(f"{ms:.4f}" for ms in all), f"{speed:.2f}", f"{seconds[name] / 60:.1f}"]), "|")


if __name__ == "__main__":
    main()
