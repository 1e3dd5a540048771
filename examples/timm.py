"""Writes measurements of timm's models as the CSV that the examples `adapt` and `few_shot` read.

    python examples/timm.py ../shared/data/timm/benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv.gz \
        ../shared/models/timm i9-10940x > i9.csv

Rows without a graph of the same name and image size, or with a batch other than 1, are left out.
"""

import csv
import gzip
import pathlib
import sys

table, models, device = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
out = csv.writer(sys.stdout)
out.writerow(["file", "device", "latency_ms"])
seen = set()
for row in csv.DictReader(gzip.open(table, "rt")):
    graph = models / f"{row['model'].split('.')[0]}__{row['infer_img_size']}.onnx.gz"
    if graph.exists() and graph not in seen and row["infer_batch_size"] == "1":
        seen.add(graph)
        out.writerow([graph, device, row["infer_step_time"]])
