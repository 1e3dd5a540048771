"""Shows models that this crate wrote to ONNX's checker and to ONNX Runtime.

    TACHOGRAPH_WRITTEN=DIR cargo test --release -p tachograph-import --test write -- --ignored files_for_the_checker
    python check.py DIR ../../../../datasets/models

Every file must pass the full check. Where the original is one of torch's, both run on one image, the original with
the weights that were written into the copy, and must agree; two of the image must give the same twice.
"""
import gzip
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime


def weights(name, shape):
    i = np.arange(np.prod(shape, dtype=np.int64))
    shift = 2500 if name.endswith("running_var") else 0
    return ((i * 7919 % 101 - 50 + shift).astype(np.float32) / np.float32(2500)).reshape(shape)


def run(model, feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session.run(None, feed)[0]


written, originals = map(pathlib.Path, sys.argv[1:])
for path in sorted(written.glob("*.onnx")):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    name, form, _ = path.name.split(".")
    line = f"{path.name}: checked"
    if form == "full":
        original = onnx.load_from_string(gzip.decompress((originals / f"{name}.onnx.gz").read_bytes()))
        image, *parameters = original.graph.input
        shape = lambda i: [d.dim_value for d in i.type.tensor_type.shape.dim]
        x = np.random.default_rng(0).standard_normal(shape(image), dtype=np.float32)
        ours = run(model.SerializeToString(), {model.graph.input[0].name: x})
        line += f", runs, output {ours.shape}"
        if image.name == "image":
            feed = {"image": x} | {p.name: weights(p.name, shape(p)) for p in parameters}
            theirs = run(original.SerializeToString(), feed)
            worst = float(np.max(np.abs(ours - theirs) / (np.max(np.abs(theirs)) + 1e-30)))
            line += f", differs from the original by {worst:.1e} of its largest output"
            assert worst < 1e-4, line
        two = run(model.SerializeToString(), {model.graph.input[0].name: np.concatenate([x, x])})
        assert np.allclose(two, np.concatenate([ours, ours]), rtol=0, atol=1e-4 * np.max(np.abs(ours))), line
        line += ", batch 2 gives the same twice"
    print(line, flush=True)
