#!/usr/bin/env python3
"""The training step of benchmarks/training_step_benchmark.cpp in PyTorch, with Adam: the MNIST networks with batches of
512 and those for CIFAR-10 with batches of 256.

  python3 benchmarks/pytorch_training_step.py [--threads 2] [--repetitions 15] [--experts 10] [--network cifar10]
                                              [--compile] [--device cuda] [--batch 512]

Prints one JSON object: for each model the median, the least and the greatest time of a step in milliseconds. The soft
mixture is written as users write it: one module for each expert, all of them evaluated; "top-k" gathers the rows of each
expert, and evaluates only those; "top-k-masked" evaluates all and weights most by zero. --compile adds "-compiled" ones,
whose forward and backward are made by torch.compile. On a GPU a batch is there already, another one for each of ten steps without a pause,
and the names with "-graph" are the same step as one CUDA graph; since a loop that gathers rows waits for their number,
top-2 evaluates and masks all experts in it.
"""
import argparse
import json

import torch
from torch import nn

import pytorch_timing


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


class MaskedTopK(SoftMixture):
    k = 2

    def forward(self, x):
        scores, chosen = self.gate(x).topk(self.k, dim=1)
        weights = torch.softmax(scores, dim=1)
        p = torch.zeros(x.shape[0], len(self.experts), device=x.device).scatter(1, chosen, weights)
        y = torch.stack([e(x) for e in self.experts], dim=1)
        return (p.unsqueeze(2) * y).sum(1), weights


class Training:
    """A model, its optimizer and its batches. step() is one step on the next batch."""

    def __init__(self, model, batch, sample, device, batches, capturable=False, compiled=False):
        self.model = model.to(device)
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3, capturable=capturable)
        self.batches = [(torch.randn(batch, *sample, device=device), torch.randint(0, 10, (batch,), device=device))
                        for _ in range(batches)]
        self.next = 0

    def batch(self):
        self.next = (self.next + 1) % len(self.batches)
        return self.batches[self.next]

    def step_on(self, x, labels):
        self.optimizer.zero_grad()
        output, p = self.forward(x)
        loss = nn.functional.nll_loss(torch.log(output + 1e-15), labels)
        if type(self.model) is SoftMixture:
            mass = p.sum(0)
            loss = loss + 0.2 * mass.var() / mass.mean() ** 2
        loss.backward()
        self.optimizer.step()

    def step(self):
        self.step_on(*self.batch())


class CompiledTraining(Training):
    def __init__(self, *arguments):
        super().__init__(*arguments, compiled=True)


class GraphTraining(Training):
    """The step as a CUDA graph, whose batch is copied to where the graph reads it."""

    def __init__(self, *arguments):
        super().__init__(*arguments, capturable=True)
        self.x, self.labels = (t.clone() for t in self.batches[0])
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                self.step_on(self.x, self.labels)
        torch.cuda.current_stream().wait_stream(stream)
        self.optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.step_on(self.x, self.labels)

    def step(self):
        x, labels = self.batch()
        self.x.copy_(x)
        self.labels.copy_(labels)
        self.graph.replay()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pytorch_timing.add_options(parser)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--experts", type=int, default=10)
    parser.add_argument("--network", choices=NETWORKS, default="mnist")
    parser.add_argument("--batch", type=int, help="512, or 256 for CIFAR-10")
    parser.add_argument("--compile", action="store_true", help="also by torch.compile")
    arguments = parser.parse_args()
    pytorch_timing.start(arguments)
    device = arguments.device
    stopwatch = pytorch_timing.Stopwatch(device)
    batches, steps = (8, 10) if device == "cuda" else (1, 1)
    results = pytorch_timing.facts(device) | {"threads": arguments.threads}
    make_gate, make_expert, sample, batch, prefix = NETWORKS[arguments.network]
    kinds = [("mixture", SoftMixture, Training), ("top-k", TopK, Training)]
    if device == "cuda":
        kinds += [("mixture-graph", SoftMixture, GraphTraining), ("top-k-graph", MaskedTopK, GraphTraining)]
    else:
        kinds += [("top-k-masked", MaskedTopK, Training)]
    if arguments.compile:
        kinds += [("mixture-compiled", SoftMixture, CompiledTraining),
                  ("top-k-masked-compiled", MaskedTopK, CompiledTraining)]
    for name, kind, training in kinds:
        model = kind(make_gate, make_expert, arguments.experts)
        work = training(model.to(device), arguments.batch or batch, sample, device, batches)
        results[prefix + name] = stopwatch.times(work.step, arguments.repetitions, warm_up=3, steps=steps)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
