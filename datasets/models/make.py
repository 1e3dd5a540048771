"""Exports real networks to ONNX without weights: python make.py [NAME ...]

TorchScript exporter, opset 17, batch 1, `export_params=False`: parameters are plain graph inputs after the
image. Random initialisation; no pretrained weights are fetched.
"""
import gzip
import io
import sys
import warnings

import timm
import torch
import torchvision

MODELS = {
    "densenet121": ("timm", 224),
    "regnety_004": ("timm", 224),
    "convnext_atto": ("timm", 224),
    "shufflenet_v2_x1_0": ("torchvision", 224),
    "resnext50_32x4d": ("timm", 224),
    "inception_v3": ("torchvision", 299),
    "ghostnet_100": ("timm", 224),
    "mixnet_s": ("timm", 224),
    "repvgg_a0": ("timm", 224),
    "mobilevit_s": ("timm", 256),
    "deit_tiny_patch16_224": ("timm", 224),
    "efficientnet_b0": ("timm", 224),
    "squeezenet1_1": ("torchvision", 224),
}


def build(name: str) -> torch.nn.Module:
    library, _ = MODELS[name]
    if library == "timm":
        return timm.create_model(name, pretrained=False, exportable=True)
    options = {"init_weights": False, "aux_logits": False} if name == "inception_v3" else {}
    return getattr(torchvision.models, name)(weights=None, **options)


def export(model: torch.nn.Module, size: int) -> bytes:
    # The exporter merges equal parameters, such as fresh normalisations: make them differ.
    torch.manual_seed(0)
    for tensor in [*model.parameters(), *model.buffers()]:
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 1.5)
    image = torch.randn(1, 3, size, size)
    file = io.BytesIO()
    torch.onnx.export(model.eval(), image, file, opset_version=17, export_params=False,
                      do_constant_folding=False, input_names=["image"], dynamo=False)
    return file.getvalue()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}")
    for name in sys.argv[1:] or MODELS:
        packed = gzip.compress(export(build(name), MODELS[name][1]), 9, mtime=0)
        with open(f"{name}.onnx.gz", "wb") as f:
            f.write(packed)
        print(name, len(packed), flush=True)
