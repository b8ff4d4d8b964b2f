#pragma once

#include "datasets/dataset.h"
#include "tests/support/compare.h"

namespace divvy::test {

/// Points of the square [-1, 1] x [-1, 1], f32; label(right, upper) is the class of a quadrant.
template <class Label>
data::Dataset quadrants(int64_t samples, uint64_t seed, int64_t classes, const Label& label) {
  data::Dataset set;
  set.name = "quadrants";
  set.x = random_tensor({samples, 2}, seed, -1, 1, DType::f32);
  set.y = Tensor::empty({samples}, DType::i64);
  set.classes = classes;
  for (int64_t i = 0; i < samples; ++i) {
    const float* point = set.x.data<float>() + 2 * i;
    set.y.mutable_data<int64_t>()[i] = label(point[0] > 0, point[1] > 0);
  }
  return set;
}

}  // namespace divvy::test
