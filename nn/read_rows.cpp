#include "nn/read_rows.h"

#include "autograd/ops/rows.h"

namespace divvy::nn {

Variable read_rows(const Variable& x, const Segments& segments) {
  return segments.sample.defined() ? gather_rows(x, segments.sample) : x;
}

}  // namespace divvy::nn
