#include "tests/support/layer_case.h"

#include <algorithm>

#include "autograd/gradcheck.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

int64_t row_bytes(const Tensor& t) { return t.size(0) == 0 ? 0 : t.nbytes() / t.size(0); }

/// A copy of the rows of x of expert e, made in a plain loop.
Tensor rows_of(const Tensor& x, const Segments& segments, int64_t e) {
  const auto offsets = segments.offsets.values<int64_t>();
  const int64_t begin = offsets[static_cast<size_t>(e)], end = offsets[static_cast<size_t>(e) + 1];
  if (!segments.sample.defined()) return x.slice(begin, end).clone();
  Tensor rows = Tensor::empty(x.shape().with(0, end - begin), x.dtype());
  for (int64_t i = begin; i < end; ++i) {
    const int64_t from = segments.sample.values<int64_t>()[static_cast<size_t>(i)];
    std::copy_n(x.bytes() + from * row_bytes(x), row_bytes(x), rows.mutable_bytes() + (i - begin) * row_bytes(x));
  }
  return rows;
}

/// target[row of the input] += gradient[row of the segment]
void add_rows(const Tensor& gradient, const Segments& segments, int64_t e, Tensor& target) {
  const auto offsets = segments.offsets.values<int64_t>();
  const int64_t begin = offsets[static_cast<size_t>(e)];
  const int64_t width = gradient.size(0) == 0 ? 0 : gradient.numel() / gradient.size(0);
  for (int64_t i = 0; i < gradient.size(0); ++i) {
    const int64_t row =
        segments.sample.defined() ? segments.sample.values<int64_t>()[static_cast<size_t>(begin + i)] : begin + i;
    for (int64_t c = 0; c < width; ++c) {
      target.mutable_data<double>()[row * width + c] += gradient.data<double>()[i * width + c];
    }
  }
}

/// The gradient on the CPU, or zeros if there is none.
Tensor gradient_or_zero(const Variable& v) {
  return v.grad().defined() ? v.grad().to(Device::cpu()) : Tensor::zeros(v.shape(), v.dtype());
}

