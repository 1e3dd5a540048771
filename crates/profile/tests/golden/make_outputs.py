"""Expected outputs of whole networks, by ONNX Runtime: python make_outputs.py [FOLDER]

Needs numpy, onnx, onnxruntime, and cargo with libtorch (`cargo xtask libtorch`). TACHOGRAPH_MODELS must name the
folder of model files (onnx-light in it); FOLDER holds what `export` of tests/outputs wrote, if it was run before. Writes outputs.json. Weights and inputs are computed here, from the rule that
crates/profile/src/weights.rs states; the models of datasets/ are run from their files, as exported.
"""
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent
SAMPLES = 32
KINDS = {"f32": numpy.float32, "f64": numpy.float64, "i64": numpy.int64, "i32": numpy.int32, "bool": numpy.bool_}


def murmur(stream: int, n: int) -> numpy.ndarray:
    h = (numpy.arange(n, dtype=numpy.uint64) + (stream * 0x9E3779B9)).astype(numpy.uint32)
    h ^= h >> 16
    h *= numpy.uint32(0x85EBCA6B)
    h ^= h >> 13
    h *= numpy.uint32(0xC2B2AE35)
    return h ^ (h >> 16)


def stand_in(tensor: dict) -> numpy.ndarray:
    n = int(numpy.prod(tensor["shape"], dtype=numpy.int64))
    h = murmur(tensor["id"], n)
    if tensor["fill"] == "index":
        flat = h % numpy.uint32(max(tensor["parameter"], 1))
    else:
        u = (h >> 8).astype(numpy.float32) * numpy.float32(2**-24) - numpy.float32(0.5)
        if tensor["fill"] == "weight":
            u *= numpy.sqrt(numpy.float32(24) / numpy.float32(max(tensor["parameter"], 1)))
        elif tensor["fill"] == "positive":
            u += numpy.float32(1)
        elif tensor["fill"] == "small":
            u *= numpy.float32(0.2)
        elif tensor["fill"] == "input":
            u *= numpy.float32(2)
        flat = u
    return flat.astype(KINDS[tensor["dtype"]]).reshape(tensor["shape"])


def prepare(case: dict) -> tuple[onnx.ModelProto, dict]:
    """The model with its outputs, and with stand-ins in the place of whatever defined those tensors."""
    data = pathlib.Path(case["file"]).read_bytes()
    model = onnx.load_from_string(gzip.decompress(data) if case["file"].endswith(".gz") else data)
    graph = model.graph
    feeds = {t["name"]: stand_in(t) for t in case["tensors"]}
    needed, nodes = set(case["outputs"]), []
    for node in reversed(graph.node):
        node.output[:] = ["" if name in feeds else name for name in node.output]
        if needed & set(node.output) - {""}:
            needed |= set(node.input)
            nodes.insert(0, node)
    stored = {t.name: t for t in graph.initializer}
    inputs = [i for i in graph.input if i.name in needed and i.name not in stored]
    lacking = {i.name for i in inputs} - feeds.keys()
    assert not lacking, f"{case['file']}: no stand-in for {lacking}"
    fed = {i.name: feeds.pop(i.name) for i in inputs}
    weights = [stored[name] for name in stored.keys() & needed - feeds.keys()]
    weights += [numpy_helper.from_array(v, name) for name, v in feeds.items()]
    outputs = [onnx.ValueInfoProto(name=name) for name in case["outputs"]]
    for field, value in [("node", nodes), ("initializer", weights), ("input", inputs), ("output", outputs)]:
        value = [type(v).FromString(v.SerializeToString()) for v in value]
        graph.ClearField(field)
        getattr(graph, field).extend(value)
    return model, fed


def run(model: onnx.ModelProto, feeds: dict, level) -> list[numpy.ndarray]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return session.run(None, feeds)


def expect(case: dict) -> dict:
    model, feeds = prepare(case)
    levels = onnxruntime.GraphOptimizationLevel
    plain, optimised = (run(model, feeds, level) for level in (levels.ORT_DISABLE_ALL, levels.ORT_ENABLE_ALL))
    images = {t["name"] for t in case["tensors"] if t["fill"] in ("input", "index")}
    mirrored = {name: v[..., ::-1].copy() if name in images else v for name, v in feeds.items()}
    changed = run(model, mirrored, levels.ORT_ENABLE_ALL)
    outputs = []
    for y, z, other in zip(plain, optimised, changed):
        flat = y.astype(numpy.float64).ravel()
        norm = float(numpy.linalg.norm(flat))
        spread = float(flat.std()) / (norm / flat.size**0.5)
        sensitivity = float(numpy.linalg.norm(other - y)) / norm
        if not (numpy.isfinite(norm) and spread > 1e-2 and sensitivity > 2e-4):
            sys.exit(f"{case['source']}: norm {norm}, spread {spread}, sensitivity {sensitivity}: shows nothing")
        outputs.append({
            "shape": list(y.shape),
            "mean": float(f"{flat.mean():.7g}"),
            "norm": float(f"{norm:.7g}"),
            "rounding": float(f"{numpy.abs(y - z).max() / (norm / flat.size**0.5):.1e}"),
            "samples": [float(f"{flat[i * flat.size // SAMPLES]:.7g}") for i in range(SAMPLES)],
        })
    print(case["source"], [(o["shape"], o["norm"], o["rounding"]) for o in outputs], f"{sensitivity:.1e}", flush=True)
    return {"source": case["source"], "nodes": case["nodes"], "outputs": outputs}


def main(folder: pathlib.Path) -> None:
    if len(sys.argv) == 1:
        command = "cargo test --release -p tachograph-profile --test outputs -- --ignored export::export"
        environment = os.environ | {"TACHOGRAPH_EXPORT": str(folder)}
        subprocess.run(command.split(), cwd=HERE, env=environment, check=True)
    cases = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    lines = ",\n".join(json.dumps(expect(case), separators=(",", ":")) for case in cases)
    (HERE / "outputs.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(pathlib.Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            main(pathlib.Path(folder))
