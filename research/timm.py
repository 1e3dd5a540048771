"""Writes measurements of timm's models as the CSV that `tachograph transfer` and `few_shot` read.

    python research/timm.py $TACHOGRAPH_DATA/timm/benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv.gz \
        $TACHOGRAPH_MODELS/timm i9-10940x > i9.csv

Rows without a graph of the same name and image size are left out.
"""

import csv
import gzip
import pathlib
import sys

table, models, device = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
out = csv.writer(sys.stdout)
out.writerow(["file", "device", "latency_ms", "batch"])
seen = set()
for row in csv.DictReader(gzip.open(table, "rt")):
    graph = models / f"{row['model'].split('.')[0]}__{row['infer_img_size']}.onnx.gz"
    if graph.exists() and graph not in seen:
        seen.add(graph)
        out.writerow([graph, device, row["infer_step_time"], row["infer_batch_size"]])
