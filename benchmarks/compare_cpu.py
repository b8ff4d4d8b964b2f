#!/usr/bin/env python3
"""Runs the benchmarks of divvy on the CPU and the same work in PyTorch by turns, and writes Markdown tables.

  python3 benchmarks/compare_cpu.py [--build build/release] [--python PYTHON] [--rounds 3] [--threads 2] [--out results.md]

PYTHON has torch; `--parts` chooses among steps on MNIST, on CIFAR-10, feed-forward layers, and what is measured against
the machine alone. Each round measures one program after the other, so that a machine that slows down slows both: a ratio
is the median over the rounds of PyTorch's time over divvy's, with the least and the greatest. The share is that of
counted operations in the rate of multiply-adds which is measured between the runs.
"""
import argparse
import pathlib
import platform
import statistics
import sys

from compare_cuda import HERE, milliseconds, require_torch, run, spread

STEP = "training_step"
# part: (program, pattern of its benchmarks, arguments of the peer, [(name, its benchmark, [(peer, its key)])])
PEERS = {
    "mnist": (STEP, "^(mixture|top_k)/", ["--network", "mnist", "--compile"], [
        ("step, 10 MNIST experts, batch 512: soft mixture", "mixture/",
         [("eager", "mixture"), ("torch.compile", "mixture-compiled")]),
        ("step, 10 MNIST experts, batch 512: top-2", "top_k/",
         [("gather loop", "top-k"), ("all evaluated, masked", "top-k-masked"),
          ("all, masked, torch.compile", "top-k-masked-compiled")]),
    ]),
    "cifar10": (STEP, "^cifar10_", ["--network", "cifar10", "--repetitions", "3"], [
        ("step, 10 CIFAR-10 experts, batch 256: soft mixture", "cifar10_mixture/", [("eager", "cifar10-mixture")]),
        ("step, 10 CIFAR-10 experts, batch 256: top-2", "cifar10_top_k/",
         [("gather loop", "cifar10-top-k"), ("all evaluated, masked", "cifar10-top-k-masked")]),
    ]),
    "feed-forward": ("feed_forward", "^feed_forward(_bf16)?/threads:{threads}/", [], [
        ("layer, 16 experts 256-1024-256, top-2, 2,048 samples", "feed_forward/",
         [("gather loop", "gather"), ("all evaluated, masked", "masked")]),
        ("the same with products in bf16", "feed_forward_bf16/", [("gather loop, all in bf16", "gather-bf16")]),
    ]),
}
ALONE = [
    ("peak", "."),
    ("feed_forward", "^(cost_law|feed_forward)/"),
    ("dispatch", "^(dispatch_and_combine|gather_rows|combine|combine_backward_rows)/"),
    ("optimizer", "."),
]


def processor():
    for line in open("/proc/cpuinfo", encoding="utf8"):
        if line.startswith("model name"):
            return line.split(": ")[1].strip()
    return platform.processor()


def run_ours(arguments, program, pattern):
    output = run([f"{arguments.build}/bin/divvy_{program}_benchmark", "--benchmark_format=json",
                  f"--benchmark_filter={pattern}", f"--benchmark_min_time={arguments.seconds}"], arguments.threads)
    return {row["name"].removesuffix("/manual_time"): row for row in output["benchmarks"]}


def add(results, rows):
    for name, row in rows.items():
        results.setdefault(name, []).append(row)


def ratios(ours, theirs):
    return spread([t / o for t, o in zip(theirs, ours)], 1)


def peer_table(parts, ours, theirs):
    yield "| forward, backward, update | divvy ms | share of peak | PyTorch | its ms | ratio (least to greatest) |"
    yield "|---|---|---|---|---|---|"
    for part in parts:
        for title, benchmark, peers in PEERS[part][3]:
            rows = next((rows for name, rows in ours.items() if name.startswith(benchmark)), None)
            if rows is None:  # as bf16 where the machine has none
                continue
            times = [row["us"] * 1e-3 for row in rows]
            begin = f"| {title} | {milliseconds(times)} | {statistics.median(row['share_of_peak'] for row in rows):.0%} |"
            for peer, key in peers:
                if key in theirs:
                    values = [result["median_ms"] for result in theirs[key]]
                    yield f"{begin} {peer} | {milliseconds(values)} | {ratios(times, values)} |"
                    begin = "| | | |"


