#!/usr/bin/env python3
"""Runs a layer of feed-forward experts in divvy and in PyTorch by turns, and prints the ratio of their times.

  python3 benchmarks/compare_feed_forward.py --divvy build/release/bin/divvy_feed_forward_benchmark \\
      --python /path/to/a/python3/with/torch [--rounds 5] [--threads 2]

Each round measures one after the other, so that a machine that slows down slows both; the ratio is the median over the
rounds of PyTorch's median time over divvy's.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess

from compare_training_step import processor


def divvy_layer(program, threads):
    text = subprocess.run([program, "--benchmark_format=json", f"--benchmark_filter=feed_forward/threads:{threads}/",
                           "--benchmark_min_time=0.5"],
                          env=dict(os.environ, OMP_NUM_THREADS=str(threads)), capture_output=True, check=True,
                          text=True).stdout
    row = json.loads(text)["benchmarks"][0]
    return row["us"] * 1e-3, row["share_of_peak"]


def torch_layer(python, threads):
    script = pathlib.Path(__file__).with_name("pytorch_feed_forward.py")
    text = subprocess.run([python, str(script), "--threads", str(threads)], capture_output=True, check=True,
                          text=True).stdout
    return json.loads(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--divvy", required=True, help="the program divvy_feed_forward_benchmark")
    parser.add_argument("--python", default="python3", help="a Python that has torch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2, choices=(1, 2, 4))
    arguments = parser.parse_args()
    ours, shares, theirs, version = [], [], {}, ""
    for _ in range(arguments.rounds):
        milliseconds, share = divvy_layer(arguments.divvy, arguments.threads)
        ours.append(milliseconds)
        shares.append(share)
        measured = torch_layer(arguments.python, arguments.threads)
        version = measured["torch"]
        for name in ("gather", "masked"):
            theirs.setdefault(name, []).append(measured[name]["median_ms"])
    print(f"{processor()}, {arguments.threads} threads, PyTorch {version}, {arguments.rounds} rounds; divvy reaches "
          f"{statistics.median(shares):.0%} of the measured peak\n")
    print("| 16 experts 256-1024-256, top-2, batch 2048 | divvy ms | PyTorch ms | ratio (least to greatest) |")
    print("|---|---|---|---|")
    for name, values in theirs.items():
        ratios = [t / o for t, o in zip(values, ours)]
        print(f"| {name} | {statistics.median(ours):.1f} | {statistics.median(values):.0f} | "
              f"{statistics.median(ratios):.1f}x ({min(ratios):.1f} to {max(ratios):.1f}) |")


if __name__ == "__main__":
    main()
