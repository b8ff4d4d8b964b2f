#!/usr/bin/env python3
"""Single operations in PyTorch, as the benchmarks of divvy's kernels have them: copies and large products, which tell
what the device can do, products of experts' rows, softmax, dispatch, Adam.

  python3 benchmarks/pytorch_kernels.py --device cuda --copy 1073741824 --product 8192 \\
      --grouped 16384,8,1,1024,4096,bf16 --softmax 8192,64 --dispatch 16384,1024,8 --adam 67108864

Prints one JSON object: "<operation>/<its numbers>" with the median, the least and the greatest time in milliseconds.
"product" is one product of square matrices in each precision; "dense" one of as many operations as "grouped" has, and
"grouped" is torch._grouped_mm on rows that are sorted and gathered already, forward, for its input and for its weights.
"""
import argparse
import json

import torch

import pytorch_timing


def copy(device, size):
    a, b = (torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2))
    return {"": lambda: b.copy_(a)}


def product(device, n, precision):
    a, b, c = (torch.randn(n, n, device=device).to(pytorch_timing.set_precision(precision)) for _ in range(3))
    return {"": lambda: torch.mm(a, b.t(), out=c)}


def grouped(device, samples, experts, k, inputs, outputs, precision):
    kind = {"device": device, "dtype": pytorch_timing.set_precision(precision)}
    rows = samples * k
    x, dy = torch.randn(rows, inputs, **kind), torch.randn(rows, outputs, **kind)
    weight = torch.randn(experts, outputs, inputs, **kind)
    chosen = torch.rand(samples, experts, device=device).topk(k, dim=1).indices
    ends = chosen.flatten().bincount(minlength=experts).cumsum(0).to(torch.int32)
    return {
        "dense": lambda: torch.mm(x, weight[0].t()),
        "forward": lambda: torch._grouped_mm(x, weight.transpose(1, 2), offs=ends),
        "backward_input": lambda: torch._grouped_mm(dy, weight, offs=ends),
        "backward_weight": lambda: torch._grouped_mm(dy.t(), x, offs=ends),
    }


def softmax(device, rows, cols):
    x = torch.randn(rows, cols, device=device)
    return {"": lambda: torch.softmax(x, dim=1)}


def dispatch(device, samples, features, experts, k=2):
    x = torch.randn(samples, features, device=device)
    weights, chosen = torch.rand(samples, experts, device=device).topk(k, dim=1)

    def work():
        _, order = chosen.flatten().sort(stable=True)
        rows = x[order // k]
        back = torch.empty_like(order)
        back[order] = torch.arange(order.numel(), device=device)
        return (weights.unsqueeze(2) * rows[back].view(samples, k, features)).sum(1)

    return {"": work}


def route(device, samples, features, experts, k=2):
    scores = torch.randn(samples, experts, device=device)

    def work():
        values, chosen = scores.topk(k, dim=1)
        weights = torch.softmax(values, dim=1)
        return torch.zeros_like(scores).scatter(1, chosen, weights), chosen, weights

    return {"": work}


def route_and_sort(device, samples, features, experts, k=2):
    choose = route(device, samples, features, experts, k)[""]

    def work():
        _, chosen, weights = choose()
        expert, order = chosen.flatten().sort(stable=True)
        ends = torch.searchsorted(expert, torch.arange(experts, device=device), right=True)
        back = torch.empty_like(order)
        back[order] = torch.arange(order.numel(), device=device)
        return ends, order // k, back, weights

    return {"": work}


def adam(device, count):
    parameter = torch.nn.Parameter(torch.randn(count, device=device))
    parameter.grad = torch.randn_like(parameter)
    optimizer = torch.optim.Adam([parameter], lr=1e-3, fused=True)
    return {"": optimizer.step}


OPERATIONS = {"copy": copy, "product": product, "grouped": grouped, "softmax": softmax, "dispatch": dispatch,
              "route": route, "route_and_sort": route_and_sort, "adam": adam}


def number(text):
    return text if text in pytorch_timing.PRECISIONS else int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pytorch_timing.add_options(parser)
    parser.add_argument("--repetitions", type=int, default=25)
    for name in OPERATIONS:
        parser.add_argument(f"--{name}", nargs="+", default=[], metavar="NUMBERS")
    arguments = parser.parse_args()
    pytorch_timing.start(arguments)
    stopwatch = pytorch_timing.Stopwatch(arguments.device)
    results = pytorch_timing.facts(arguments.device)
    with torch.no_grad():
        for operation, make in OPERATIONS.items():
            for text in getattr(arguments, operation):
                for part, work in make(arguments.device, *map(number, text.split(","))).items():
                    name = "/".join(filter(None, (operation, text, part)))
                    try:
                        results[name] = stopwatch.times(work, arguments.repetitions)
                    except RuntimeError as error:
                        results[name] = {"error": str(error).splitlines()[0]}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
