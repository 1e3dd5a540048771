"""Writes the node tests of the `onnx` package of PyPI as files, since the package makes them when asked.

    pip install onnx==1.23.2
    python research/public/node_tests.py CHECKOUTS/pypi+onnx

Each becomes `NAME/model.onnx` with the inputs of its data sets beside it, as in the package's older releases.
"""

import importlib.metadata, sys
from pathlib import Path

import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases


def proto(value, declared):
    if isinstance(value, (onnx.TensorProto, onnx.SequenceProto, onnx.OptionalProto)):
        return value
    kind = declared.type.WhichOneof("value")
    made = {"sequence_type": numpy_helper.from_list, "optional_type": numpy_helper.from_optional}
    return made.get(kind, numpy_helper.from_array)(value, declared.name)


def main():
    out = Path(sys.argv[1])
    for case in collect_testcases(None):
        folder = out / case.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString(deterministic=True))
        for i, (inputs, _) in enumerate(case.data_sets):
            (folder / f"test_data_set_{i}").mkdir(exist_ok=True)
            for j, value in enumerate(inputs):
                data = proto(value, case.model.graph.input[j]).SerializeToString(deterministic=True)
                (folder / f"test_data_set_{i}" / f"input_{j}.pb").write_bytes(data)
    (out / ".commit").write_text(importlib.metadata.version("onnx") + "\n")


if __name__ == "__main__":
    main()
