"""What the PyTorch sides of the comparisons share: how they time, and what they ran on."""
import importlib.metadata
import os
import statistics
import time

import torch

PRECISIONS = ("f32", "tf32", "bf16")


def add_options(parser):
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2, help="of the CPU")


def start(arguments):
    torch.set_num_threads(arguments.threads if arguments.device == "cpu" else os.cpu_count())
    torch.manual_seed(0)


def set_precision(precision):
    """How f32 matrices are multiplied from now on; returns the type that tensors should have. In bf16 all of a layer is
    in bf16, which is the fastest that PyTorch offers."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    return torch.bfloat16 if precision == "bf16" else torch.float32


class Stopwatch:
    """Milliseconds of work on a device. On a GPU with events, and with the second cache overwritten before each run; on
    the CPU with the clock, which for a single thread stops while another program has the core."""

    def __init__(self, device, threads=2):
        self.device = device
        self.clock = time.thread_time if threads == 1 else time.perf_counter
        if device == "cuda":
            self.cache = torch.empty(64 << 20, dtype=torch.int32, device=device)
            self.begin, self.end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def once(self, work, flush=True):
        if self.device == "cpu":
            start = self.clock()
            work()
            return (self.clock() - start) * 1e3
        if flush:
            self.cache.zero_()
        self.begin.record()
        work()
        self.end.record()
        self.end.synchronize()
        return self.begin.elapsed_time(self.end)

    def times(self, work, repetitions, warm_up=3, steps=1):
        """Median, least and greatest of the milliseconds of a step. With steps > 1, so many run without a pause, and
        without the cache overwritten: work() then takes another input each time."""
        def run():
            for _ in range(steps):
                work()
        for _ in range(warm_up):
            work()
        times = [self.once(run, flush=steps == 1) / steps for _ in range(repetitions)]
        return {"median_ms": statistics.median(times), "min_ms": min(times), "max_ms": max(times)}


def package_version(*names):
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            pass
    return "-"


def facts(device):
    result = {"torch": torch.__version__}
    if device == "cuda":
        cudnn = torch.backends.cudnn.version()
        result |= {"gpu": torch.cuda.get_device_name(), "cuda": torch.version.cuda,
                   "cublas": package_version("nvidia-cublas", f"nvidia-cublas-cu{torch.version.cuda.split('.')[0]}"),
                   "cudnn": f"{cudnn // 10000}.{cudnn // 100 % 100}.{cudnn % 100}"}
    return result
