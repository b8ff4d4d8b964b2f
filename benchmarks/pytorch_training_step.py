#!/usr/bin/env python3
"""The training step of benchmarks/training_step_benchmark.cpp in PyTorch: the MNIST networks, batch 512, Adam.

  python3 benchmarks/pytorch_training_step.py [--threads 2] [--repetitions 15] [--experts 10]

Prints one JSON object: for each model the median, the least and the greatest time of a step in milliseconds. The soft
mixture is written as users write it: one module for each expert, all of them evaluated; top-2 gathers the rows of each
expert, and evaluates only those.
"""
import argparse
import json
import statistics
import time

import torch
from torch import nn


def expert(classes=10):
    return nn.Sequential(
        nn.Conv2d(1, 1, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(169, 5), nn.ReLU(), nn.Linear(5, 32),
        nn.ReLU(), nn.Linear(32, classes), nn.Softmax(dim=1))


def gate(experts):
    return nn.Sequential(
        nn.Conv2d(1, 1, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(169, 128), nn.ReLU(),
        nn.Linear(128, 32), nn.ReLU(), nn.Linear(32, experts))


class SoftMixture(nn.Module):
    def __init__(self, experts):
        super().__init__()
        self.gate = gate(experts)
        self.experts = nn.ModuleList([expert() for _ in range(experts)])

    def forward(self, x):
        p = torch.softmax(self.gate(x), dim=1)
        y = torch.stack([e(x) for e in self.experts], dim=1)
        return (p.unsqueeze(2) * y).sum(1), p


class TopK(SoftMixture):
    k = 2

    def forward(self, x):
        scores, chosen = self.gate(x).topk(self.k, dim=1)
        weights = torch.softmax(scores, dim=1)
        output = x.new_zeros(x.shape[0], 10)
        for index, e in enumerate(self.experts):
            sample, slot = (chosen == index).nonzero(as_tuple=True)
            if sample.numel():
                output = output.index_add(0, sample, weights[sample, slot, None] * e(x[sample]))
        return output, weights


def step_time(model, batch, repetitions):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
    x, labels = torch.randn(batch, 1, 28, 28), torch.randint(0, 10, (batch,))

    def step():
        optimizer.zero_grad()
        output, p = model(x)
        loss = nn.functional.nll_loss(torch.log(output + 1e-15), labels)
        if isinstance(model, SoftMixture) and not isinstance(model, TopK):
            mass = p.sum(0)
            loss = loss + 0.2 * mass.var() / mass.mean() ** 2
        loss.backward()
        optimizer.step()

    for _ in range(3):
        step()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1e3)
    return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--experts", type=int, default=10)
    parser.add_argument("--batch", type=int, default=512)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    results = {"torch": torch.__version__, "threads": arguments.threads}
    for name, kind in (("mixture", SoftMixture), ("top-k", TopK)):
        results[name] = step_time(kind(arguments.experts), arguments.batch, arguments.repetitions)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
