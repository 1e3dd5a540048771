"""Networks at two batches, as torch's default exporter writes them without dynamic shapes:

    pip install torch==2.11.0 torchvision onnxscript onnx && python make_batches.py

writes batches/NAME__1.onnx.gz and NAME__2.onnx.gz: weights are zeros, and what the exporter notes of its own is left out.
"""

import gzip
import os
import warnings

import onnx
import torch
import torchvision
from onnx import numpy_helper
from torch import nn

warnings.filterwarnings("ignore")
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "batches")


class Recurrent(nn.Module):
    def __init__(self, kind, batch_first, **more):
        super().__init__()
        self.layer, self.head = kind(6, 4, batch_first=batch_first, **more), nn.Linear(4, 3)

    def forward(self, x, *states):
        y, _ = self.layer(x, *states)
        return self.head(y)


class Attention(nn.Module):
    """With a mask that all examples share."""

    def __init__(self):
        super().__init__()
        self.layer = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x, mask):
        return self.layer(x, x, x, attn_mask=mask)[0]


class Pyramid(nn.Module):
    """Attention of an image at two scales side by side, heads within channels (timm's EfficientViT)."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Conv2d(8, 24, 1, bias=False)
        self.near = nn.Conv2d(24, 24, 5, padding=2, groups=24, bias=False)
        self.out = nn.Conv2d(16, 8, 1)

    def forward(self, x):
        batch, _, height, width = x.shape
        qkv = self.qkv(x)
        qkv = torch.cat([qkv, self.near(qkv)], 1).reshape(batch, -1, 12, height * width).transpose(-1, -2)
        q, k, v = qkv.chunk(3, dim=-1)
        mixed = torch.relu(q) @ (torch.relu(k).transpose(-1, -2) @ nn.functional.pad(v, (0, 1), value=1.0))
        mixed = mixed[..., :-1] / (mixed[..., -1:] + 1e-6)
        return self.out(mixed.transpose(-1, -2).reshape(batch, -1, height, width))


class Pooled(nn.Module):
    """A mean that the exporter writes as a view by strides (torchvision's ConvNeXt and Swin)."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8), nn.Linear(8, 3)

    def forward(self, x):
        y = nn.functional.adaptive_avg_pool2d(self.conv(x), 1).permute(0, 2, 3, 1)
        return self.head(self.norm(y).permute(0, 3, 1, 2).flatten(1))


class Detector(nn.Module):
    """Of one image, as torchvision's detection models take it."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, image):
        return self.conv(((image - 0.5) / 0.2).unsqueeze(0)).squeeze(0)


def encoder(batch_first):
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first), 2)


def swin():
    return torchvision.models.SwinTransformer([4, 4], 8, [2, 2], [2, 2], [2, 2], num_classes=3)


def image(batch):
    return (torch.zeros(batch, 3, 16, 16),)


NETWORKS = {
    "detector": (Detector, lambda batch: (torch.zeros(3, 16, 16),)),
    "encoder_batch_first": (lambda: encoder(True), lambda batch: (torch.zeros(batch, 5, 8),)),
    "encoder_time_first": (lambda: encoder(False), lambda batch: (torch.zeros(5, batch, 8),)),
    "gru_states": (lambda: Recurrent(nn.GRU, False), lambda batch: (torch.zeros(5, batch, 6), torch.zeros(1, batch, 4))),
    "lstm_batch_first": (lambda: Recurrent(nn.LSTM, True), lambda batch: (torch.zeros(batch, 5, 6),)),
    "lstm_time_first": (lambda: Recurrent(nn.LSTM, False, num_layers=2), lambda batch: (torch.zeros(5, batch, 6),)),
    "masked": (Attention, lambda batch: (torch.zeros(batch, 5, 8), torch.zeros(5, 5))),
    "pooled": (Pooled, image),
    "pyramid": (Pyramid, lambda batch: (torch.zeros(batch, 8, 4, 4),)),
    "swin": (swin, image),
    "vit": (lambda: torchvision.models.VisionTransformer(16, 4, 2, 2, 8, 16, num_classes=3), image),
}


def strip(model):
    del model.metadata_props[:]
    graph = model.graph
    for value in [*graph.input, *graph.output, *graph.value_info]:
        del value.metadata_props[:]
    for node in graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    for tensor in graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype.kind == "f":
            tensor.CopyFrom(numpy_helper.from_array(array * 0, tensor.name))
    return model


os.makedirs(FOLDER, exist_ok=True)
for name, (make, inputs) in NETWORKS.items():
    network = make().eval()
    for batch in (1, 2):
        path = os.path.join(FOLDER, f"{name}__{batch}.onnx")
        torch.onnx.export(network, inputs(batch), path, dynamo=True, external_data=False, verbose=False)
        model = strip(onnx.load(path))
        os.remove(path)
        with gzip.GzipFile(path + ".gz", "wb", mtime=0) as file:
            file.write(model.SerializeToString())