Segments on(Device device, const Segments& segments) {
  const auto moved = [device](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  return {moved(segments.offsets), moved(segments.sample)};
}

nn::StateDict state_on_cpu(const nn::Module& module) {
  nn::StateDict state = module.state_dict();
  for (auto& [name, value] : state) value = value.to(Device::cpu());
  return state;
}

/// Moves a layer to a device during its lifetime.
class OnDevice {
 public:
  OnDevice(nn::Module& layer, Device device) : layer_(layer) { layer_.to(device); }
  ~OnDevice() { layer_.to(Device::cpu()); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  nn::Module& layer_;
};

/// The value and the gradients with respect to every parameter and x for one random cotangent, on the CPU.
std::vector<Tensor> value_and_gradients(nn::Module& layer, const Tensor& x, const Segments& segments, Device device) {
  const OnDevice moved(layer, device);
  layer.zero_grad();
  const Variable input(x.to(device).clone(), true);
  const Variable y = layer({input, on(device, segments)}).values();
  backward(y, random_tensor(y.shape(), 18).to(device));
  std::vector<Tensor> results{y.value().to(Device::cpu()), gradient_or_zero(input)};
  for (const Variable& parameter : layer.parameters()) results.push_back(gradient_or_zero(parameter));
  layer.zero_grad();
  return results;
}

/// Compares the results of a device with the CPU's, from the same state.
void check_same_on(Device device, nn::Module& layer, const Tensor& x, const Segments& segments) {
  INFO(layer.describe() << " on " << x.shape().to_string() << " on " << device.to_string());
  const nn::StateDict before = layer.state_dict();
  const auto expected = value_and_gradients(layer, x, segments, Device::cpu());
  layer.load_state_dict(before);
  const auto got = value_and_gradients(layer, x, segments, device);
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("result " << i);
    CHECK(difference(got[i], expected[i], 1e-10, 1e-11) == "");
  }
}

/// Compares the stack on `device` with the single layers on the CPU.
void check_stacked(nn::Module& stacked, const std::function<std::shared_ptr<nn::Module>()>& plain, const Tensor& x,
                   const Segments& segments, Device device) {
  INFO(stacked.describe() << " on " << x.shape().to_string() << " on " << device.to_string());
  const OnDevice moved(stacked, device);
  const nn::StateDict before = state_on_cpu(stacked);
  const Variable input(x.to(device).clone(), true);
  stacked.zero_grad();
  const Variable y = stacked({input, on(device, segments)}).values();
  const Tensor cotangent = random_tensor(y.shape(), 17), value = y.value().to(Device::cpu());
  backward(y, cotangent.to(device));
  const nn::StateDict after = state_on_cpu(stacked);

  Tensor dx = Tensor::zeros(x.shape(), DType::f64);
  for (int64_t e = 0; e < segments.experts(); ++e) {
    INFO("expert " << e);
    const auto alone = plain();
    nn::StateDict own;
    for (const auto& [name, value] : before) own.emplace(name, value[e].clone());
    alone->load_state_dict(own);
    alone->train(stacked.is_training());
    const auto offsets = segments.offsets.values<int64_t>();
    const int64_t begin = offsets[static_cast<size_t>(e)], end = offsets[static_cast<size_t>(e) + 1];
    if (begin == end) {  // an expert without rows keeps its buffers and has zero gradients
      for (const auto& [name, value] : after) CHECK(same_bits(value[e], own.at(name)));
      for (const Variable& p : stacked.parameters()) {
        CHECK(difference(gradient_or_zero(p)[e], Tensor::zeros(p.shape().range(1), DType::f64), 0, 0) == "");
      }
      continue;
    }
    const Variable own_input(rows_of(x, segments, e), true);
    const Variable own_y = (*alone)(own_input);
    CHECK(difference(value.slice(begin, end), own_y.value(), 1e-12, 1e-13) == "");
    backward(own_y, cotangent.slice(begin, end));
    add_rows(gradient_or_zero(own_input), segments, e, dx);
    for (const auto& [name, parameter] : alone->named_parameters()) {
      INFO(name);
      CHECK(difference(gradient_or_zero(stacked.parameter(name))[e], gradient_or_zero(parameter), 1e-11, 1e-12) == "");
    }
    for (const auto& [name, value] : alone->state_dict()) {
      INFO(name);
      CHECK(difference(after.at(name)[e], value, 1e-12, 1e-13) == "");
    }
  }
  CHECK(difference(gradient_or_zero(input), dx, 1e-11, 1e-12) == "");
}

}  // namespace

Segments random_segments(int64_t experts, int64_t rows, uint64_t seed, int64_t input_rows) {
  Segments segments;
  if (experts > 0) segments.offsets = random_offsets(rows, experts, seed);
  if (input_rows >= 0) segments.sample = random_indices({rows}, std::max<int64_t>(input_rows, 1), seed + 1);
  return segments;
}

void draw_biases_and_statistics(nn::Module& module, uint64_t seed) {
  nn::StateDict state = module.state_dict();
  for (auto& [name, value] : state) {
    if (name.ends_with("bias") || name.ends_with("running_mean"))
      value = random_tensor(value.shape(), ++seed, -0.5, 0.5);
    if (name.ends_with("running_var")) value = random_tensor(value.shape(), ++seed, 0.5, 2);
  }
  module.load_state_dict(state);
}

void check_gradients(nn::Module& layer, const Tensor& x, const Segments& segments) {
  for (const Device device : available_devices()) {
    if (!device.is_cpu()) {
      check_same_on(device, layer, x, segments);
      continue;
    }
    std::vector<Variable> leaves = layer.parameters();
    leaves.emplace_back(x.clone(), true);
    const Variable input = leaves.back();
    const auto report = gradcheck([&] { return layer({input, segments}).values(); }, leaves);
    INFO(layer.describe() << " on " << x.shape().to_string() << "\n" << report.text);
    CHECK(report.ok);
  }
}

void check_stacked(nn::Module& stacked, const std::function<std::shared_ptr<nn::Module>()>& plain, const Tensor& x,
                   const Segments& segments) {
  for (const Device device : available_devices()) check_stacked(stacked, plain, x, segments, device);
}

}  // namespace divvy::test
