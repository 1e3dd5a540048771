"""Runs TFLite files: `python tflite.py interpreter|vela FILE...`, one line each; exit code 77 without the program."""

import pathlib
import shutil
import subprocess
import sys
import tempfile

peer, files = sys.argv[1], sys.argv[2:]
if peer == "interpreter":
    try:
        import numpy
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        print(error)
        sys.exit(77)
    for file in files:
        interpreter = Interpreter(model_path=file, num_threads=1)
        interpreter.allocate_tensors()
        for tensor in interpreter.get_input_details():
            noise = numpy.random.default_rng(0).integers(-128, 128, tensor["shape"])
            interpreter.set_tensor(tensor["index"], noise.astype(tensor["dtype"]))
        interpreter.invoke()
        shapes = [list(interpreter.get_tensor(t["index"]).shape) for t in interpreter.get_output_details()]
        print(pathlib.Path(file).stem, shapes)
else:
    vela = shutil.which("vela", path=str(pathlib.Path(sys.executable).parent)) or shutil.which("vela")
    if vela is None:
        print("vela (ethos-u-vela) is not installed")
        sys.exit(77)
    for file in files:
        with tempfile.TemporaryDirectory() as folder:
            command = [vela, file, "--output-dir", folder, "--accelerator-config", "ethos-u55-128"]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                print(pathlib.Path(file).stem, "refused", (run.stdout + run.stderr).strip().splitlines()[-1])
                continue
            summary = next(pathlib.Path(folder).glob("*_summary_*.csv")).read_text().splitlines()
            row = dict(zip(summary[0].split(","), summary[1].split(",")))
            print(pathlib.Path(file).stem, row["nn_macs"], row["inference_time"])
