#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "tensor/parallel.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

/// What the tests of the optimizers' updates share: several steps of the kernel beside a naive loop in double.
namespace divvy::test {

/// One element's numbers: gradient, states (zero at first) and parameter; `step` counts from 1.
using NaiveUpdate = std::function<void(double gradient, std::vector<double>& states, double& parameter, int step)>;
using KernelUpdate =
    std::function<void(const Tensor& gradient, std::vector<Tensor>& states, Tensor& parameter, int step)>;

/// The parameter and then the states after `steps` steps of the kernel, brought back to the CPU.
inline std::vector<Tensor> run_kernel(const Shape& shape, DType dtype, size_t states, int steps,
                                      const KernelUpdate& update, Device device = {}) {
  std::vector<Tensor> results{random_tensor(shape, 1, -1, 1, dtype).to(device)};
  std::vector<Tensor> own;
  for (size_t s = 0; s < states; ++s) own.push_back(Tensor::zeros(shape, dtype, device));
  for (int step = 1; step <= steps; ++step) {
    update(random_tensor(shape, static_cast<uint64_t>(step) + 1, -2, 2, dtype).to(device), own, results[0], step);
  }
  results.insert(results.end(), own.begin(), own.end());
  for (Tensor& result : results) result = result.to(Device::cpu());
  return results;
}

inline std::vector<Tensor> run_naive(const Shape& shape, size_t states, int steps, const NaiveUpdate& update) {
  std::vector<Tensor> results{random_tensor(shape, 1)};
  for (size_t s = 0; s < states; ++s) results.push_back(Tensor::zeros(shape, DType::f64));
  for (int64_t i = 0; i < shape.numel(); ++i) {
    std::vector<double> own(states, 0.0);
    double value = results[0].data<double>()[i];
    for (int step = 1; step <= steps; ++step) {
      update(random_tensor(shape, static_cast<uint64_t>(step) + 1, -2, 2).data<double>()[i], own, value, step);
    }
    results[0].mutable_data<double>()[i] = value;
    for (size_t s = 0; s < states; ++s) results[s + 1].mutable_data<double>()[i] = own[s];
  }
  return results;
}

/// Both types on each device against the naive loop over sizes around the chunks, then large ones for the same bits
/// from any number of threads.
inline void check_update(size_t states, const KernelUpdate& kernel, const NaiveUpdate& naive) {
  constexpr int kSteps = 4;
  for (const Shape& shape :
       {Shape{}, Shape{0}, Shape{1}, Shape{3, 0}, Shape{2, 3, 5}, Shape{17}, Shape{1023}, Shape{1025}}) {
    INFO("shape " << shape.to_string());
    const auto expected = run_naive(shape, states, kSteps, naive);
    for (const Device device : available_devices()) {
      INFO(device.to_string());
      const auto exact = run_kernel(shape, DType::f64, states, kSteps, kernel, device);
      const auto single = run_kernel(shape, DType::f32, states, kSteps, kernel, device);
      for (size_t i = 0; i < expected.size(); ++i) {
        CHECK(difference(exact[i], expected[i], 1e-12, 1e-13) == "");
        CHECK(difference(single[i], expected[i], 3e-6, 1e-5) == "");
      }
    }
  }
  const int before = num_threads();
  set_num_threads(1);
  const auto expected = run_kernel({50001}, DType::f32, states, kSteps, kernel);
  for (int threads : {2, 3, 8}) {
    set_num_threads(threads);
    const auto got = run_kernel({50001}, DType::f32, states, kSteps, kernel);
    for (size_t i = 0; i < got.size(); ++i) CHECK(same_bits(got[i], expected[i]));
  }
  set_num_threads(before);
}

}  // namespace divvy::test
