#include "kernels/conv2d.h"

#include "kernels/check.h"
#include "kernels/row_gradient.h"

namespace divvy::kernels {

namespace {

int64_t experts_of(const Shape& weight) { return weight.rank() == 5 ? weight[0] : 1; }

/// Large enough for every image, small enough that sums of them do not overflow.
constexpr int64_t kLargest = int64_t{1} << 31;

void check_geometry(const Conv2dGeometry& g) {
  if (g.stride < 1 || g.stride > kLargest) fail<ValueError>("conv2d: stride must lie in [1, 2^31], got {}", g.stride);
  if (g.padding < 0 || g.padding > kLargest) {
    fail<ValueError>("conv2d: padding must lie in [0, 2^31], got {}", g.padding);
  }
  if (g.groups < 1) fail<ValueError>("conv2d: groups must be at least 1, got {}", g.groups);
}

int64_t out_size(const Shape& x, int64_t size, int64_t kernel, const Conv2dGeometry& g) {
  const int64_t padded = size + 2 * g.padding;
  if (kernel < 1 || kernel > padded) {
    fail<ShapeError>("conv2d: a kernel of size {} does not fit images of {} with padding {}", kernel, x, g.padding);
  }
  return (padded - kernel) / g.stride + 1;
}

/// What all three functions share: x and dx, y and dy, weight and dweight, bias and dbias have the same shapes.
void check_shapes(const char* op, const Shape& x, const Shape& weight, const Conv2dGeometry& geometry,
                  const Segments& segments, const Tensor& y) {
  check::shape(op, "the output", y, conv2d_shape(x, weight, geometry, segments));
  check_segments(op, segments, experts_of(weight), x[0], y.device());
}

void check_bias(const char* op, const char* name, const Tensor& bias, const Shape& weight, const Tensor& like) {
  if (!bias.defined()) return;
  check::shape(op, name, bias, weight.range(0, weight.rank() - 3));
  check::same_kind(op, name, bias, like);
}

}  // namespace

Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2dGeometry& geometry, const Segments& segments) {
  check_geometry(geometry);
  if (x.rank() != 4) fail<ShapeError>("conv2d: input must be [rows, channels, height, width], got {}", x);
  if (weight.rank() != 4 && weight.rank() != 5) {
    fail<ShapeError>("conv2d: weight must be [filters, channels, height, width] or [experts, ...], got {}", weight);
  }
  const int64_t filters = weight[-4];
  if (x[1] % geometry.groups != 0 || filters % geometry.groups != 0 || x[1] / geometry.groups != weight[-3]) {
    fail<ShapeError>("conv2d: weight {} does not fit input {} in {} groups", weight, x, geometry.groups);
  }
  return {segments.rows(x[0]), filters, out_size(x, x[2], weight[-2], geometry),
          out_size(x, x[3], weight[-1], geometry)};
}

void conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dGeometry& geometry,
            const Segments& segments, Tensor& y, Precision precision) {
  check::floating("conv2d", "input", x);
  check::same_kind("conv2d", "weight", weight, x);
  check::same_kind("conv2d", "output", y, x);
  check_shapes("conv2d", x.shape(), weight.shape(), geometry, segments, y);
  check_bias("conv2d", "bias", bias, weight.shape(), x);
  DIVVY_BACKEND(x, conv2d)(x, weight, bias, geometry, segments, y, precision);
}

void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dGeometry& geometry,
                           const Segments& segments, Tensor& dx, Precision precision) {
  constexpr const char* op = "conv2d_backward_input";
  check::floating(op, "dy", dy);
  check::same_kind(op, "weight", weight, dy);
  check::same_kind(op, "dx", dx, dy);
  check_shapes(op, dx.shape(), weight.shape(), geometry, segments, dy);
  with_row_gradient(segments, dx, [&](Tensor& rows) {
    DIVVY_BACKEND(dy, conv2d_backward_input)(dy, weight, geometry, segments, rows, precision);
  });
}

void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                            const Conv2dGeometry& geometry, const Segments& segments, Tensor& dweight, Tensor& dbias,
                            Precision precision) {
  constexpr const char* op = "conv2d_backward_weight";
  check::floating(op, "x", x);
  check::same_kind(op, "dy", dy, x);
  check_shapes(op, x.shape(), weight_shape, geometry, segments, dy);
  if (dweight.defined()) {
    check::shape(op, "dweight", dweight, weight_shape);
    check::same_kind(op, "dweight", dweight, x);
  }
  check_bias(op, "dbias", dbias, weight_shape, x);
  DIVVY_BACKEND(x, conv2d_backward_weight)(x, dy, weight_shape, geometry, segments, dweight, dbias, precision);
}

}  // namespace divvy::kernels
