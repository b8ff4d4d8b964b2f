#!/usr/bin/env python3
"""The training step of benchmarks/training_step_benchmark.cpp in PyTorch, with Adam: the MNIST networks with batches of
512 and those for CIFAR-10 with batches of 256.

  python3 benchmarks/pytorch_training_step.py [--threads 2] [--repetitions 15] [--experts 10] [--network cifar10]

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


def photograph_features(channels):
    """Four convolutions with a pool behind each; the second and the fourth have batch norm."""
    layers, before = [], 3
    for i, after in enumerate(channels):
        layers.append(nn.Conv2d(before, after, 3, padding=1, bias=i % 2 == 0))
        if i % 2 == 1:
            layers.append(nn.BatchNorm2d(after))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
        before = after
    return layers + [nn.Flatten()]


def photograph_expert(classes=10):
    return nn.Sequential(*photograph_features([4, 8, 16, 16]), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(),
                         nn.Linear(32, classes), nn.Softmax(dim=1))


def photograph_gate(experts):
    return nn.Sequential(*photograph_features([64, 128, 256, 256]), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 32),
                         nn.ReLU(), nn.Linear(32, experts))


# gate, expert, shape of a sample, samples of a batch, prefix of the names
NETWORKS = {
    "mnist": (gate, expert, (1, 28, 28), 512, ""),
    "cifar10": (photograph_gate, photograph_expert, (3, 32, 32), 256, "cifar10-"),
}


class SoftMixture(nn.Module):
    def __init__(self, make_gate, make_expert, experts):
        super().__init__()
        self.gate = make_gate(experts)
        self.experts = nn.ModuleList([make_expert() for _ in range(experts)])

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


def step_time(model, batch, sample, repetitions):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
    x, labels = torch.randn(batch, *sample), torch.randint(0, 10, (batch,))

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
    parser.add_argument("--network", choices=NETWORKS, default="mnist")
    parser.add_argument("--batch", type=int, help="512, or 256 for CIFAR-10")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    results = {"torch": torch.__version__, "threads": arguments.threads}
    make_gate, make_expert, sample, batch, prefix = NETWORKS[arguments.network]
    for name, kind in (("mixture", SoftMixture), ("top-k", TopK)):
        model = kind(make_gate, make_expert, arguments.experts)
        results[prefix + name] = step_time(model, arguments.batch or batch, sample, arguments.repetitions)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
