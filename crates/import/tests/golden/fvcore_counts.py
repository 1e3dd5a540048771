"""FLOPs, activations and parameters as fvcore counts them, with timm 1.0.31 and fvcore 0.1.5.

    python fvcore_counts.py MODEL:SIZE... [--merged]    # --merged: after reparameterize_model
"""
import logging
import sys

import timm
import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis
from timm.layers import set_fused_attn
from timm.utils import reparameterize_model

logging.disable(logging.CRITICAL)
set_fused_attn(False)
merged = "--merged" in sys.argv
for name, size in (arg.split(":") for arg in sys.argv[1:] if ":" in arg):
    model = timm.create_model(name).eval()
    model = reparameterize_model(model) if merged else model
    image = torch.zeros(1, 3, int(size), int(size))
    flops, activations = FlopCountAnalysis(model, image), ActivationCountAnalysis(model, image)
    unknown = flops.unsupported_ops().get("aten::_convolution_mode", 0)
    parameters = sum(p.numel() for p in model.parameters())
    print(name, flops.total(), activations.total(), parameters, f"{unknown} convolutions not counted")
