#include "nn/pool.h"

#include "autograd/ops/pool2d.h"
#include "nn/layer_check.h"

namespace divvy::nn {

namespace {

void require_window(const char* layer, int64_t kernel, int64_t stride) {
  detail::require_positive(layer, "kernel", kernel);
  if (stride < 0) fail<ValueError>("{}: stride must not be negative, got {}", layer, stride);
}

std::string described(const char* layer, int64_t kernel, int64_t stride) {
  return stride == kernel ? fmt::format("{}({})", layer, kernel)
                          : fmt::format("{}({}, stride {})", layer, kernel, stride);
}

}  // namespace

MaxPool2d::MaxPool2d(int64_t kernel, int64_t stride) : kernel_(kernel), stride_(stride == 0 ? kernel : stride) {
  require_window("MaxPool2d", kernel, stride);
}

Variable MaxPool2d::apply(const Variable& x) { return max_pool2d(x, kernel_, stride_); }

std::string MaxPool2d::describe() const { return described("MaxPool2d", kernel_, stride_); }

AvgPool2d::AvgPool2d(int64_t kernel, int64_t stride) : kernel_(kernel), stride_(stride == 0 ? kernel : stride) {
  require_window("AvgPool2d", kernel, stride);
}

Variable AvgPool2d::apply(const Variable& x) { return avg_pool2d(x, kernel_, stride_); }

std::string AvgPool2d::describe() const { return described("AvgPool2d", kernel_, stride_); }

Variable GlobalAvgPool2d::apply(const Variable& x) { return global_avg_pool2d(x); }

}  // namespace divvy::nn
