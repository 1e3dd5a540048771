"""The networks of `docs/compiling.md`, by PyTorch, torchvision, timm and Transformers, with weights of seed 0; and the single
operators that tuners are compared on (`docs/tuning.md`).

    python research/peers/models.py FOLDER [NAME ...]

writes FOLDER/NAME.onnx (operator set 17) of each named, of all networks, or with the name `operators` of all operators.
"""

import pathlib
import sys

import torch

TORCHVISION = ["resnet18", "resnet34", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small"]
TIMM = {"efficientnet_b0": "efficientnet_b0", "vit_tiny": "vit_tiny_patch16_224"}
NAMES = [*TORCHVISION, *TIMM, "bert_tiny"]
# Convolutions with a bias and ReLU: channels in and out, size of the filter, stride, rows and columns, groups.
CONVOLUTIONS = {
    "conv_stem": (3, 64, 7, 2, 224, 1),
    "conv_64_56": (64, 64, 3, 1, 56, 1),
    "conv_64_128_56": (64, 128, 3, 2, 56, 1),
    "conv_128_28": (128, 128, 3, 1, 28, 1),
    "conv_256_14": (256, 256, 3, 1, 14, 1),
    "conv_512_7": (512, 512, 3, 1, 7, 1),
    "point_24_144_56": (24, 144, 1, 1, 56, 1),
    "point_576_96_14": (576, 96, 1, 1, 14, 1),
    "depth_144_56": (144, 144, 3, 1, 56, 144),
}
# Products with a bias: rows, columns in and out.
PRODUCTS = {"dense_512": (512, 512, 512), "dense_128": (128, 768, 3072), "dense_197": (197, 192, 768)}
OPERATORS = [*CONVOLUTIONS, *PRODUCTS]


class BertTiny(torch.nn.Module):
    """Two layers of 128; of its outputs the last hidden state."""

    def __init__(self):
        from transformers import BertConfig, BertModel

        super().__init__()
        self.bert = BertModel(BertConfig(hidden_size=128, num_hidden_layers=2, num_attention_heads=2,
                                         intermediate_size=512, attn_implementation="eager"))

    def forward(self, ids):
        return self.bert(ids, attention_mask=torch.ones_like(ids), use_cache=False, return_dict=False)[0]


def make(name):
    """The network for inference, and inputs of the shapes that it is exported with."""
    torch.manual_seed(0)
    if name in CONVOLUTIONS:
        inside, outside, size, stride, rows, groups = CONVOLUTIONS[name]
        conv = torch.nn.Conv2d(inside, outside, size, stride, size // 2, groups=groups)
        return torch.nn.Sequential(conv, torch.nn.ReLU()).eval(), (torch.randn(1, inside, rows, rows),)
    if name in PRODUCTS:
        rows, inside, outside = PRODUCTS[name]
        return torch.nn.Linear(inside, outside).eval(), (torch.randn(rows, inside),)
    if name == "bert_tiny":
        return BertTiny().eval(), (torch.randint(0, 30522, (1, 128)),)
    if name in TIMM:
        import timm

        model = timm.create_model(TIMM[name])
    else:
        import torchvision

        model = getattr(torchvision.models, name)()
    return model.eval(), (torch.randn(1, 3, 224, 224),)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in OPERATORS if sys.argv[2:] == ["operators"] else sys.argv[2:] or NAMES:
        model, inputs = make(name)
        torch.onnx.export(model, inputs, folder / f"{name}.onnx", dynamo=False, opset_version=17,
                          input_names=["x"], output_names=["y"])
        print(name, flush=True)


if __name__ == "__main__":
    main()
