#!/usr/bin/env python3
"""The layer of benchmarks/feed_forward_benchmark.cpp in PyTorch: 16 experts 256-1024-256, 2,048 samples, two experts for
each, forward and backward.

  python3 benchmarks/pytorch_feed_forward.py [--threads 2] [--repetitions 9]

Prints one JSON object: for each way of writing the layer the median, the least and the greatest time in milliseconds.
`gather` evaluates each expert on the rows that chose it, in a loop; `masked` evaluates every expert on every sample and
weights the results, most of them by zero.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn


class Experts(nn.Module):
    def __init__(self, experts, size, hidden):
        super().__init__()
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, size)) for _ in range(experts))


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


def step_time(layer, batch, experts, size, repetitions, clock):
    x = torch.randn(batch, size, requires_grad=True)
    weights = torch.rand(batch, 2, requires_grad=True)
    chosen = torch.rand(batch, experts).topk(2, dim=1).indices
    dy = torch.randn(batch, size)

    def step():
        layer.zero_grad()
        x.grad = weights.grad = None
        layer(x, chosen, weights).backward(dy)

    for _ in range(2):
        step()
    times = []
    for _ in range(repetitions):
        start = clock()
        step()
        times.append((clock() - start) * 1e3)
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--masked-repetitions", type=int, default=2)
    parser.add_argument("--experts", type=int, default=16)
    parser.add_argument("--batch", type=int, default=2048)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    # As in benchmarks/peak.h: for a single thread, a clock that stops while another program has the core.
    clock = time.thread_time if arguments.threads == 1 else time.perf_counter
    results = {"torch": torch.__version__, "threads": arguments.threads}
    for name, kind, repetitions in (("gather", Gather, arguments.repetitions),
                                    ("masked", Masked, arguments.masked_repetitions)):
        layer = kind(arguments.experts, 256, 1024)
        results[name] = step_time(layer, arguments.batch, arguments.experts, 256, repetitions, clock)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
