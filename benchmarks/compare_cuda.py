#!/usr/bin/env python3
"""Runs the benchmarks of divvy on a GPU and the same work in PyTorch on it by turns, and writes one Markdown table.

  python3 benchmarks/compare_cuda.py [--build build/cuda] [--python PYTHON] [--rounds 3] [--out results.md]

PYTHON has torch with CUDA. Each time is the median over the rounds of a round's median, with the least and the greatest;
a ratio is PyTorch's time over divvy's of the same round, so that above 1 divvy is the faster. The last column is the
share of what the device was measured to reach in the same run: of the bandwidth of a large copy, or of the rate of one
large product by cuBLAS in the same precision. --tiny --torch-device cpu tries all of it on a machine without a GPU, with
the build that emulates CUDA; its numbers mean nothing.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

PRECISIONS = ("f32", "tf32", "bf16")
HERE = pathlib.Path(__file__).parent

# Programs of divvy, which of their benchmarks, and the peers that run after them.
TURNS = [
    (["peak", "grouped_product", "dispatch", "optimizer", "softmax"],
     "^(copy|product|dense|forward|backward_input|backward_weight|dispatch_and_combine|route|route_and_sort|adam|"
     "softmax_forward)/",
     "kernels"),
    (["feed_forward"], "^layer_", "feed_forward"),
    (["small_stack"], ".", None),
    (["training_step"], "^(mixture|top_k)", "training_step"),
    (["training_step"], "^cifar10_", "training_step"),
]


class Work:
    """One benchmark of divvy: "name/size:value/...", and what it is compared with."""

    def __init__(self, text):
        name, *sizes = text.split("/")
        self.name = name
        self.sizes = {key: int(value) for key, value in (s.split(":") for s in sizes if ":" in s) if key != "iterations"}
        self.precision = PRECISIONS[self.sizes.pop("precision", 0)]
        self.numbers = ",".join(map(str, self.sizes.values()))

    def label(self):
        return f"{self.name.replace('_', ' ')}: " + ", ".join(f"{key} {value}" for key, value in self.sizes.items())

    def by_memory(self):
        return self.name in ("copy", "dispatch_and_combine", "route", "route_and_sort", "adam", "softmax_forward")

    def option(self):
        """The argument with which a peer runs the same, if it takes one: (option, value)."""
        exact = f"{self.numbers},{self.precision}"
        if self.name in ("forward", "backward_input", "backward_weight"):
            return "--grouped", exact
        if self.name.startswith("layer_"):
            return "--layers", exact
        if self.name == "product":
            return "--product", [f"{self.numbers},{p}" for p in PRECISIONS]
        return {"copy": "--copy", "dispatch_and_combine": "--dispatch", "route": "--route",
                "route_and_sort": "--route_and_sort", "adam": "--adam", "softmax_forward": "--softmax"}.get(self.name), self.numbers

    def peers(self):
        """(what PyTorch runs, where its result stands)."""
        option, _ = self.option()
        exact = f"{self.numbers},{self.precision}"
        if option == "--grouped":
            return [("one dense product (cuBLAS)", f"grouped/{exact}/dense"),
                    ("torch._grouped_mm", f"grouped/{exact}/{self.name}")]
        if option == "--layers":
            part = "/forward" if self.name == "layer_forward" else ""
            return [("torch._grouped_mm", f"{exact}/grouped_mm{part}"), ("gather loop", f"{exact}/gather{part}"),
                    ("all experts evaluated", f"{exact}/masked{part}")]
        if option == "--product":
            return [("torch.mm (cuBLAS)", f"product/{self.numbers},f32")]
        if option is not None:
            return [("eager", f"{option[2:]}/{self.numbers}")]
        step = self.name.replace("_", "-").removesuffix("-graph")
        return [("eager", step)] + [("CUDA graph", f"{step}-graph")] * self.name.endswith("_graph")


def run(command, threads, **settings):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), **settings)
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}\nfailed:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout or "{}")


def require_torch(arguments):
    if not shutil.which(arguments.python):
        sys.exit(f"there is no {arguments.python}; --python names one with torch for CUDA")
    look = "import sys, torch; sys.exit(0 if sys.argv[1] == 'cpu' or torch.cuda.is_available() else 'torch sees no GPU')"
    result = subprocess.run([arguments.python, "-c", look, arguments.torch_device], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{arguments.python}: {result.stderr.strip().splitlines()[-1]}; --python names one with torch for CUDA")


def run_ours(arguments, program, pattern):
    output = run([f"{arguments.build}/bin/divvy_{program}_benchmark", "--device=cuda", "--benchmark_format=json",
                  f"--benchmark_filter={pattern}"] + ["--tiny"] * arguments.tiny, os.cpu_count(),
                 OMP_WAIT_POLICY="passive")
    # Of the tiny ones some match nothing.
    return output.get("context", {}), {row["name"]: row for row in output.get("benchmarks", [])}


def run_theirs(arguments, peer, works):
    command = [arguments.python, str(HERE / f"pytorch_{peer}.py"), "--device", arguments.torch_device]
    if peer == "training_step":
        command += ["--network", "cifar10" if works[0].name.startswith("cifar10") else "mnist",
                    "--batch", str(works[0].sizes["batch"])]
    else:
        options = {}
        for work in works:
            option, values = work.option()
            if option is not None:
                options.setdefault(option, {}).update(dict.fromkeys([values] if isinstance(values, str) else values))
        for option, values in options.items():
            command += [option, *values]
    if arguments.tiny:
        command += ["--repetitions", "1"]
    output = run(command, os.cpu_count(), OMP_WAIT_POLICY="passive")
    results = {}
    for key, value in output.items():
        if isinstance(value, dict):
            results[key] = value
            if "forward" in value or "error" in value:
                results[f"{key}/forward"] = value.get("forward", value)
    return {key: value for key, value in output.items() if isinstance(value, str)}, results


def spread(values, digits):
    text = f"{statistics.median(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def milliseconds(values):
    middle = statistics.median(values)
    return spread(values, 4 if middle < .1 else 3 if middle < 1 else 2 if middle < 100 else 0)


def peaks(ours, theirs):
    """GB/s of a copy and, for each precision, GFLOP/s of a product; the better of both programs'."""
    result = {}
    for text, rows in ours.items():
        work = Work(text)
        if work.name == "copy":
            seconds = min(v["median_ms"] for v in theirs[f"copy/{work.numbers}"]) * 1e-3
            result["memory"] = max([row["GB/s"] for row in rows] + [2e-9 * work.sizes["bytes"] / seconds])
        elif work.name == "product":
            for precision in PRECISIONS:
                seconds = min(v["median_ms"] for v in theirs[f"product/{work.numbers},{precision}"]) * 1e-3
                result[precision] = 2e-9 * work.sizes["n"] ** 3 / seconds
            result["f32"] = max([result["f32"]] + [row["GFLOP/s"] for row in rows])
    return result


