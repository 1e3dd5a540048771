"""PyTorch's side of `--example peers`: a line of JSON in, a line of JSON out. One thread."""

import json, sys, time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def say(value):
    print(json.dumps(value), flush=True)


def conv(case):
    pad = case["k"] // 2
    x = torch.rand(1, case["c"], case["n"], case["n"]) - 0.5
    w = torch.rand(case["o"], case["c"] // case["groups"], case["k"], case["k"]) - 0.5

    def run(memory_format):
        a, b = x.contiguous(memory_format=memory_format), w.contiguous(memory_format=memory_format)
        return lambda: F.conv2d(a, b, stride=case["stride"], padding=pad, groups=case["groups"])

    formats = {"plain": run(torch.contiguous_format), "channels last": run(torch.channels_last)}
    # oneDNN's own layout, weights laid out beforehand as for inference.
    a = x.to_mkldnn()
    b = torch._C._nn.mkldnn_reorder_conv2d_weight(
        w.to_mkldnn(), [pad, pad], [case["stride"]] * 2, [1, 1], case["groups"], list(x.shape)
    )
    formats["oneDNN's"] = lambda: F.conv2d(a, b, stride=case["stride"], padding=pad, groups=case["groups"])
    return formats


def matmul(case):
    a, b = torch.rand(case["m"], case["k"]) - 0.5, torch.rand(case["k"], case["n"]) - 0.5
    bt = b.t().contiguous().t()
    return {"rows": lambda: a @ b, "columns": lambda: a @ bt}


def bmm(case):
    a, b = torch.rand(12, 128, case["k"]) - 0.5, torch.rand(12, case["k"], case["n"]) - 0.5
    return {"rows": lambda: a @ b}


def rows(case):
    op = case["op"]
    x, other = torch.rand(case["rows"], 1024) - 0.5, torch.rand(case["rows"], 1024) - 0.5
    scale, shift = torch.rand(1024) - 0.5, torch.rand(1024) - 0.5
    if op == "copy":
        y = torch.empty_like(x)
        return {"eager": lambda: y.copy_(x)}
    eager = {
        "softmax": lambda: F.softmax(x, -1),
        "layer_norm": lambda: F.layer_norm(x, (1024,), scale, shift),
        "gelu": lambda: F.gelu(x + shift),
        "chain": lambda: F.relu(x * scale + shift + other),
    }[op]
    return {"eager": eager, "compiled": torch.compile(eager, dynamic=False)}


def turn(run, ms):
    run()
    start, runs = time.perf_counter(), 0
    while True:
        run()
        runs += 1
        elapsed = 1e3 * (time.perf_counter() - start)
        if elapsed >= ms:
            return elapsed / runs


def main():
    say(f"PyTorch {torch.__version__}")
    formats = []
    for line in sys.stdin:
        case = json.loads(line)
        if case["op"] == "time":
            say(turn(formats[case["format"]], case["ms"]))
            continue
        made = {"conv": conv, "matmul": matmul, "bmm": bmm}.get(case["op"], rows)(case)
        formats = list(made.values())
        # What is compiled when it is first called is not timed.
        for run in formats:
            run()
        say(list(made))


main()
