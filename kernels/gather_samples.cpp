#include "kernels/gather_samples.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_changes(const SampleChanges& changes, const Tensor& x) {
  if (changes.padding < 0)
    fail<ValueError>("gather_samples: the padding must not be negative, got {}", changes.padding);
  if (changes.none()) return;
  if (x.rank() != 4) fail<ValueError>("gather_samples: only images [N, C, H, W] can be changed, got {}", x.shape());
  const int64_t side = std::min(x.size(2), x.size(3));
  if (changes.padding > side || (changes.reflect && changes.padding >= side)) {
    fail<ValueError>("gather_samples: padding of {} is too much for images {}", changes.padding, x.shape());
  }
}

}  // namespace

void gather_samples(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes,
                    Tensor& y) {
  check::min_rank("gather_samples", "x", x, 2);
  if (x.dtype() != DType::u8 && x.dtype() != DType::f32) {
    fail<DTypeError>("gather_samples: x must be u8 or f32, got {}", x.dtype());
  }
  check::dtype("gather_samples", "index", index, DType::i64);
  check::rank("gather_samples", "index", index, 1);
  check::dtype("gather_samples", "values", values, DType::f32);
  check::shape("gather_samples", "values", values, {x.size(1), x.dtype() == DType::u8 ? 256 : 1});
  check::dtype("gather_samples", "y", y, DType::f32);
  check::shape("gather_samples", "y", y, x.shape().with(0, index.size(0)));
  for (const Tensor* t : {&index, &values, static_cast<const Tensor*>(&y)}) {
    check::same_device("gather_samples", "an operand", *t, x);
  }
  if (y.numel() > 0 && y.shares_memory_with(x)) fail<ValueError>("gather_samples: the output must not be the input");
  check_changes(changes, x);
  check::indices("gather_samples", "index", index, x.size(0));
  DIVVY_BACKEND(x, gather_samples)(x, index, values, changes, y);
}

}  // namespace divvy::kernels
