"""Writes losses.json: values and gradients of every loss, list by list, in double precision.

    python crates/train/tests/golden/losses.py

Targets and predictions have ties; two lists have one sample, one has equal targets only. Made with torch 2.11.0.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_default_dtype(torch.float64)
LENGTHS = [1, 5, 8, 2, 1, 3]
n = sum(LENGTHS)
target = (torch.rand(n) * 9 + 0.5).round(decimals=1)
prediction = (torch.randn(n) * 3).abs() + 0.1
target[2], target[4] = target[1], target[1]
target[17:] = target[17]
target[7], prediction[7] = target[6], prediction[6]  # equal in both
prediction[9] = prediction[8]  # equal predictions of unequal targets
quantiles = [0.1, 0.5, 0.9]
spread = prediction[:, None] * torch.tensor([0.7, 1.0, 1.4])


def over_lists(one):
    def loss(s, y):
        return torch.stack([one(*pair) for pair in zip(s.split(LENGTHS), y.split(LENGTHS))]).mean()

    return loss


def list_mle(temperature):
    def one(s, y):
        s = s / temperature
        return sum(torch.logsumexp(s[y <= y[i]], 0) - s[i] for i in range(len(s)))

    return one


def pairs(cost, chosen):
    def one(s, y):
        m = len(s)
        found = [cost(s[i] - s[j], y[i] - y[j]) for i in range(m) for j in range(m) if chosen(i, j, y)]
        return sum(found, s.sum() * 0) / max(1, m * (m - 1) / 2)

    return one


def above(i, j, y):
    return y[i] > y[j]


def upper(i, j, y):
    return i < j


def rank_net(d, dy):
    known = (torch.sign(dy) + 1) / 2
    return F.binary_cross_entropy_with_logits(d, known)


def margin_ranking(margin):
    return lambda d, dy: F.margin_ranking_loss(d, torch.zeros(()), torch.sign(dy), margin=margin)


def lambda_rank(s, y, eps=1e-10):
    order = sorted(range(len(s)), key=lambda i: (-s[i].item(), y[i].item()))
    s, y = s[order], y[order].clamp(min=0)
    D = torch.log2(torch.arange(len(s)) + 2.0)
    best = ((2 ** y.sort(descending=True).values - 1) / D).sum().clamp(min=eps)
    G = (2**y - 1) / best
    total = s.sum() * 0
    for i in range(len(s)):
        for j in range(len(s)):
            if y[i] > y[j]:
                w = (1 / D[i] - 1 / D[j]).abs() * (G[i] - G[j]).abs()
                total = total - torch.log2((torch.sigmoid(s[i] - s[j]).clamp(min=eps) ** w).clamp(min=eps))
    return total


def list_net(s, y):
    return -(F.softmax(y, 0) * F.log_softmax(s, 0)).sum()


def pinball(s, y):
    return torch.stack([torch.where(y >= s[:, k], t * (y - s[:, k]), (1 - t) * (s[:, k] - y))
                        for k, t in enumerate(quantiles)]).mean()


mle10 = over_lists(list_mle(10.0))
LOSSES = [
    ("squared", F.mse_loss),
    ("absolute", F.l1_loss),
    ({"huber": {}}, F.huber_loss),
    ({"huber": {"delta": 0.5}}, lambda s, y: F.huber_loss(s, y, delta=0.5)),
    ("relative-squared", lambda s, y: ((s / y - 1) ** 2).mean()),
    ("relative-absolute", lambda s, y: ((s - y).abs() / y).mean()),
    ("log-squared", lambda s, y: F.mse_loss(s.log(), y.log())),
    ({"list-mle": {}}, over_lists(list_mle(1.0))),
    ({"list-mle": {"temperature": 10.0}}, mle10),
    ("list-net", over_lists(list_net)),
    ({"pairwise-hinge": {}}, over_lists(pairs(lambda d, dy: F.relu(1.0 - d), above))),
    ({"pairwise-hinge": {"margin": 0.1}}, over_lists(pairs(lambda d, dy: F.relu(0.1 - d), above))),
    ("pairwise-logistic", over_lists(pairs(lambda d, dy: F.softplus(-d), above))),
    ("rank-net", over_lists(pairs(rank_net, upper))),
    ({"diff-mat": {}}, over_lists(pairs(margin_ranking(0.01), upper))),
    ("lambda-rank", over_lists(lambda_rank)),
    ({"quantile": {"quantiles": quantiles}}, pinball),
    ({"sum": [{"weight": 1.0, "loss": {"list-mle": {"temperature": 10.0}}}, {"weight": 0.02, "loss": "squared"}]},
     lambda s, y: mle10(s, y) + 0.02 * F.mse_loss(s, y)),
]

cases = []
for config, loss in LOSSES:
    s = (spread if loss is pinball else prediction).clone().requires_grad_()
    value = loss(s, target)
    (gradient,) = torch.autograd.grad(value, s)
    assert math.isfinite(value.item()) and gradient.isfinite().all(), config
    cases.append({"loss": config, "value": value.item(), "gradient": gradient.flatten().tolist()})
golden = {"lengths": LENGTHS, "target": target.tolist(), "prediction": prediction.tolist()}
golden |= {"spread": spread.flatten().tolist(), "cases": cases}
path = pathlib.Path(__file__).with_name("losses.json")
path.write_text(json.dumps(golden) + "\n")
