#include "tests/support/op_case.h"

#include "autograd/gradcheck.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

std::vector<Variable> make_inputs(const Sample& sample, DType dtype, Device device) {
  std::vector<Variable> inputs;
  for (const Tensor& input : sample.inputs) inputs.emplace_back(converted(input, dtype).to(device), true);
  return inputs;
}

/// The value, then the gradient with respect to each input for one random cotangent.
std::vector<Tensor> value_and_gradients(const Sample& sample, DType dtype, Device device) {
  auto inputs = make_inputs(sample, dtype, device);
  const Variable y = sample.call(inputs);
  std::vector<Tensor> results{y.value().to(Device::cpu())};
  if (!y.requires_grad()) return results;
  backward(y, random_tensor(y.shape(), 7, -1, 1, dtype).to(device));
  for (const Variable& input : inputs) {
    results.push_back(input.grad().defined() ? input.grad().to(Device::cpu()) : Tensor::zeros(input.shape(), dtype));
  }
  return results;
}

void check_threads(const Sample& sample, DType dtype) {
  const int before = num_threads();
  set_num_threads(1);
  const auto expected = value_and_gradients(sample, dtype, Device::cpu());
  for (int threads : {2, 3, 8}) {
    set_num_threads(threads);
    const auto got = value_and_gradients(sample, dtype, Device::cpu());
    for (size_t i = 0; i < got.size(); ++i) {
      INFO("result " << i << " with " << threads << " threads");
      CHECK(same_bits(got[i], expected[i]));
    }
  }
  set_num_threads(before);
}

void check_sample(const Sample& sample, const OpCase& op_case, Device device) {
  const Tensor expected = sample.reference(sample.inputs);
  const auto exact = value_and_gradients(sample, DType::f64, device);
  CHECK(difference(exact[0], expected, 1e-11, 1e-12) == "");
  const auto single = value_and_gradients(sample, DType::f32, device);
  REQUIRE(single[0].dtype() == DType::f32);
  for (size_t i = 0; i < single.size(); ++i) {
    INFO("f32 result " << i);
    // Gradients accumulate more rounding errors than values.
    CHECK(difference(single[i], i == 0 ? expected : exact[i], op_case.f32_rtol * (i == 0 ? 1 : 10),
                     op_case.f32_atol * (i == 0 ? 1 : 10)) == "");
  }
  auto inputs = make_inputs(sample, DType::f64, device);
  if (!inputs.empty()) {
    const auto report = gradcheck([&] { return sample.call(inputs); }, inputs);
    INFO(report.text);
    CHECK(report.ok);
  }
}

void check_error(const ErrorSample& sample) {
  INFO("refuses: " << sample.label);
  try {
    sample.call();
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(typeid(error) == *sample.type);
    CHECK(std::string(error.what()).find(sample.mentions) != std::string::npos);
    return;
  }
  FAIL_CHECK("nothing was thrown");
}

}  // namespace

void check(const OpCase& op_case) {
  CHECK(op_case.samples.size() >= 16);
  CHECK(!op_case.errors.empty());
  for (const Sample& sample : op_case.samples) {
    for (const Device device : available_devices()) {
      INFO("sample " << sample.label << " on " << device.to_string());
      check_sample(sample, op_case, device);
      if (device.is_cpu()) check_threads(sample, DType::f32);
    }
  }
  for (const ErrorSample& sample : op_case.errors) check_error(sample);
}

}  // namespace divvy::test
