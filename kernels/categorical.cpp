#include "kernels/categorical.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

void categorical(const Tensor& probabilities, const Tensor& u, Tensor& classes) {
  check::floating("categorical", "probabilities", probabilities);
  check::rank("categorical", "probabilities", probabilities, 2);
  const Shape rows{probabilities.size(0)};
  check::shape("categorical", "u", u, rows);
  check::dtype("categorical", "u", u, DType::f64);
  check::same_device("categorical", "u", u, probabilities);
  check::shape("categorical", "classes", classes, rows);
  check::dtype("categorical", "classes", classes, DType::i64);
  check::same_device("categorical", "classes", classes, probabilities);
  DIVVY_BACKEND(probabilities, categorical)(probabilities, u, classes);
}

}  // namespace divvy::kernels
