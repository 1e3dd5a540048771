"""What TFLite's interpreter says of the tensors of model files, one line of JSON a file.

    python tflite_truth.py FILE_OR_FOLDER... > truth.jsonl

Each file is run in a process of its own, on zeros, since shapes that depend on others are known only after a run:
{"file", "tensors": [[type, shape], …] or "error", "ran": whether the run ended well}. Packages: ai-edge-litert.
"""

import gzip
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np


def tensors(model: bytes) -> dict:
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=model,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    details = lambda: {d["index"]: [np.dtype(d["dtype"]).name, d["shape"].tolist()] for d in interpreter.get_tensor_details()}
    before = details()
    ran = True
    try:
        for detail in interpreter.get_input_details():
            if detail["dtype"] != np.object_ and detail["dtype"] != np.bytes_:
                interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        interpreter.invoke()
    except (RuntimeError, ValueError):
        ran = False
    # Inputs of zeros that are shapes leave nothing.
    found = {i: before[i] if 0 in tensor[1] and i in before else tensor for i, tensor in details().items()}
    # Beyond those of the file are the interpreter's own.
    count = schema.Model.GetRootAs(model, 0).Subgraphs(0).TensorsLength()
    return {"tensors": [found.get(i) for i in range(count)], "ran": ran}


def read(path: str) -> dict:
    data = Path(path).read_bytes()
    return tensors(gzip.decompress(data) if path.endswith(".gz") else data)


def apart(path: Path) -> str:
    run = subprocess.run([sys.executable, __file__, "--one", str(path)], capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    result = json.loads(lines[-1]) if lines else {"error": f"ended with {run.returncode}"}
    return json.dumps({"file": str(path), **result})


def main(arguments: list[str]) -> None:
    if arguments[0] == "--one":
        try:
            print(json.dumps(read(arguments[1])))
        except Exception as error:
            print(json.dumps({"error": str(error)}))
        return
    paths = []
    for argument in map(Path, arguments):
        found = [argument] if argument.is_file() else sorted(argument.rglob("*"))
        paths += [p for p in found if p.name.endswith((".tflite", ".tflite.gz", ".lite"))]
    with ThreadPoolExecutor(2) as pool:
        for line in pool.map(apart, paths):
            print(line)


main(sys.argv[1:])
