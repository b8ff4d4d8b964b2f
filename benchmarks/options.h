#pragma once

#include "tensor/device.h"

namespace divvy::bench {

/// The options of the command line other than those of Google Benchmark.
struct Options {
  Device device;      ///< --device cpu (the default) or cuda
  bool tiny = false;  ///< --tiny: sizes at which everything runs in a moment, as a smoke test
};

const Options& options();

/// Each program defines it; it is called once the options are known.
void register_benchmarks();

}  // namespace divvy::bench
