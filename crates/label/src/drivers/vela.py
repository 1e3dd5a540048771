"""Compiles the models that are named on standard input with Vela, in this one process: a line of JSON in, a line out.

In:  {"path": "model.tflite", "options": ["--accelerator-config", "ethos-u55-128", ...]}
Out: {"done": {"cpu": 0, "npu": 69, "summary": {...}}} or {"refused": "why"}; first of all {"ready": "the version"}.
"""

import csv
import glob
import json
import math
import os
import re
import resource
import shutil
import sys
import tempfile

answers = os.fdopen(os.dup(1), "w", buffering=1)
# What the compiler prints, its C++ too, goes to a file: a line on standard output is an answer and nothing else.
said = tempfile.TemporaryFile()
os.dup2(said.fileno(), 1)
os.dup2(said.fileno(), 2)
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

from ethosu.vela import vela  # noqa: E402


def what_was_said():
    sys.stdout.flush()
    sys.stderr.flush()
    said.seek(0)
    return said.read().decode(errors="replace")


def reason(text, default):
    """The line that says what is wrong, or the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Warning")]
    wrong = [line for line in lines if "rror" in line]
    return (wrong or lines or [default])[-1][:300]


def label(path, options):
    out = tempfile.mkdtemp()
    try:
        said.seek(0)
        said.truncate()
        try:
            code = vela.main([path, *options, "--output-dir", out])
        except SystemExit as stop:
            code = stop.code
        except Exception as error:  # whatever the compiler raises is the reason
            return {"refused": f"{type(error).__name__}: {reason(str(error), '')}"}
        text = what_was_said()
        tables = glob.glob(os.path.join(out, "*_summary_*.csv"))
        if code or not tables:
            return {"refused": reason(text, f"exit code {code}")}
        with open(tables[0]) as file:
            summary = list(csv.DictReader(file))[-1]
        ran = {where: int((re.findall(where + r" operators = (\d+)", text) or ["0"])[-1]) for where in ("CPU", "NPU")}
        numbers = {}
        for name, value in summary.items():
            try:
                number = float(value)
            except ValueError:
                numbers[name] = value
                continue
            # JSON has no infinity: inferences a second of a file that takes no time.
            if math.isfinite(number):
                numbers[name] = number
        return {"done": {"cpu": ran["CPU"], "npu": ran["NPU"], "summary": numbers}}
    finally:
        shutil.rmtree(out, ignore_errors=True)


answers.write(json.dumps({"ready": vela.__version__}) + "\n")
for line in sys.stdin:
    asked = json.loads(line)
    answers.write(json.dumps(label(asked["path"], asked["options"])) + "\n")
