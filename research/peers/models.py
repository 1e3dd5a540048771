"""The networks of `docs/compiling.md`, by PyTorch, torchvision, timm and Transformers, with weights of seed 0.

    python research/peers/models.py FOLDER [NAME ...]

writes FOLDER/NAME.onnx (operator set 17) of each named, or of all.
"""

import pathlib
import sys

import torch

TORCHVISION = ["resnet18", "resnet34", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small"]
TIMM = {"efficientnet_b0": "efficientnet_b0", "vit_tiny": "vit_tiny_patch16_224"}
NAMES = [*TORCHVISION, *TIMM, "bert_tiny"]


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
    for name in sys.argv[2:] or NAMES:
        model, inputs = make(name)
        torch.onnx.export(model, inputs, folder / f"{name}.onnx", dynamo=False, opset_version=17,
                          input_names=["x"], output_names=["y"])
        print(name, flush=True)


if __name__ == "__main__":
    main()
