"""Runs a network that Tachograph compiled: ``Network(folder).run(x) -> [y, ...]``. Needs NumPy alone."""

import ctypes
import json
import pathlib

import numpy as np

DTYPES = {
    "f32": np.float32, "f64": np.float64, "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
    "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8, "bool": np.bool_,
}


class Network:
    """One network with memory for one run at a time."""

    def __init__(self, folder=pathlib.Path(__file__).parent):
        folder = pathlib.Path(folder)
        self._lib = ctypes.CDLL(str((folder / "network.so" if folder.is_dir() else folder).resolve()))
        self._lib.tachograph_signature.restype = ctypes.c_char_p
        self._lib.tachograph_open.restype = ctypes.c_void_p
        self._lib.tachograph_arena_bytes.restype = ctypes.c_uint64
        for name in ("close", "run", "time"):
            getattr(self._lib, f"tachograph_{name}").argtypes = [ctypes.c_void_p] * {"close": 1, "run": 3, "time": 4}[name]
        signature = json.loads(self._lib.tachograph_signature())
        self.inputs, self.outputs = signature["inputs"], signature["outputs"]
        self._arena = self._lib.tachograph_open()
        if not self._arena:
            raise MemoryError(f"{self._lib.tachograph_arena_bytes()} bytes for a run")

    def run(self, *arrays):
        """The outputs for these inputs, which are in the order of ``self.inputs``."""
        given, outputs, inputs, results = self._arguments(arrays)
        if self._lib.tachograph_run(self._arena, inputs, results):
            raise RuntimeError("the network did not run")
        return outputs

    def times(self, *arrays):
        """Milliseconds of each step of one run."""
        given, outputs, inputs, results = self._arguments(arrays)
        ms = (ctypes.c_double * self._lib.tachograph_steps())()
        if self._lib.tachograph_time(self._arena, inputs, results, ms):
            raise RuntimeError("the network did not run")
        return list(ms)

    def _arguments(self, arrays):
        if len(arrays) != len(self.inputs):
            raise ValueError(f"{len(arrays)} arrays for inputs {[i['name'] for i in self.inputs]}")
        given = []
        for array, wanted in zip(arrays, self.inputs):
            array = np.ascontiguousarray(array)
            if list(array.shape) != wanted["shape"] or array.dtype != DTYPES[wanted["dtype"]]:
                raise ValueError(f"{wanted['name']} is {array.dtype} {array.shape}, not {wanted['dtype']} {wanted['shape']}")
            given.append(array)
        outputs = [np.empty(o["shape"], DTYPES[o["dtype"]]) for o in self.outputs]
        pointers = lambda arrays: (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
        return given, outputs, pointers(given), pointers(outputs)

    def __del__(self):
        if getattr(self, "_arena", None):
            self._lib.tachograph_close(self._arena)
            self._arena = None
