"""Networks tuned by several tuners with equal trials, compiled, and run in turns, on one thread.

    python research/peers/tuned.py TACHOGRAPH OUT MODEL.onnx ... --tuners ansor,gtuner,tachograph --each 32 [--seed 0]

A tuner has `--each` trials for each different group of operators of a network, divided among all forms of all groups, the untuned
schedules included, in its own space and with a store of its own below OUT; what was done is there when the command is given again.
`untuned` is the default plan, which `compile` holds every other against: no plan is slower. Prints what a run takes of what each
compiled to, in milliseconds, beside other runtimes (`--only`): each is opened anew by `--rounds` processes, in turns, and of their
medians of `--runs` runs the median stands with the quartiles; the minutes that the whole compile took (of one that was ended,
those of the rest); and what the best schedule that a tuner found, the untuned one left out, makes of the untuned one's speed: the
geometric mean of the forms that were tuned, and how many of them became faster by 1 %.
"""

import argparse
import json
import os
import pathlib
import sqlite3
import statistics
import subprocess
import time

from runtimes import apart, inputs_of, onnx_runtime, opened_anew, tachograph


def compiled(program, path, out, tuner, each, seed):
    """The folder of a network as a tuner has tuned it, and the minutes that it took."""
    name = f"{pathlib.Path(path).stem}-{tuner}" + ("" if tuner == "untuned" else f"-{each}-{seed}")
    folder, done = out / name, out / name / "seconds.json"
    if not done.exists():
        run = lambda *words: subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout
        tune = ["--no-store"]
        if tuner != "untuned":
            groups = run("tune", path, "--trials", "0", "--no-store", "--json").count('"task":')
            trials, store = str(each * groups), str(out / f"{name}.sqlite")
            tune = ["--tuner", tuner, "--trials", trials, "--seed", str(seed), "--store", store]
        start = time.time()
        run("compile", path, *tune, "--out", str(folder))
        done.write_text(json.dumps(time.time() - start))
    return str(folder), json.loads(done.read_text()) / 60


def found(store):
    """What a tuner's own schedules are worth, by its store: each form's first record is the untuned schedule."""
    if not store.exists():
        return "–"
    forms = {}
    with sqlite3.connect(store) as base:
        for form, times, failure in base.execute("select workload, times_ms, failure from tuning order by id"):
            forms.setdefault(form, []).append(float("inf") if failure else statistics.median(json.loads(times)))
    speeds = [untuned / min(others) for untuned, *others in forms.values() if others and min(others) < float("inf")]
    return f"{statistics.geometric_mean(speeds):.3f}, {sum(speed > 1.01 for speed in speeds)} of {len(speeds)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tachograph")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("models", nargs="+", metavar="MODEL.onnx")
    parser.add_argument("--tuners", default="autotvm,ansor,gtuner-mhsa,gtuner,tachograph")
    parser.add_argument("--each", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="onnxruntime,openvino")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    tuners = ["untuned", *(name for name in args.tuners.split(",") if name)]
    peers = [name for name in args.only.split(",") if name]
    head = ["model", *tuners, *peers, "largest difference"]
    print("|", " | ".join(head), "|\n|---|" + "--:|" * (len(head) - 1), flush=True)
    for path in args.models:
        made = {tuner: compiled(args.tachograph, path, args.out, tuner, args.each, args.seed) for tuner in tuners}
        folder = made["untuned"][0]
        inputs = inputs_of(folder)
        expected = onnx_runtime(path)(inputs)
        difference = max(apart(tachograph(own)(inputs), expected) for own, _ in made.values())
        runtimes = {**{tuner: ("tachograph", own) for tuner, (own, _) in made.items()}, **{name: (name, path) for name in peers}}
        times = opened_anew(runtimes, folder, args.runs, args.rounds)
        quartiles = [statistics.quantiles(all, method="inclusive") for all in times.values()]
        cells = [f"{middle:.2f} ({low:.2f}–{high:.2f})" for low, middle, high in quartiles]
        model = os.path.basename(path).removesuffix(".onnx")
        print("|", " | ".join([model, *cells, f"{difference:.1e}"]), "|")
        minutes = [f"{made[tuner][1]:.1f}" for tuner in tuners]
        speeds = [found(pathlib.Path(made[tuner][0] + ".sqlite")) for tuner in tuners]
        for name, cells in (("minutes", minutes), ("found", speeds)):
            print("|", " | ".join([f"{model}, {name}", *cells, *["–"] * (len(peers) + 1)]), "|", flush=True)


if __name__ == "__main__":
    main()
