#!/usr/bin/env python3
"""The layers of benchmarks/feed_forward_benchmark.cpp in PyTorch: feed-forward experts, some of them for each sample,
forward and backward.

  python3 benchmarks/pytorch_feed_forward.py [--threads 2] [--repetitions 9]
  python3 benchmarks/pytorch_feed_forward.py --device cuda --layers 16384,8,1,1024,4096,bf16 32768,128,8,2048,768,tf32

Prints one JSON object: for each way of writing the layer the median, the least and the greatest time in milliseconds.
`gather` evaluates each expert on the rows that chose it, in a loop; `masked` evaluates every expert on every sample and
weights the results, most of them by zero; `grouped_mm` sorts the rows and multiplies those of all experts by
torch._grouped_mm. Without --layers: 16 experts 256-1024-256 with biases, 2,048 samples, two experts for each, and `gather-bf16`, which has
all tensors in bf16. --layers names samples, experts, experts of a sample, size, hidden size and precision of layers without biases.
"""
import argparse
import json

import torch
from torch import nn

import pytorch_timing


class Experts(nn.Module):
    def __init__(self, experts, size, hidden, bias=True, **kind):
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(size, hidden, bias, **kind), nn.ReLU(), nn.Linear(hidden, size, bias, **kind))
            for _ in range(experts))


class Gather(Experts):
    def forward(self, x, chosen, weights):
        output = torch.zeros_like(x)
        for index, expert in enumerate(self.experts):
            sample, slot = (chosen == index).nonzero(as_tuple=True)
            if sample.numel():
                output = output.index_add(0, sample, weights[sample, slot, None] * expert(x[sample]))
        return output


class Masked(Experts):
    def forward(self, x, chosen, weights):
        p = x.new_zeros(x.shape[0], len(self.experts)).scatter(1, chosen, weights)
        y = torch.stack([expert(x) for expert in self.experts], dim=1)
        return (p.unsqueeze(2) * y).sum(1)


class GroupedMm(nn.Module):
    def __init__(self, experts, size, hidden, bias=False, **kind):
        super().__init__()
        self.up = nn.Parameter(torch.randn(experts, size, hidden, **kind) * size**-.5)
        self.down = nn.Parameter(torch.randn(experts, hidden, size, **kind) * hidden**-.5)

    def forward(self, x, chosen, weights):
        k = chosen.shape[1]
        expert, order = chosen.flatten().sort(stable=True)
        # Unlike bincount, this does not wait for the device.
        ends = torch.searchsorted(expert, torch.arange(self.up.shape[0], device=expert.device), right=True, out_int32=True)
        hidden = torch.relu(torch._grouped_mm(x[order // k], self.up, offs=ends))
        rows = torch._grouped_mm(hidden, self.down, offs=ends)
        back = torch.empty_like(order)
        back[order] = torch.arange(order.numel(), device=order.device)
        return (weights.unsqueeze(2) * rows[back].view(-1, k, x.shape[1])).sum(1)


KINDS = {"gather": Gather, "masked": Masked, "grouped_mm": GroupedMm}


def layer_times(layer, samples, experts, k, size, kind, stopwatch, repetitions, warm_up=2):
    x = torch.randn(samples, size, **kind).requires_grad_()
    weights = torch.rand(samples, k, **kind).requires_grad_()
    chosen = torch.rand(samples, experts, device=x.device).topk(k, dim=1).indices
    dy = torch.randn(samples, size, **kind)

    def forward():
        with torch.no_grad():
            layer(x, chosen, weights)

    def step():
        layer.zero_grad()
        x.grad = weights.grad = None
        layer(x, chosen, weights).backward(dy)

    times = stopwatch.times(step, repetitions, warm_up)
    return times | {"forward": stopwatch.times(forward, repetitions, warm_up)}


def named_layers(layers, device, stopwatch, repetitions):
    results = {}
    for text in layers:
        *numbers, precision = text.split(",")
        samples, experts, k, size, hidden = map(int, numbers)
        kind = {"device": device, "dtype": pytorch_timing.set_precision(precision)}
        for name, make in KINDS.items():
            if name == "masked" and k > 1:  # as many operations as for k = 1
                continue
            few = name == "masked" and experts > 8
            try:
                results[f"{text}/{name}"] = layer_times(make(experts, size, hidden, bias=False, **kind), samples, experts,
                                                        k, size, kind, stopwatch, 2 if few else repetitions, 1)
            except (torch.cuda.OutOfMemoryError, NotImplementedError, RuntimeError) as error:
                results[f"{text}/{name}"] = {"error": str(error).splitlines()[0]}
            if device == "cuda":
                torch.cuda.empty_cache()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pytorch_timing.add_options(parser)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--masked-repetitions", type=int, default=2)
    parser.add_argument("--experts", type=int, default=16)
    parser.add_argument("--batch", type=int, default=2048)
    parser.add_argument("--layers", nargs="+", metavar="SAMPLES,EXPERTS,K,SIZE,HIDDEN,PRECISION")
    arguments = parser.parse_args()
    pytorch_timing.start(arguments)
    stopwatch = pytorch_timing.Stopwatch(arguments.device, arguments.threads)
    results = pytorch_timing.facts(arguments.device) | {"threads": arguments.threads}
    if arguments.layers:
        results |= named_layers(arguments.layers, arguments.device, stopwatch, arguments.repetitions)
    else:
        for name, repetitions, dtype in (("gather", arguments.repetitions, torch.float32),
                                         ("gather-bf16", arguments.repetitions, torch.bfloat16),
                                         ("masked", arguments.masked_repetitions, torch.float32)):
            kind = {"device": arguments.device, "dtype": dtype}
            layer = KINDS[name.split("-")[0]](arguments.experts, 256, 1024, **kind)
            results[name] = layer_times(layer, arguments.batch, arguments.experts, 2, 256, kind, stopwatch, repetitions)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
