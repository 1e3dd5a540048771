"""Multiply-accumulates and parameters of networks of three search spaces, from their published code.

    python nas.py AUTODL HWNAS HELP > nas.json

with checkouts of D-X-Y/AutoDL-Projects, GATECH-EIC/HW-NAS-Bench and HayeonLee/HELP (it holds the `ofa` package).
Multiply-accumulates are those of Conv2d and Linear for one image, parameters those that require a gradient.
"""

import importlib.util
import json
import random
import sys
import types

import torch
from torch import nn

autodl, hwnas, help_ = sys.argv[1:]


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def count(model, size):
    macs = 0

    def conv(module, _, out):
        nonlocal macs
        macs += module.weight[0].numel() * out.numel()

    def linear(module, _, out):
        nonlocal macs
        macs += module.in_features * out.numel()

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(conv)
        if isinstance(module, nn.Linear):
            module.register_forward_hook(linear)
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, size, size, device=device))
    return [macs, sum(p.numel() for p in model.parameters())]


device = "meta"
torch.set_default_device(device)
random.seed(201)

for package in ["xautodl", "xautodl.models", "xautodl.models.cell_infers"]:
    sys.modules[package] = types.ModuleType(package)
base = f"{autodl}/xautodl/models"
load("xautodl.models.cell_operations", f"{base}/cell_operations.py")
load("xautodl.models.cell_infers.cells", f"{base}/cell_infers/cells.py")
tiny = load("xautodl.models.cell_infers.tiny_network", f"{base}/cell_infers/tiny_network.py")


class Genotype(list):
    def tostr(self):
        return "+".join("|" + "|".join(f"{op}~{i}" for op, i in node) + "|" for node in self)

    def __len__(self):
        return super().__len__() + 1


def genotype(ops):
    ops = iter(ops)
    return Genotype([[(next(ops), i) for i in range(node)] for node in (1, 2, 3)])


OTHERS = ["none", "skip_connect", "avg_pool_3x3"]
nasbench201 = {}
# Every number of 1x1 and 3x3 convolutions, then cells at random.
cells = []
for ones in range(7):
    for threes in range(7 - ones):
        rest = [random.choice(OTHERS) for _ in range(6 - ones - threes)]
        cells.append(random.sample(["nor_conv_1x1"] * ones + ["nor_conv_3x3"] * threes + rest, 6))
cells += [[random.choice(OTHERS + ["nor_conv_1x1", "nor_conv_3x3"]) for _ in range(6)] for _ in range(100)]
for ops in cells:
    cell = genotype(ops)
    nasbench201[cell.tostr()] = count(tiny.TinyNetwork(16, 5, cell, 10), 32)

fbnet_infer = load("fbnet_infer", f"{hwnas}/hw_nas_bench_api/fbnet_models/model_infer.py").FBNet_Infer
fbnet = []
lists = [[i] * 22 for i in range(9)] + [[random.randrange(9) for _ in range(22)] for _ in range(40)]
for indices in lists:
    config = {"op_idx_list": indices}
    cifar = count(fbnet_infer({"dataset": "cifar100", "num_classes": 100, **config}), 32)
    imagenet = count(fbnet_infer({"dataset": "imagenet", "num_classes": 1000, **config}), 224)
    fbnet.append([indices, cifar, imagenet])

device = "cpu"
torch.set_default_device(device)
# Their own __init__ files import what a network does not need.
for package in ["ofa", "ofa.imagenet_classification", "ofa.imagenet_classification.elastic_nn"]:
    sys.modules[package] = types.ModuleType(package)
    sys.modules[package].__path__ = [f"{help_}/{package.replace('.', '/')}"]
sys.modules["ofa.utils.my_dataloader"] = types.ModuleType("ofa.utils.my_dataloader")
elastic = "ofa.imagenet_classification.elastic_nn.networks"
sys.modules[elastic] = types.ModuleType(elastic)
sys.modules[elastic].__path__ = [f"{help_}/{elastic.replace('.', '/')}"]
from ofa.imagenet_classification.elastic_nn.networks.ofa_mbv3 import OFAMobileNetV3  # noqa: E402

ofa = []
for width in (1.0, 1.2):
    net = OFAMobileNetV3(
        dropout_rate=0, width_mult=width, ks_list=[3, 5, 7], expand_ratio_list=[3, 4, 6], depth_list=[2, 3, 4]
    )
    for i in range(20):
        ks = [random.choice([3, 5, 7]) for _ in range(20)]
        e = [random.choice([3, 4, 6]) for _ in range(20)]
        d = [random.choice([2, 3, 4]) for _ in range(5)]
        r = random.choice(range(128, 225, 4))
        net.set_active_subnet(ks=ks, e=e, d=d)
        counts = count(net.get_active_subnet(preserve_weight=False), r)
        ofa.append([width, ks, e, d, r, counts])

json.dump({"nasbench201": nasbench201, "fbnet": fbnet, "ofa": ofa}, sys.stdout, separators=(",", ":"))
