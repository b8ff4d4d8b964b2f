#pragma once

#include <algorithm>
#include <vector>

#include "kernels/cpu/product/row_panels.h"
#include "kernels/cpu/small_stack/unit.h"
#include "kernels/small_stack.h"

/// How small_stack.cpp lays out memory and cuts the work; nothing of it depends on the number of threads.
namespace divvy::kernels::cpu {

constexpr int64_t tiles_of(int64_t rows, int64_t lanes) { return (rows + lanes - 1) / lanes; }

/// The layers with all sizes, and where a tile's results lie.
struct StackPlan {
  std::vector<StackLayer> layers;
  int64_t input_size = 0;    ///< features of a stored input, with its border
  int64_t kept_size = 0;     ///< features of a tile's results that are kept for backward
  int64_t passing_size = 0;  ///< and of those that are not
  int64_t mask_size = 0;
};

/// `keeps`: whether there will be a backward pass.
StackPlan plan_of(const Shape& x, const std::vector<SmallLayer>& layers, int64_t lanes, bool keeps);

/// The tiles of each expert, the inputs that several experts share, and the units in which they are computed. Inputs of
/// one expert alone are transposed by the units that read them.
struct Schedule {
  struct Unit {
    RowPanel panel;
    size_t number;  ///< of its panel
    int64_t tile;   ///< the first of its tiles among all
    int64_t input;  ///< the first of its tiles' inputs among those that are shared, or -1
  };
  struct Input {
    int64_t row, count;  ///< the rows whose samples it holds
  };
  std::vector<Unit> units;       ///< in the order in which they are started
  std::vector<RowPanel> panels;  ///< of the units, in the order of experts and rows
  std::vector<Input> inputs;
  int64_t tiles = 0;
};

/// Rows of a unit in backward: enough units for many threads, but not so many that the sums of each over its lanes
/// count. Forward has nothing to sum, and units of a group of tiles leave their inputs in the cache for the next
/// expert.
inline int64_t backward_unit(int64_t rows) { return std::clamp<int64_t>(rows / 16 / 64 * 64, 128, kUnitRows); }

/// Units of at most `limit` rows.
Schedule schedule_of(const Segments& segments, int64_t rows, int64_t lanes, int64_t limit);

}  // namespace divvy::kernels::cpu
