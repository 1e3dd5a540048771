"""Writes optimizers.json: 20 steps of the optimisers of torch.optim, with and without clipping.

    python crates/train/tests/golden/make_optimizers.py

At step t the gradient of every weight w is c[t] * w. Made with torch 2.11.0.
"""

import json
import pathlib

import torch

STEPS, RATE = 20, 0.05
torch.manual_seed(0)
start = {"a": torch.randn(3, 2), "b": torch.randn(4)}
factors = torch.randn(STEPS) * torch.logspace(-2, 2, STEPS)


def adam(kind, **settings):
    build = {"adam": torch.optim.Adam, "adam-w": torch.optim.AdamW}[kind]
    betas, eps, decay = (settings["beta1"], settings["beta2"]), settings["eps"], settings["decay"]
    return {"kind": kind, **settings}, lambda w: build(w, lr=RATE, betas=betas, eps=eps, weight_decay=decay)


def sgd(**settings):
    names = {"momentum": "momentum", "nesterov": "nesterov", "decay": "weight_decay"}
    arguments = {names[name]: value for name, value in settings.items()}
    return {"kind": "sgd", **settings}, lambda w: torch.optim.SGD(w, lr=RATE, **arguments)


moments = {"beta1": 0.8, "beta2": 0.99, "eps": 1e-6}
cases = []
for (config, build), clip, clip_each in [
    (adam("adam", **moments, decay=0.0), 0.0, 0.0),
    (adam("adam", **moments, decay=0.0), 1.0, 0.0),
    (adam("adam", **moments, decay=0.1), 0.0, 0.5),
    (adam("adam-w", **moments, decay=0.1), 1.0, 0.7),
    (sgd(momentum=0.0, nesterov=False, decay=0.0), 1.0, 0.0),
    (sgd(momentum=0.9, nesterov=False, decay=0.1), 1.0, 0.0),
    (sgd(momentum=0.9, nesterov=True, decay=0.1), 1.0, 0.0),
]:
    weights = {name: w.clone().requires_grad_() for name, w in start.items()}
    optimizer = build(weights.values())
    norms = []
    for c in factors:
        optimizer.zero_grad()
        sum(0.5 * c * (w * w).sum() for w in weights.values()).backward()
        norms.append(torch.nn.utils.get_total_norm([w.grad for w in weights.values()]).item())
        if clip_each > 0:
            for w in weights.values():
                torch.nn.utils.clip_grad_norm_([w], clip_each)
        if clip > 0:
            torch.nn.utils.clip_grad_norm_(weights.values(), clip)
        optimizer.step()
    end = {name: w.detach().tolist() for name, w in weights.items()}
    cases.append({"config": config, "clip": clip, "clip_each": clip_each, "norms": norms, "end": end})
start = {name: w.tolist() for name, w in start.items()}
path = pathlib.Path(__file__).with_name("optimizers.json")
path.write_text(json.dumps({"rate": RATE, "start": start, "factors": factors.tolist(), "cases": cases}) + "\n")
