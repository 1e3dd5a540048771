"""Error of a run on `datasets/edge` by what the compiler did with a network: cascades, operators on the CPU, waiting for memory.

    python3 research/edge_groups.py RUN ...

reads the `report.json` that `tachograph train` left in each folder RUN and the labels of `datasets/edge` (`zstd` must be there).
"""

import collections
import json
import pathlib
import subprocess
import sys

SET = pathlib.Path(__file__).parent.parent / "datasets" / "edge"


def labels(device):
    path = SET / "measurements" / f"{device}.jsonl.zst"
    lines = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True, text=True).stdout
    return {record["network"]: record["estimate"] for record in map(json.loads, lines.splitlines())}


def groups(estimate):
    yield "cascaded" if estimate.get("cascaded") else "no cascade"
    yield "some on the CPU" if estimate.get("cpu_operators") else "none on the CPU"
    # A quarter longer than computing alone.
    waits = estimate["total_cycles"] > 1.25 * estimate["npu_cycles"]
    yield "waits for memory" if waits else "computes"


devices = sorted(device["device"] for device in json.load(open(SET / "meta.json"))["devices"])
# A CPU is a device of the set, too, and no run's here.
devices = [device for device in devices if device.startswith("ethos")]
known = {device: labels(device) for device in devices}
print("labels: device, networks, with cascades, with operators on the CPU")
for device in devices:
    of = known[device].values()
    cascaded, cpu = sum("cascaded" in e for e in of), sum("cpu_operators" in e for e in of)
    print(f"{device}, {len(of)}, {cascaded}, {cpu}")
for run in sys.argv[1:]:
    # Outputs are time and memory of each device, in the order of names.
    errors = collections.defaultdict(list)
    for row in json.load(open(pathlib.Path(run) / "report.json"))["predictions"]:
        if row["output"] % 2 == 0:
            device = devices[row["output"] // 2]
            error = abs(row["predicted"] / row["measured"] - 1)
            for group in groups(known[device][row["name"]]):
                errors[device, group].append(error)
    print(f"\n{run}: device, group, networks, MAPE of time in %")
    for (device, group), found in sorted(errors.items()):
        print(f"{device}, {group}, {len(found)}, {100 * sum(found) / len(found):.2f}")
