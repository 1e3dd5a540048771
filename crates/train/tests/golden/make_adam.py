"""Writes adam.json: 20 steps of torch.optim.Adam, without and with clip_grad_norm_.

    python crates/train/tests/golden/make_adam.py

At step t the gradient of every weight w is c[t] * w. Made with torch 2.11.0.
"""

import json
import pathlib

import torch

STEPS, RATE = 20, 0.05
torch.manual_seed(0)
start = {"a": torch.randn(3, 2), "b": torch.randn(4)}
factors = torch.randn(STEPS) * torch.logspace(-2, 2, STEPS)
cases = []
for clip in (0.0, 1.0):
    weights = {name: w.clone().requires_grad_() for name, w in start.items()}
    adam = torch.optim.Adam(weights.values(), lr=RATE, betas=(0.8, 0.99), eps=1e-6)
    norms = []
    for c in factors:
        adam.zero_grad()
        sum(0.5 * c * (w * w).sum() for w in weights.values()).backward()
        limit = clip if clip > 0 else float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(weights.values(), limit).item())
        adam.step()
    end = {name: w.detach().tolist() for name, w in weights.items()}
    cases.append({"clip": clip, "norms": norms, "end": end})
start = {name: w.tolist() for name, w in start.items()}
golden = {"rate": RATE, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6, "start": start, "factors": factors.tolist()}
path = pathlib.Path(__file__).with_name("adam.json")
path.write_text(json.dumps(golden | {"cases": cases}) + "\n")
