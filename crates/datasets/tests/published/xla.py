"""Writes the modules of tuning records as XLA does: FOLDER/NUMBER.hlo (text) and FOLDER/NUMBER.pb (HloModuleProto)."""

import sys
from pathlib import Path

from jaxlib import xla_client


def number(data, place):
    value = shift = 0
    while True:
        byte = data[place]
        value, shift, place = value | (byte & 127) << shift, shift + 7, place + 1
        if byte < 128:
            return value, place


def fields(data):
    """Numbers and lengths of Protocol Buffers: all that there is on the way to a module."""
    place = 0
    while place < len(data):
        key, place = number(data, place)
        value, place = number(data, place)
        if key & 7 == 2:
            value, place = data[place : place + value], place + value
        yield key >> 3, value


def modules(data):
    top = list(fields(data))
    records = [data] if any(field == 3 for field, _ in top) else [record for _, record in top]
    return [next(value for field, value in fields(record) if field == 1) for record in records]


folder, count = Path(sys.argv[1]), 0
for file in sys.argv[2:]:
    for module in modules(Path(file).read_bytes()):
        text = xla_client.XlaComputation(module).as_hlo_text()
        (folder / f"{count}.hlo").write_text(text)
        again = xla_client.hlo.hlo_module_from_text(text)
        (folder / f"{count}.pb").write_bytes(again.as_serialized_hlo_module_proto())
        count += 1
