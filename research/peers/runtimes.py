"""How each runtime takes a network: `RUNTIMES[name](path)` gives a function from inputs to outputs, in f32, on as many threads
as the variable THREADS says, one where it says nothing. As a program, `runtimes.py NAME PATH FOLDER RUNS`, it runs one of them so
often, with inputs for FOLDER, which `tachograph compile` made, and prints the median of its milliseconds."""

import os

THREADS = int(os.environ.get("THREADS", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(THREADS))

import importlib.util
import json
import pathlib
import subprocess
import sys
import time

import numpy as np


def tachograph(folder):
    """What `tachograph compile` made."""
    spec = importlib.util.spec_from_file_location("network", f"{folder}/network.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.Network(folder)
    return lambda inputs: network.run(*inputs)


def onnx_runtime(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [given.name for given in session.get_inputs()]
    return lambda inputs: session.run(None, dict(zip(names, inputs)))


def open_vino(path):
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": THREADS, "PERFORMANCE_HINT": "LATENCY",
                                                           "INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    return lambda inputs: [request.infer(list(inputs))[i] for i in range(len(compiled.outputs))]


def by_torch(prepare):
    """The network that the file was exported from (`models.py`), made ready by `prepare`."""

    def make(path):
        import torch

        import models

        torch.set_num_threads(THREADS)
        model, inputs = models.make(pathlib.Path(path).stem)
        with torch.inference_mode():
            ready = prepare(torch, model, inputs)
            ready(*inputs)

        def run(inputs):
            with torch.inference_mode():
                return [ready(*map(torch.from_numpy, inputs)).numpy()]

        return run

    return make


def torch_script(torch, model, inputs):
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, inputs)))


def tvm(path):
    """Tuned by MetaSchedule, weights packed beforehand: TVM_TRIALS in all, records in TVM_WORK, where later calls find them."""
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    target = tvm.target.Target({"kind": "llvm", "mcpu": os.environ.get("TVM_CPU", "native"), "num-cores": THREADS})
    module, weights = relax.frontend.detach_params(from_onnx(onnx.load(path), keep_params_in_input=True))
    work = f"{os.environ.get('TVM_WORK', 'tvm')}/{pathlib.Path(path).stem}"
    os.makedirs(work, exist_ok=True)
    trials = int(os.environ.get("TVM_TRIALS", "1000"))
    with target:
        module = relax.get_pipeline("static_shape_tuning", target=target, total_trials=trials, work_dir=work,
                                    cpu_weight_prepack=True)(module)
    machine = relax.VirtualMachine(tvm.compile(module, target=target), tvm.cpu())
    weights = machine["main_transform_params"](weights["main"])

    def run(inputs):
        result = machine["main"](*[tvm.runtime.tensor(given) for given in inputs], *weights)
        return [one.numpy() for one in (result if isinstance(result, (list, tuple, tvm.ir.Array)) else [result])]

    return run


RUNTIMES = {
    "onnxruntime": onnx_runtime,
    "openvino": open_vino,
    "pytorch": by_torch(lambda torch, model, inputs: model),
    "torchscript": by_torch(torch_script),
    "torch.compile": by_torch(lambda torch, model, inputs: torch.compile(model)),
    "tvm": tvm,
}


def aligned(array):
    """The same where a cache line begins, as a program would allocate it."""
    raw = np.empty(array.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    result = raw[start:start + array.nbytes].view(array.dtype).reshape(array.shape)
    result[...] = array
    return result


def inputs_of(folder):
    """Numbers for the inputs of what `tachograph compile` made: normal, or below 1000 where they are integers."""
    signature = json.loads((pathlib.Path(folder) / "plan.json").read_text())["signature"]
    rng = np.random.default_rng(0)
    types = {"f32": np.float32, "i64": np.int64, "i32": np.int32}
    draw = lambda i: rng.integers(0, 1000, i["shape"]) if "i" in i["dtype"] else rng.standard_normal(i["shape"])
    return [aligned(draw(i).astype(types[i["dtype"]])) for i in signature["inputs"]]


def in_turns(runs, inputs, count):
    """Median and least milliseconds of each of these functions, of so many runs in turns after two."""
    times = {name: [] for name in runs}
    for _ in range(count + 2):
        for name, one in runs.items():
            start = time.perf_counter()
            one(inputs)
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: (float(np.median(all[2:])), min(all[2:])) for name, all in times.items()}


def opened_anew(runtimes, folder, count, rounds):
    """Milliseconds of each of these runtimes, by name a name in RUNTIMES or `tachograph` and a path: the median of so many runs of a
    process that opens it alone, of so many processes, in turns."""
    times = {name: [] for name in runtimes}
    for _ in range(rounds):
        for name, (runtime, path) in runtimes.items():
            command = [sys.executable, __file__, runtime, str(path), str(folder), str(count)]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            times[name].append(float(out.split()[-1]))
    return times


def apart(found, expected):
    """The largest difference of outputs, relative to the root mean square of what is expected."""
    return max(float(np.abs(a - b).max() / np.sqrt(np.mean(np.square(b, dtype=np.float64))))
               for a, b in zip(found, expected))


if __name__ == "__main__":
    name, path, folder, count = sys.argv[1:]
    run = tachograph(path) if name == "tachograph" else RUNTIMES[name](path)
    print(in_turns({name: run}, inputs_of(folder), int(count))[name][0])
