// The main function of every benchmark: parses its own options and passes the others to Google Benchmark.

#include <benchmark/benchmark.h>

#include <cstdio>
#include <exception>
#include <string_view>

#include "benchmarks/device_timer.h"
#include "benchmarks/options.h"

namespace divvy::bench {

namespace {

Options chosen;

/// Removes --device and --tiny from the arguments. Returns false, with a message, for an absent device.
bool take_options(int& count, char** arguments) {
  int kept = 1;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--tiny") {
      chosen.tiny = true;
    } else if (argument == "--device=cuda" || argument == "--device=cpu") {
      chosen.device = argument == "--device=cuda" ? Device::cuda() : Device::cpu();
    } else {
      arguments[kept++] = arguments[i];
    }
  }
  count = kept;
  if (chosen.device.is_cpu() || cuda_device_count() > 0) return true;
  std::fputs("there is no CUDA device, or this build has no CUDA\n", stderr);
  return false;
}

}  // namespace

const Options& options() { return chosen; }

}  // namespace divvy::bench

int main(int argc, char** argv) {
  using namespace divvy::bench;
  if (!take_options(argc, argv)) return 1;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  try {
    if (options().device.is_cuda()) {
      for (const auto& [key, value] : device_facts(options().device)) benchmark::AddCustomContext(key, value);
    }
    register_benchmarks();
    benchmark::RunSpecifiedBenchmarks();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  benchmark::Shutdown();
  return 0;
}
