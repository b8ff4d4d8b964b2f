#include "autograd/ops/split.h"

#include <memory>

#include "autograd/node.h"
#include "tensor/error.h"

namespace divvy {

std::vector<Variable> split(const Variable& x, const std::vector<int64_t>& offsets) {
  if (offsets.size() < 2) fail<ValueError>("split: expects at least 2 offsets, got {}", offsets.size());
  // The parts write their gradients into one tensor. The first of them that is reached makes it and hands it on as the
  // gradient of the whole, whose turn comes when all the others have written.
  const auto gradient = std::make_shared<Tensor>();
  const Variable whole = record("split", x.value(), {x}, [gradient](const Tensor& dy, Gradients& dx) {
    dx[0] = dy;
    *gradient = Tensor();
  });
  std::vector<Variable> parts;
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    const int64_t begin = offsets[i], end = offsets[i + 1];
    parts.push_back(record("split", x.value().slice(begin, end), {whole},
                           [gradient, shape = x.shape(), begin, end](const Tensor& dy, Gradients& dx) {
                             const bool first = !gradient->defined();
                             if (first) *gradient = Tensor::zeros(shape, dy.dtype(), dy.device());
                             gradient->slice(begin, end).copy_from(dy);
                             if (first) dx[0] = *gradient;
                           }));
  }
  return parts;
}

}  // namespace divvy
