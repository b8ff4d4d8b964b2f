#!/usr/bin/env python3
"""Trains the models of the README's table of results on MNIST, three seeds each, and prints the table.

  python3 benchmarks/mnist_results.py --data-dir DIR [--divvy build/release/bin/divvy] [--runs DIR] [--epochs 20]

DIR has the folder mnist with the four original files. A run that is there already (from a call before) is not repeated.
"""
import argparse
import json
import pathlib
import statistics
import subprocess

ROWS = [
    ("single network", ["--model", "single"]),
    ("soft mixture, 10 experts, importance 0.2", ["--model", "mixture", "--experts", "10", "--importance", "0.2"]),
    ("the same with Adam's own weight decay",
     ["--model", "mixture", "--experts", "10", "--importance", "0.2", "--optimizer", "adam"]),
    ("top-2 of 10 experts, sparse in training", ["--model", "top-k", "--k", "2", "--experts", "10"]),
    ("top-2 of 10 experts, importance 0.2", ["--model", "top-k", "--k", "2", "--experts", "10", "--importance", "0.2"]),
]


def spread(values, digits):
    return f"{statistics.mean(values):.{digits}f} ± {statistics.stdev(values):.{digits}f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--divvy", default="build/release/bin/divvy")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--runs", default="runs/mnist_results", help="folder of the runs")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments = parser.parse_args()
    print("| MNIST, 20 epochs | test accuracy % | I(expert; label) bits | I(expert; prediction) bits | experts used | "
          "FLOP a sample |")
    print("|---|---|---|---|---|---|")
    for number, (name, flags) in enumerate(ROWS):
        summaries = []
        for seed in arguments.seeds:
            run = pathlib.Path(arguments.runs) / f"{number}-seed-{seed}"
            if not (run / "summary.json").exists():
                subprocess.run([arguments.divvy, "train", "--data", "mnist", "--data-dir", arguments.data_dir, "--epochs",
                                str(arguments.epochs), "--seed", str(seed), "--run-dir", str(run), "--quiet", *flags],
                               check=True, stdout=subprocess.DEVNULL)
            summaries.append(json.loads((run / "summary.json").read_text(encoding="utf8")))

        def column(key):
            return [summary[key] for summary in summaries]

        gated = column("experts")[0] > 1
        used = sorted(set(column("experts_used")))
        print(f"| {name} | {spread([100 * a for a in column('test_accuracy')], 2)} | "
              f"{spread(column('mutual_information_label_bits'), 2) if gated else '-'} | "
              f"{spread(column('mutual_information_prediction_bits'), 2) if gated else '-'} | "
              f"{' to '.join(str(u) for u in (used if len(used) == 1 else [used[0], used[-1]])) if gated else '-'} | "
              f"{column('flops_per_sample_routed')[0]:,} |", flush=True)


if __name__ == "__main__":
    main()