def median(rows, key="us"):
    return statistics.median(row[key] for row in rows)


def sizes(name):
    return dict(part.split(":") for part in name.split("/")[1:])


def alone_tables(results):
    laws = {tuple(map(int, sizes(name).values())): median(rows) for name, rows in results.items() if
            name.startswith("cost_law/")}
    yield "| experts 64-128-64, 4,096 samples, ms | " + " | ".join(
        f"{e} experts" for e, k in sorted(laws) if k == 2) + " |"
    yield "|---" * (1 + sum(k == 2 for _, k in laws)) + "|"
    for k in sorted({k for _, k in laws}):
        cells = [f"{laws[e, k] * 1e-3:.2f} ({laws[e, k] / laws[8, k]:.2f}x)" if (e, k) in laws else ""
                 for e, two in sorted(laws) if two == 2]
        yield f"| {k} of them for each sample | {' | '.join(cells)} |"
    yield ""
    threads = {int(sizes(name)["threads"]): rows for name, rows in results.items() if name.startswith("feed_forward/")}
    yield "| layer, 16 experts 256-1024-256 | " + " | ".join(f"{n} threads" for n in sorted(threads)) + " |"
    yield "|---" * (1 + len(threads)) + "|"
    yield "| ms | " + " | ".join(milliseconds([row["us"] * 1e-3 for row in threads[n]]) for n in sorted(threads)) + " |"
    yield ""
    yield "| beside a copy of the same bytes | us | times a copy (least to greatest) |"
    yield "|---|---|---|"
    for name, rows in results.items():
        if "times_a_copy" in rows[0] and not name.startswith("copy/"):
            of = ", ".join(f"{key} {value}" for key, value in sizes(name).items())
            yield (f"| {name.split('/')[0].replace('_', ' ')}: {of} | {median(rows):.0f} | "
                   f"{spread([row['times_a_copy'] for row in rows], 2)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--python", default="python3", help="a Python that has torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5, help="the least time of each benchmark of divvy in a round")
    parser.add_argument("--parts", nargs="+", choices=[*PEERS, "alone"], default=[*PEERS, "alone"])
    parser.add_argument("--out", help="a file for the tables, which are printed in any case")
    arguments = parser.parse_args()
    arguments.torch_device = "cpu"
    if not list(pathlib.Path(arguments.build, "bin").glob("divvy_*_benchmark")):
        sys.exit(f"there are no benchmarks in {arguments.build}/bin; ./dev bench --once builds them")
    parts = [part for part in PEERS if part in arguments.parts]
    if parts:
        require_torch(arguments)
    ours, theirs, alone, torch = {}, {}, {}, "-"
    for number in range(arguments.rounds):
        for part in parts:
            print(f"round {number + 1}: {part}", file=sys.stderr, flush=True)
            program, pattern, options, _ = PEERS[part]
            add(ours, run_ours(arguments, program, pattern.format(threads=arguments.threads)))
            output = run([arguments.python, str(HERE / f"pytorch_{program}.py"), "--threads", str(arguments.threads),
                          *options], arguments.threads)
            torch = output["torch"]
            add(theirs, {key: value for key, value in output.items() if isinstance(value, dict)})
        for program, pattern in ALONE if "alone" in arguments.parts else []:
            print(f"round {number + 1}: {program}", file=sys.stderr, flush=True)
            add(alone, run_ours(arguments, program, pattern))
    peak = statistics.median(row["GFLOP/s"] / row["share_of_peak"] for rows in [*ours.values(), *alone.values()]
                             for row in rows if "share_of_peak" in row)
    facts = [processor(), f"{arguments.threads} threads", f"measured peak {peak:.0f} GFLOP/s", f"PyTorch {torch}",
             f"{arguments.rounds} rounds"]
    lines = ["; ".join(facts) + ".", ""]
    if parts:
        lines += [*peer_table(parts, ours, theirs), ""]
    if alone:
        lines += alone_tables(alone)
    print("\n".join(lines))
    if arguments.out:
        pathlib.Path(arguments.out).write_text("\n".join(lines) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
