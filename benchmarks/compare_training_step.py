#!/usr/bin/env python3
"""Runs the training step of divvy and of PyTorch by turns, and prints the ratio of their times as a Markdown table.

  python3 benchmarks/compare_training_step.py --divvy build/release/bin/divvy_training_step_benchmark \\
      --python /path/to/a/python3/with/torch [--rounds 7] [--threads 2] [--network cifar10]

Each round measures one after the other, so that a machine that slows down slows both; the ratio is the median over the
rounds of PyTorch's median time over divvy's.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess


# What is measured of each network: a pattern of divvy's benchmarks, PyTorch's repetitions, and the line of the table.
NETWORKS = {
    "mnist": ("^(mixture|top_k)/", 15, "10 MNIST experts, batch 512"),
    "cifar10": ("^cifar10_", 5, "10 CIFAR-10 experts, batch 256"),
}


def divvy_times(program, threads, pattern):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    text = subprocess.run([program, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_min_time=0.1",
                           f"--benchmark_filter={pattern}"],
                          env=environment, capture_output=True, check=True, text=True).stdout
    times = {}
    for row in json.loads(text)["benchmarks"]:
        if row.get("aggregate_name") == "median":
            times[row["name"].split("/")[0].replace("_", "-")] = row["real_time"]
    return times


def torch_times(python, threads, network, repetitions):
    script = pathlib.Path(__file__).with_name("pytorch_training_step.py")
    text = subprocess.run([python, str(script), "--threads", str(threads), "--network", network,
                           "--repetitions", str(repetitions)], capture_output=True, check=True, text=True).stdout
    return json.loads(text)


def processor():
    for line in open("/proc/cpuinfo", encoding="utf8"):
        if line.startswith("model name"):
            return line.split(": ")[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--divvy", required=True, help="the program divvy_training_step_benchmark")
    parser.add_argument("--python", default="python3", help="a Python that has torch")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", choices=NETWORKS, default="mnist")
    arguments = parser.parse_args()
    pattern, repetitions, title = NETWORKS[arguments.network]
    ours, theirs, version = {}, {}, ""
    for _ in range(arguments.rounds):
        for name, value in divvy_times(arguments.divvy, arguments.threads, pattern).items():
            ours.setdefault(name, []).append(value)
        measured = torch_times(arguments.python, arguments.threads, arguments.network, repetitions)
        version = measured["torch"]
        for name in ours:
            theirs.setdefault(name, []).append(measured[name]["median_ms"])
    print(f"{processor()}, {arguments.threads} threads, PyTorch {version}, {arguments.rounds} rounds\n")
    print(f"| training step, {title} | divvy ms | PyTorch ms | ratio (least to greatest) |")
    print("|---|---|---|---|")
    for name, values in theirs.items():
        ratios = [t / o for t, o in zip(values, ours[name])]
        print(f"| {name} | {statistics.median(ours[name]):.2f} | {statistics.median(values):.1f} | "
              f"{statistics.median(ratios):.1f}x ({min(ratios):.1f} to {max(ratios):.1f}) |")


if __name__ == "__main__":
    main()
