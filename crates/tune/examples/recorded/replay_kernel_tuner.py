"""Kernel Tuner 1.5 on the recorded GPU spaces of `spaces.rs`, in its simulation mode: trials to come within 5 % of the best.

    python3 -m venv venv && venv/bin/pip install 'kernel_tuner==1.5.*'
    venv/bin/python replay_kernel_tuner.py report /work/data/tuning [--seeds 5] [--cap 1000] [--out rows.jsonl]

Every strategy with its defaults, and those of `kernel_tuner_hub/hyperparameters.jsonl.gz` with the best setting there as
well. Its search space is exactly the table, as ours; what it evaluates twice counts once.
"""

import argparse, contextlib, csv, gzip, io, json, os, random, statistics, sys, tempfile, time, warnings

import numpy as np

FILES = [
    "gpubench/convolution", "gpubench/gemm", "gpubench/pnpoly", "kernel_tuner_2018/convolution",
    "kernel_tuner_2018/convolution_streams", "kernel_tuner_2018/gemm", "kernel_tuner_2018/gemm_amd",
    "kernel_tuner_2018/pnpoly", "kernel_tuner_hub/convolution", "kernel_tuner_hub/convolution_milo",
    "kernel_tuner_hub/convolution_milo_small", "kernel_tuner_hub/dedispersion_milo", "kernel_tuner_hub/gemm",
    "kernel_tuner_hub/pnpoly", "uci_sgemm/gtx680_sgemm2048",
]
NO_PARAMETERS = {"device", "reps", "valid", "error"}


def spaces(half, folder):
    tables = []
    for name in FILES:
        with gzip.open(f"{folder}/{name}.csv.gz", "rt") as file:
            rows = list(csv.DictReader(file))
        tables.append((name, rows))
    devices = sorted({row.get("device", "") for _, rows in tables for row in rows})
    for name, rows in tables:
        for device in dict.fromkeys(row.get("device", "") for row in rows):
            if half == "all" or (devices.index(device) % 2 == 0) == (half == "choose"):
                mine = [row for row in rows if row.get("device", "") == device]
                names = [n for n in mine[0] if n not in NO_PARAMETERS and not n.endswith("_ms")]
                yield name.split("/")[1] + " " + device, names, mine


def cache(names, rows):
    number = lambda text: int(text) if text.lstrip("-").isdigit() else text
    values = {n: sorted({number(row[n]) for row in rows}, key=lambda v: (isinstance(v, str), v)) for n in names}
    entries = {}
    for row in rows:
        config = {n: number(row[n]) for n in names}
        runs = [float(row[f"run{i}_ms"]) for i in range(1, 5)] if "run1_ms" in row else None
        if row.get("valid", "1") == "1":
            t = statistics.mean(runs) if runs else float(row["time_ms"])
            entry = {**config, "time": t, "times": [t]}
        else:
            entry = {**config, "time": "RuntimeFailedConfig"}
        zero = {"compile_time": 0, "verification_time": 0, "benchmark_time": 0, "framework_time": 0, "strategy_time": 0}
        entries[",".join(str(config[n]) for n in names)] = {**entry, **zero, "timestamp": "2026-01-01 00:00:00.000000+00:00"}
    return values, entries


def strategies(folder):
    rows = [(name, name, {}) for name in (
        "random_sample", "genetic_algorithm", "pso", "simulated_annealing", "diff_evo", "firefly_algorithm",
        "dual_annealing", "basinhopping", "mls", "greedy_mls", "greedy_ils", "hybrid_vndx", "adaptive_tabu_greywolf")]
    best = {}
    with gzip.open(f"{folder}/kernel_tuner_hub/hyperparameters.jsonl.gz", "rt") as file:
        for row in map(json.loads, file):
            if row["algorithm"] not in best or row["score"] > best[row["algorithm"]]["score"]:
                best[row["algorithm"]] = row
    return rows + [(f"{name}, best settings", name, row["params"]) for name, row in best.items()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("half", choices=["choose", "report", "all"])
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cap", type=int, default=1000)
    parser.add_argument("--only")
    parser.add_argument("--out", default="kernel_tuner.jsonl")
    args = parser.parse_args()
    from kernel_tuner.interface import tune_cache

    # What is there already is not run again.
    done = set()
    if os.path.exists(args.out):
        done = {(row["space"], row["tuner"], row["seed"]) for row in map(json.loads, open(args.out))}
    out = open(args.out, "a")
    wanted = [s for s in strategies(args.folder) if not args.only or s[1] in args.only.split(",")]
    tables = list(spaces(args.half, args.folder))
    # A round of all spaces for each seed, so that what is there after a while is complete for some seeds.
    for seed in range(args.seeds):
        for space, names, rows in tables:
            params, entries = cache(names, rows)
            times = [e["time"] for e in entries.values() if not isinstance(e["time"], str)]
            goal = 1.05 * min(times)
            text = {"device_name": space, "kernel_name": "k", "problem_size": 1, "tune_params_keys": names,
                    "tune_params": params, "objective": "time", "cache": entries}
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "cache.json")
                with open(path, "w") as file:
                    json.dump(text, file)
                for label, strategy, options in wanted:
                    if (space, label, seed) in done:
                        continue
                    start = time.time()
                    options = {**options, "max_fevals": min(args.cap, len(entries))}
                    try:
                        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
                            warnings.simplefilter("ignore")
                            results, _ = tune_cache(path, strategy=strategy, seed=seed, quiet=True, strategy_options=options)
                    except Exception as error:  # a strategy that fails is a row too
                        print(f"{space} {label} {seed}: {type(error).__name__}: {error}", file=sys.stderr)
                        results = []
                    seen, found = set(), None
                    for result in results:
                        seen.add(",".join(str(result[n]) for n in names))
                        if isinstance(result.get("time"), float) and result["time"] <= goal:
                            found = len(seen)
                            break
                    row = {"space": space, "tuner": label, "seed": seed, "trials": found, "evaluated": len(results),
                           "n": len(entries), "good": sum(t <= goal for t in times), "seconds": time.time() - start}
                    out.write(json.dumps(row) + "\n")
                    out.flush()


main()
