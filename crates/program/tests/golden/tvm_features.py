"""Features of TVM 0.27's `PerStoreFeature` for programs of this crate, as a golden file for `tests/tvm_features.rs`.

    python -m venv tvm && tvm/bin/pip install apache-tvm==0.27.0.post1 apache-tvm-ffi==0.1.14.post1 numpy
    TACHOGRAPH_PROGRAMS=/tmp/programs.jsonl cargo test -p tachograph-program --test tvm_features write -- --ignored
    tvm/bin/python crates/program/tests/golden/tvm_features.py /tmp/programs.jsonl

Each line of the file is a program: a workload, a schedule, the loops as TVMScript, and to it this adds `features`, one
row of 164 numbers for each buffer that is stored to. It takes some minutes.
"""

import gzip
import json
import pathlib
import sys

import tvm
from tvm.s_tir.meta_schedule import MeasureCandidate
from tvm.s_tir.meta_schedule.feature_extractor import PerStoreFeature
from tvm.s_tir.meta_schedule.tune_context import TuneContext
from tvm.script import from_source


def features(script: str) -> list[list[float]]:
    module = from_source(script, s_tir=True)
    target = tvm.target.Target({"kind": "llvm", "num-cores": 4})
    context = TuneContext(module, target=target, num_threads=1)
    candidate = MeasureCandidate(tvm.s_tir.Schedule(module), [])
    (rows,) = PerStoreFeature().extract_from(context, candidates=[candidate])
    # Ten digits are more than the test asks for, and halve the file.
    return [[float(f"{x:.10g}") if x % 1 else int(x) for x in row] for row in rows.numpy()]


def main() -> None:
    source = pathlib.Path(sys.argv[1])
    default = pathlib.Path(__file__).with_suffix(".jsonl.gz")
    target = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else default
    lines = []
    for line in source.read_text().splitlines():
        program = json.loads(line)
        program["features"] = features(program["script"])
        lines.append(json.dumps(program, separators=(",", ":")))
    # No name and no time inside, so that the same features make the same file.
    with target.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write("\n".join(lines).encode())
    print(f"{len(lines)} programs, tvm {tvm.__version__}, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
