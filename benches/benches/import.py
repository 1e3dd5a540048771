"""The peer of import.rs: onnx's parser and shape inference on the same bytes. It counts no costs."""
import gzip
import pathlib
import time

import onnx

models = pathlib.Path(__file__).parents[2] / "datasets" / "models"
for name in ["light_resnet50", "densenet121", "mobilevit_s"]:
    data = gzip.decompress((models / f"{name}.onnx.gz").read_bytes())
    times = []
    for _ in range(50):
        start = time.process_time()
        onnx.shape_inference.infer_shapes(onnx.load_from_string(data), data_prop=True)
        times.append(time.process_time() - start)
    print(f"{name}: load, infer shapes: {1e3 * sorted(times)[25]:.2f} ms of CPU")
