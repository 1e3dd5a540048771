"""Tuners live on single operators: equal trials, then the best schedule that each found, timed in turns, on one thread.

    python research/peers/tuners.py TACHOGRAPH OPERATORS OUT --tuners ansor,gtuner,tachograph --trials 256 [--seed 0] [--tvm]

OPERATORS is a folder of ONNX files (`models.py FOLDER operators`), of which `--only` takes some. Each tuner searches its own space
(`tachograph tune --list`), or all of them `--space`, with a store of its own below OUT, so that none sees what another measured; a call
that was ended goes on, and measures nothing twice. `untuned` is the schedule that is taken where nothing was tuned, which every tuning measures first: a
tuner's best is the best of its others. Prints for each tuner the median time on each operator of its best in turns with those of all
others, the geometric mean of the speed relative to `untuned`, of the speed of what a user gets (the better of both), and the minutes
that tuning took; with `--after 8,16` the geometric mean of the speed of the best of so many trials, too, as timed in the tuning.

`--tvm` adds TVM's MetaSchedule with as many trials for each operator (TVM_CPU names the processor), in turns with the library that
`tachograph compile` makes of what `--beside` (a tuner) found, whose times stand on a line of their own.
"""

import argparse
import json
import os
import pathlib
import subprocess
import time

import numpy as np

from runtimes import RUNTIMES, inputs_of, tachograph


# Schedules that `tachograph program measure` times in turns.
TURNS = 16


def kept(path, make):
    """What `make` gives, from a file where it was made before."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = make()
        path.with_suffix(".part").write_text(json.dumps(made))
        path.with_suffix(".part").rename(path)
    return json.loads(path.read_text())


def tune(program, path, tuner, args):
    """The untuned schedule, the best of the others, and the seconds that a tuner took."""
    store = ["--store", str(args.out / f"{tuner}-{args.seed}.sqlite")]
    by = ["--tuner", tuner, "--trials", str(args.trials), "--seed", str(args.seed), "--json"]
    space = ["--space", args.space] if args.space else []

    def make():
        start = time.time()
        ran = subprocess.run([program, "tune", path, "--group", "0", *store, *by, *space], check=True, capture_output=True, text=True)
        trials = [line for line in map(json.loads, ran.stdout.splitlines()) if "trial" in line]
        others = [trial for trial in trials[1:] if "time_ms" in trial]
        best = min(others, key=lambda trial: trial["time_ms"])
        return {"untuned": trials[0]["schedule"], "best": best["schedule"], "seconds": time.time() - start,
                "trials": len(trials), "failed": len(trials) - 1 - len(others),
                "times": [trial.get("time_ms") for trial in trials]}

    return kept(args.out / f"{tuner}-{args.seed}" / f"{path.stem}-{args.trials}.json", make)


def speed_after(found, n):
    """The speed of the best of the first so many trials relative to the untuned schedule, as timed in the tuning."""
    untuned, *others = found["times"]
    return untuned / min((time for time in others[:n] if time), default=np.inf)


def in_turns(program, path, schedules, args):
    """Median milliseconds of each schedule, three times over. Of more than 16 the first takes its turn with each 15 of the others, and
    times are relative to what it took with the first of these."""
    if len(schedules) > TURNS:
        first, *others = schedules
        parts = [in_turns(program, path, [first, *others[at:at + TURNS - 1]], args) for at in range(0, len(others), TURNS - 1)]
        return np.concatenate([parts[0][:1], *(part[1:] * parts[0][0] / part[0] for part in parts)])
    file = args.out / "schedules.jsonl"
    file.write_text("".join(json.dumps({"schedule": schedule}) + "\n" for schedule in schedules))
    command = [program, "program", "measure", path, "--group", "0", "--schedules", file, "--json"]
    runs = []
    for _ in range(3):
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        runs.append([json.loads(line)["outcome"]["time"]["median"] / 1e6 for line in out.splitlines()])
    return np.median(runs, axis=0)


def beside_tvm(program, path, args):
    """Median milliseconds of the compiled library and of TVM, in turns, and TVM's seconds."""
    folder = args.out / "compiled" / path.stem
    store = ["--store", str(args.out / f"{args.beside}-{args.seed}.sqlite")]
    subprocess.run([program, "compile", path, *store, "--out", folder], check=True, stdout=subprocess.DEVNULL)
    start = time.time()
    runs = [tachograph(folder), RUNTIMES["tvm"](str(path))]
    seconds = time.time() - start
    inputs = inputs_of(folder)
    apart = [np.asarray(run(inputs)[0]) for run in runs]
    assert np.abs(apart[0] - apart[1]).max() <= 1e-3 * np.abs(apart[0]).max(), path
    times = [[], []]
    for _ in range(args.runs + 2):
        for run, own in zip(runs, times):
            start = time.perf_counter()
            run(inputs)
            own.append(1e3 * (time.perf_counter() - start))
    return [float(np.median(own[2:])) for own in times] + [seconds]


def table(head, rows):
    print("\n|", " | ".join(head), "|\n|---|" + "--:|" * (len(head) - 1))
    for row in rows:
        print("|", " | ".join(row), "|", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("operators", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--tuners", default="random,autotvm,ansor,metaschedule,gtuner,tachograph")
    parser.add_argument("--space", default="")
    parser.add_argument("--after", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--trials", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--tvm", action="store_true")
    parser.add_argument("--beside", default="tachograph")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in args.only.split(",") if name]
    paths = [path for path in sorted(args.operators.glob("*.onnx")) if not wanted or path.stem in wanted]
    tuners = [name for name in args.tuners.split(",") if name]
    found = {tuner: [tune(args.program, path, tuner, args) for path in paths] for tuner in tuners}
    times = {name: [] for name in ["untuned", *tuners]}
    for at, path in enumerate(paths if tuners else []):
        schedules = [found[tuners[0]][at]["untuned"], *(found[tuner][at]["best"] for tuner in tuners)]
        for name, ms in zip(times, in_turns(args.program, path, schedules, args)):
            times[name].append(ms)
    mean = lambda ratios: f"{np.exp(np.mean(np.log(ratios))):.3f}"
    names = [path.stem for path in paths]
    after = [int(n) for n in args.after.split(",") if n]
    rows = []
    for name, all in times.items() if tuners else []:
        speed = np.array(times["untuned"]) / np.array(all)
        minutes = sum(one["seconds"] for one in found.get(name, [])) / 60
        failed = sum(one["failed"] for one in found.get(name, []))
        cells = [f"{ms:.4f}" for ms in all]
        early = [mean([speed_after(one, n) for one in found[name]]) if name in found else "–" for n in after]
        rows.append([name, *cells, *early, mean(speed), mean(np.maximum(speed, 1)), f"{minutes:.1f}", str(failed)])
    if rows:
        table(["tuner", *names, *(f"after {n}" for n in after), "speed", "what a user gets", "minutes", "failed"], rows)
    if args.tvm:
        os.environ.update(TVM_TRIALS=str(args.trials), TVM_WORK=str(args.out / "tvm"))
        note = lambda path: args.out / "tvm" / f"{path.stem}-{args.trials}.json"
        both = np.array([kept(note(path), lambda: beside_tvm(args.program, path, args)) for path in paths])
        cells = [[f"{ms:.4f}" for ms in both[:, at]] for at in (0, 1)]
        table(["in turns with TVM", *names, "speed", "minutes"],
              [[f"compiled, {args.beside}", *cells[0], mean(both[:, 1] / both[:, 0]), "–"],
               ["TVM", *cells[1], "1", f"{both[:, 2].sum() / 60:.1f}"]])


if __name__ == "__main__":
    main()
