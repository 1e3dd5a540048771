"""Runs the models that are named on standard input with LiteRT: a line of JSON in, a line out.

In:  {"path": "model.tflite", "options": ["xnnpack" or "plain", threads, seconds]}
Out: {"done": {"median_ms": ..., "iqr_ms": ..., "min_ms": ..., "repeats": ..., "peak_bytes": ...}} or {"refused": "why"};
first of all {"ready": "the version"}.

Each model runs in a child of this process, which has the interpreter loaded already: a crash ends the child alone, and
the peak of memory is that of one model.
"""

import importlib.metadata
import json
import os
import resource
import sys
import time

answers = os.fdopen(os.dup(1), "w", buffering=1)
quiet = os.open(os.devnull, os.O_WRONLY)
os.dup2(quiet, 1)
os.dup2(quiet, 2)
limit = int(sys.argv[1])

import numpy as np  # noqa: E402
from ai_edge_litert.interpreter import Interpreter, OpResolverType  # noqa: E402


def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key + ":"))


def measure(path, how, threads, seconds):
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    before = status("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the peak so far
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    resolver = OpResolverType.AUTO if how == "xnnpack" else plain
    interpreter = Interpreter(model_path=path, num_threads=threads, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    random = np.random.default_rng(0)
    for tensor in interpreter.get_input_details():
        shape, kind = tensor["shape"], tensor["dtype"]
        if np.issubdtype(kind, np.floating):
            value = random.random(shape).astype(kind)
        else:
            value = random.integers(0, 100, shape).astype(kind)
        interpreter.set_tensor(tensor["index"], value)
    interpreter.invoke()
    peak = max(status("VmHWM") - before, 1)
    start = time.perf_counter()
    while time.perf_counter() - start < seconds / 4:
        interpreter.invoke()
    times, start = [], time.perf_counter()
    while len(times) < 4 or (time.perf_counter() - start < seconds and len(times) < 1000):
        begin = time.perf_counter()
        interpreter.invoke()
        times.append(1e3 * (time.perf_counter() - begin))
    low, median, high = np.percentile(times, [25, 50, 75])
    return {
        "median_ms": float(median),
        "iqr_ms": float(high - low),
        "min_ms": float(min(times)),
        "repeats": len(times),
        "peak_bytes": peak,
    }


def label(path, options):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            answer = {"done": measure(path, *options)}
        except BaseException as error:  # whatever the interpreter raises is the reason
            answer = {"refused": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:300]}
        os.write(write, json.dumps(answer).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if not text:
        return {"refused": f"the interpreter was ended by signal {os.WTERMSIG(status)}"}
    return json.loads(text)


answers.write(json.dumps({"ready": importlib.metadata.version("ai-edge-litert")}) + "\n")
for line in sys.stdin:
    asked = json.loads(line)
    answers.write(json.dumps(label(asked["path"], asked["options"])) + "\n")
