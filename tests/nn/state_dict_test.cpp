#include "nn/state_dict.h"

#include "tests/support/compare.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

class Layer : public nn::Module {
 public:
  explicit Layer(uint64_t seed) {
    weight = register_parameter("weight", random_tensor({2, 3}, seed));
    bias = register_parameter("bias", random_tensor({3}, seed + 1, -1, 1, DType::f32));
    steps = register_buffer("steps", random_indices({1}, 100, seed));
  }
  nn::Rows forward(const nn::Rows& x) override { return x; }
  Variable weight, bias, steps;
};

class Net : public nn::Module {
 public:
  explicit Net(uint64_t seed) {
    a = register_module("a", std::make_shared<Layer>(seed));
    b = register_module("b", std::make_shared<Layer>(seed + 10));
  }
  nn::Rows forward(const nn::Rows& x) override { return x; }
  std::shared_ptr<Layer> a, b;
};

bool equal(const nn::StateDict& a, const nn::StateDict& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first && same_bits(x.second, y.second); });
}

}  // namespace

TEST_CASE("a state dictionary holds copies of all parameters and buffers", "[state_dict]") {
  Net net(1);
  const nn::StateDict state = net.state_dict();
  REQUIRE(state.size() == 6);
  CHECK(same_bits(state.at("a.weight"), net.a->weight.value()));
  CHECK(same_bits(state.at("b.steps"), net.b->steps.value()));
  net.a->weight.mutable_value().mutable_data<double>()[0] = 5;
  CHECK_FALSE(same_bits(state.at("a.weight"), net.a->weight.value()));
}

TEST_CASE("loading a state copies values in place", "[state_dict]") {
  Net from(1), to(2);
  CHECK_FALSE(equal(from.state_dict(), to.state_dict()));
  const Variable weight = to.a->weight;
  nn::StateDict state = from.state_dict();
  to.load_state_dict(state);
  CHECK(equal(from.state_dict(), to.state_dict()));
  CHECK(weight.is(to.a->weight));
  CHECK_FALSE(to.a->weight.value().shares_memory_with(state.at("a.weight")));
}

TEST_CASE("a state that does not fit is refused as a whole, with everything that is wrong", "[state_dict]") {
  Net net(1);
  const nn::StateDict before = net.state_dict();
  nn::StateDict state = Net(2).state_dict();
  state.erase("a.bias");
  state.erase("b.steps");
  state["b.weight"] = Tensor::zeros({3, 2}, DType::f64);
  state["b.bias"] = Tensor::zeros({3}, DType::f64);
  state["a.steps"] = Tensor();
  state["c.weight"] = Tensor::zeros({1});
  state["d"] = Tensor::zeros({1});
  CHECK(refusal<CheckpointError>([&] { net.load_state_dict(state); }) ==
        "the state does not fit Net; missing: a.bias, b.steps; unexpected: c.weight, d; of the wrong shape or type: "
        "b.weight (is f64 [3, 2], needs f64 [2, 3]), b.bias (is f64 [3], needs f32 [3]), a.steps (undefined); "
        "nothing was loaded");
  CHECK(equal(before, net.state_dict()));
}

TEST_CASE("missing and unexpected entries can be allowed, wrong shapes cannot", "[state_dict]") {
  Net net(1);
  const nn::StateDict before = net.state_dict();
  nn::StateDict state;
  state["a.bias"] = Tensor::full({3}, 7);
  state["other"] = Tensor::full({3}, 7);
  CHECK(refusal<CheckpointError>([&] { net.load_state_dict(state, {.allow_missing = true}); }) ==
        "the state does not fit Net; unexpected: other; nothing was loaded");
  CHECK(refusal<CheckpointError>([&] { net.load_state_dict(state, {.allow_unexpected = true}); }) ==
        "the state does not fit Net; missing: a.weight, b.weight, b.bias, a.steps, b.steps; nothing was loaded");
  net.load_state_dict(state, {.allow_missing = true, .allow_unexpected = true});
  CHECK(same_bits(net.a->bias.value(), state["a.bias"]));
  CHECK(same_bits(net.b->bias.value(), before.at("b.bias")));
  state["a.bias"] = Tensor::zeros({4});
  CHECK(
      refusal<CheckpointError>(
          [&] { net.load_state_dict(state, {.allow_missing = true, .allow_unexpected = true}); }) ==
      "the state does not fit Net; of the wrong shape or type: a.bias (is f32 [4], needs f32 [3]); nothing was loaded");
}

TEST_CASE("a module is saved to a file and loaded from it", "[state_dict]") {
  const TemporaryFolder folder;
  Net from(1), to(2);
  nn::save(from, folder / "net.safetensors", {{"epoch", "3"}});
  const auto metadata = nn::load(to, folder / "net.safetensors");
  CHECK(metadata.at("epoch") == "3");
  CHECK(equal(from.state_dict(), to.state_dict()));
}

TEST_CASE("loading a file that does not fit or is not there names it", "[state_dict]") {
  using Catch::Matchers::Contains;
  const TemporaryFolder folder;
  const auto path = folder / "layer.safetensors";
  nn::save(Layer(1), path);
  Net net(1);
  const auto before = net.state_dict();
  CHECK(refusal<CheckpointError>([&] { nn::load(net, path, {.allow_unexpected = true}); }) ==
        path.string() +
            ": the state does not fit Net; missing: a.weight, a.bias, b.weight, b.bias, a.steps, b.steps; "
            "nothing was loaded");
  CHECK(equal(before, net.state_dict()));
  nn::load(net, path, {.allow_missing = true, .allow_unexpected = true});
  CHECK(equal(before, net.state_dict()));
  CHECK_THAT(refusal<CheckpointError>([&] { nn::load(net, folder / "none"); }), Contains("none"));
  write_bytes(folder / "broken", "not a checkpoint");
  CHECK_THAT(refusal<CheckpointError>([&] { nn::load(net, folder / "broken"); }), Contains("broken"));
  CHECK_THAT(refusal<CheckpointError>([&] { nn::save(net, folder / "no" / "such" / "folder"); }), Contains("such"));
}

}  // namespace divvy::test
