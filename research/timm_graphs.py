"""Exports timm's models at the image sizes that its benchmarks measured, as graphs without weights.

    python research/timm_graphs.py $TACHOGRAPH_DATA/timm OUT            # every model and size of the benchmark files
    python research/timm_graphs.py $TACHOGRAPH_DATA/timm OUT resnet50__224 ...    # some of them

Writes OUT/NAME__SIZE.onnx.gz, exported as `datasets/models/make.py` says; files that are there are kept. Models that this
timm does not have or the exporter refuses are named and left out. Needs timm 1.0.31, torch 2.11.0 and torchvision 0.26.0.
"""
import csv
import gzip
import pathlib
import sys
import warnings

import timm
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "datasets/models"))
from make import export  # noqa: E402


def measured(folder: pathlib.Path) -> list[tuple[str, int]]:
    """Names and image sizes in the benchmark files, without what follows a dot, which names weights."""
    found = set()
    for file in folder.glob("benchmark-*.csv*"):
        with (gzip.open if file.suffix == ".gz" else open)(file, "rt") as rows:
            for row in csv.DictReader(rows):
                size = row.get("infer_img_size") or row.get("train_img_size")
                if size:
                    found.add((row["model"].split(".")[0], int(float(size))))
    return sorted(found)


def build(name: str, size: int) -> torch.nn.Module:
    model = timm.create_model(name, pretrained=False, exportable=True)
    if tuple(model.default_cfg.get("input_size", (3, size, size))[1:]) == (size, size):
        return model
    try:  # of models whose weights depend on the size
        return timm.create_model(name, pretrained=False, exportable=True, img_size=size)
    except TypeError:
        return model


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    benchmarks, out, wanted = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    out.mkdir(parents=True, exist_ok=True)
    for name, size in measured(benchmarks):
        path = out / f"{name}__{size}.onnx.gz"
        if path.exists() or (wanted and f"{name}__{size}" not in wanted):
            continue
        try:
            path.write_bytes(gzip.compress(export(build(name, size), size), 9, mtime=0))
            print(path.name, flush=True)
        except Exception as error:
            print(f"left out: {name} at {size}: {str(error).splitlines()[0] if str(error) else error!r}", file=sys.stderr)
