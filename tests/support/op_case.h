#pragma once

#include <functional>
#include <string>
#include <typeinfo>
#include <vector>

#include "autograd/variable.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

/// The op-case table: each operation states once what it takes, what it should give and what it must refuse, and is
/// then checked in every way on every device that is present.
namespace divvy::test {

/// One use of an operation. `call` and `reference` take the inputs in the same order. Tensors that `call` captures
/// (indices, offsets) are made on the CPU; it brings them to inputs[0].device() itself.
struct Sample {
  std::string label;
  std::vector<Tensor> inputs;  ///< f64, on the CPU, away from kinks; every one is differentiated
  std::function<Variable(const std::vector<Variable>&)> call;
  std::function<Tensor(const std::vector<Tensor>&)> reference;  ///< naive loops in f64; not the library's kernels
};

/// A call that must throw the given type, with `mentions` in the message.
struct ErrorSample {
  std::string label;
  std::function<void()> call;
  const std::type_info* type = nullptr;
  std::string mentions;
};

template <class E>
ErrorSample refuses(std::string label, std::function<void()> call, std::string mentions) {
  return {std::move(label), std::move(call), &typeid(E), std::move(mentions)};
}

struct OpCase {
  std::vector<Sample> samples;  ///< at least 16, among them empty ones, sizes of 1 and, where it applies, broadcasts
  std::vector<ErrorSample> errors;
  /// Tolerances of the f32 result against the f64 reference; sums over many elements may need more.
  double f32_rtol = 1.3e-6;
  double f32_atol = 1e-5;
};

/// For each sample and each device: the f64 value against the reference, the f32 value against it, the gradient in f64
/// (eps 1e-5, atol 1e-8, rtol 1e-6, random cotangent), the gradient in f32 against the one in f64, and the same bits
/// from 1, 2, 3 and 8 threads. Then the error samples.
void check(const OpCase& op_case);

}  // namespace divvy::test