def table(ours, theirs):
    limits = peaks(ours, theirs)
    yield f"Measured limits: copy {limits['memory']:.0f} GB/s; product " + ", ".join(
        f"{limits[p] * 1e-3:.3g} TFLOP/s in {p}" for p in PRECISIONS) + "."
    yield ""
    yield "| work | precision | divvy ms | PyTorch | its ms | ratio (least to greatest) | share of the limit |"
    yield "|---|---|---|---|---|---|---|"
    for text, rows in ours.items():
        work = Work(text)
        times = [row["us"] * 1e-3 for row in rows]
        if work.by_memory():
            share = statistics.median(row["GB/s"] for row in rows) / limits["memory"]
        else:
            share = statistics.median(row["GFLOP/s"] for row in rows) / limits[work.precision]
        begin = f"| {work.label()} | {work.precision} | {milliseconds(times)} |"
        compared = [(peer, theirs[key]) for peer, key in work.peers() if key in theirs]
        for peer, results in compared or [("", None)]:
            if results is None:
                cells = "- | - |"
            elif "error" in results[0]:
                cells = f"{results[0]['error'][:60]} | - |"
            else:
                values = [result["median_ms"] for result in results]
                cells = f"{milliseconds(values)} | {spread([v / t for v, t in zip(values, times)], 2)} |"
            yield f"{begin} {peer} | {cells} {share:.0%} |"
            begin = "| | | |"


def driver():
    if not shutil.which("nvidia-smi"):
        return "no driver"
    text = subprocess.run(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"], capture_output=True,
                          text=True).stdout.split()
    return f"driver {text[0]}" if text else "no driver"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/cuda", help="its benchmarks are built by DIVVY_CUDA=ON")
    parser.add_argument("--python", default="python3", help="a Python that has torch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", help="a file for the table, which is printed in any case")
    parser.add_argument("--tiny", action="store_true", help="to see that all of it runs")
    parser.add_argument("--torch-device", choices=("cuda", "cpu"), default="cuda")
    arguments = parser.parse_args()
    if not list(pathlib.Path(arguments.build, "bin").glob("divvy_*_benchmark")):
        sys.exit(f"there are no benchmarks in {arguments.build}/bin; ./dev bench --cuda --once builds them")
    require_torch(arguments)
    ours, theirs, our_facts, their_facts = {}, {}, {}, {}
    for number in range(arguments.rounds):
        for programs, pattern, peer in TURNS:
            works = []
            for program in programs:
                print(f"round {number + 1}: divvy, {program}", file=sys.stderr, flush=True)
                facts, rows = run_ours(arguments, program, pattern)
                our_facts |= facts
                for name, row in rows.items():
                    ours.setdefault(name, []).append(row)
                    works.append(Work(name))
            if peer is not None and works:
                print(f"round {number + 1}: PyTorch, {peer}", file=sys.stderr, flush=True)
                their_facts, results = run_theirs(arguments, peer, works)
                for name, result in results.items():
                    theirs.setdefault(name, []).append(result)
    versions = [f"{our_facts.get('gpu')} (compute capability {our_facts.get('compute_capability')})", driver(),
                f"divvy with CUDA {our_facts.get('cuda')}, cuBLAS {our_facts.get('cublas', '-')}, cuDNN "
                f"{our_facts.get('cudnn', '-')}",
                f"PyTorch {their_facts['torch']} with CUDA {their_facts.get('cuda', '-')}, cuBLAS "
                f"{their_facts.get('cublas', '-')}, cuDNN {their_facts.get('cudnn', '-')}", f"{arguments.rounds} rounds"]
    lines = ["; ".join(versions) + ".", "", *table(ours, theirs)]
    if arguments.tiny:
        lines.insert(0, "Tiny sizes, to see that it runs: these are no measurements.\n")
    print("\n".join(lines))
    if arguments.out:
        pathlib.Path(arguments.out).write_text("\n".join(lines) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
