"""What each format's own runtime says of every model file below a folder, one line of JSON a file.

    pip install onnx onnxruntime ai-edge-litert ncnn numpy
    python research/public/truth.py FOLDER truth.jsonl

The folder holds checkouts (`sources.txt` says of what). A line is

    {"file": relative path, "sha256": …, "loads": bool, "error": first line of what was said, "source": …,
     "bind": {free extent: value}, "tensors": {name: [element type, [extents]]}, "open": [names]}

with `"pointer": true` instead of all that for what is a Git LFS pointer, and `"same": file` for a file that was seen
before. `loads` is the runtime's word: ONNX Runtime makes a session, LiteRT's interpreter allocates, ncnn reads the layers.
`source` says where shapes come from: `run` (every result of a run, on the inputs of a test data set beside the file or on
random ones), `session` (what ONNX Runtime inferred, where it did not run), `onnx` (ONNX's own inference, where ONNX Runtime
does not load, most often for want of a kernel), `stated` (what a TFLite file states, where the interpreter does not
allocate). A tensor that is no dense tensor, or whose extents nobody knows, has null for a shape; `open` are those whose
extents the runtime itself learns by running.

Each file has a process of its own, with 60 seconds of the processor's time and 12 GB. What is in the output already is not asked again.
"""

import argparse, collections, hashlib, json, os, resource, signal, sys, tempfile, time, traceback
from pathlib import Path

import ask_ncnn, ask_onnx, ask_tflite

ASK = {".onnx": ask_onnx.ask, ".tflite": ask_tflite.ask, ".param": ask_ncnn.ask}
SECONDS, PATIENCE, GIGABYTES, WORKERS = 60, 300, 12, 2  # of the processor's time, of the wall's
NOTHING = {"loads": False, "bind": {}, "tensors": {}}


def first_line(text):
    return next((line.strip() for line in str(text).splitlines() if line.strip()), "")[:400]


def child(path, out):
    """Asks about one file, and saves whatever is known at each step: it may crash or run out of time."""
    resource.setrlimit(resource.RLIMIT_AS, (GIGABYTES << 30, GIGABYTES << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    for standard in 1, 2:
        os.dup2(os.open(out.with_suffix(".err"), os.O_CREAT | os.O_APPEND | os.O_WRONLY), standard)
    answer = json.loads(json.dumps(NOTHING))
    save = lambda: out.write_text(json.dumps(answer))
    try:
        ASK[path.suffix](path, answer, save)
    except BaseException as error:
        answer["note"] = first_line(error) or type(error).__name__
        traceback.print_exc()
    save()
    os._exit(0)


def said(path, out, status):
    """The answer that a process left behind; `status` None if it was ended."""
    answer = json.loads(out.read_text()) if out.exists() and out.stat().st_size else dict(NOTHING)
    printed = out.with_suffix(".err")
    if status is None:
        answer["note"] = "time is up"
    elif os.WIFSIGNALED(status):
        answer["note"] = f"signal {os.WTERMSIG(status)}"
    if not answer["loads"] and "error" not in answer:
        # ncnn says why on standard error alone.
        answer["error"] = first_line(printed.read_text(errors="replace")) or answer.get("note", "no reason given")
    out.unlink(missing_ok=True)
    printed.unlink(missing_ok=True)
    return answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    done, first = set(), {}
    for line in map(json.loads, args.out.read_text().splitlines() if args.out.exists() else []):
        done.add(line["file"])
        first.setdefault(line["sha256"], line.get("same", line["file"]))
    paths = sorted(p for p in args.folder.rglob("*") if p.suffix in ASK and p.is_file())
    queue = collections.deque(p for p in paths if str(p.relative_to(args.folder)) not in done)
    running = {}
    with tempfile.TemporaryDirectory() as temporary, args.out.open("a", buffering=1) as out:
        write = lambda line: out.write(json.dumps(line) + "\n")
        while queue or running:
            while queue and len(running) < WORKERS:
                path = queue.popleft()
                data = path.read_bytes()
                line = {"file": str(path.relative_to(args.folder)), "sha256": hashlib.sha256(data).hexdigest()}
                if data.startswith(b"version https://git-lfs"):
                    write(line | {"pointer": True})
                elif line["sha256"] in first:
                    write(line | {"same": first[line["sha256"]]})
                else:
                    first[line["sha256"]] = line["file"]
                    answer = Path(temporary) / f"{len(first)}.json"
                    if (pid := os.fork()) == 0:
                        child(path, answer)
                    running[pid] = (path, line, answer, time.time())
            time.sleep(0.005)
            for pid, (path, line, answer, start) in list(running.items()):
                late = time.time() - start > PATIENCE
                if late:
                    os.kill(pid, signal.SIGKILL)
                ended, status = os.waitpid(pid, 0 if late else os.WNOHANG)
                if ended:
                    del running[pid]
                    write(line | said(path, answer, None if late else status))


if __name__ == "__main__":
    sys.exit(main())
