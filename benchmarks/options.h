#pragma once

#include "tensor/device.h"

namespace divvy::bench {

/// What the command line asked for, beside the options of Google Benchmark.
struct Options {
  Device device;      ///< --device cpu (the default) or cuda
  bool tiny = false;  ///< --tiny: sizes at which everything runs in a moment, to see that it does
};

const Options& options();

/// Each program defines it; called once the options are known.
void register_benchmarks();

}  // namespace divvy::bench
