#include "nn/optimizer.h"

#include <cmath>

#include "nn/adam.h"
#include "nn/rmsprop.h"
#include "nn/sgd.h"
#include "tensor/graph.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::ParameterGroup;

Variable parameter(const Shape& shape, uint64_t seed, const char* name = "p") {
  Variable p(random_tensor(shape, seed), true);
  p.set_name(name);
  return p;
}

void set_random_grad(Variable p, uint64_t seed) { p.mutable_grad() = random_tensor(p.shape(), seed); }

using Make = std::function<std::unique_ptr<nn::Optimizer>(std::vector<ParameterGroup>)>;

std::vector<std::pair<const char*, Make>> all_optimizers() {
  return {{"SGD", [](auto groups) { return std::make_unique<nn::SGD>(groups, nn::SGDOptions{.lr = 0.1}); }},
          {"SGD with momentum",
           [](auto groups) { return std::make_unique<nn::SGD>(groups, nn::SGDOptions{.lr = 0.1, .momentum = 0.9}); }},
          {"RMSprop",
           [](auto groups) { return std::make_unique<nn::RMSprop>(groups, nn::RMSpropOptions{.momentum = 0.9}); }},
          {"Adam", [](auto groups) { return std::make_unique<nn::Adam>(groups, nn::AdamOptions{.amsgrad = true}); }},
          {"AdamW", [](auto groups) { return std::make_unique<nn::AdamW>(groups); }}};
}

}  // namespace

TEST_CASE("an optimizer passes over parameters without a gradient", "[optimizer]") {
  for (const auto& [name, make] : all_optimizers()) {
    INFO(name);
    const Variable with = parameter({3}, 1), without = parameter({2}, 2);
    auto optimizer = make({{{with, without}}});
    const Tensor with_before = with.value().clone(), without_before = without.value().clone();
    set_random_grad(with, 3);
    optimizer->step();
    CHECK_FALSE(same_bits(with.value(), with_before));
    CHECK(same_bits(without.value(), without_before));
    const auto state = optimizer->state_dict();
    CHECK(state.at("0.0.step").item() == 1);
    CHECK(state.at("0.1.step").item() == 0);
    optimizer->zero_grad();
    CHECK_FALSE(with.grad().defined());
    const Tensor after = with.value().clone();
    optimizer->step();
    CHECK(same_bits(with.value(), after));
    CHECK(optimizer->steps() == 2);
  }
}

TEST_CASE("groups have rates and weight decay of their own", "[optimizer]") {
  const Variable a = parameter({4}, 1), b = parameter({4}, 1), c = parameter({4}, 1);
  nn::SGD optimizer({{{a}, 0.5}, {{b}, std::nullopt, 0.1}, {{c}}}, {.lr = 0.25});
  CHECK(optimizer.group_count() == 3);
  CHECK(optimizer.lr(0) == 0.5);
  CHECK(optimizer.lr(1) == 0.25);
  CHECK(optimizer.weight_decay(0) == 0);
  CHECK(optimizer.weight_decay(1) == 0.1);
  CHECK(optimizer.parameters(1)[0].is(b));
  const auto before = a.value().to_doubles();
  for (const Variable& p : {a, b, c}) set_random_grad(p, 2);
  const auto g = a.grad().to_doubles();
  optimizer.step();
  for (size_t i = 0; i < 4; ++i) {
    CHECK(a.value().to_doubles()[i] == Approx(before[i] - 0.5 * g[i]).epsilon(1e-14));
    CHECK(b.value().to_doubles()[i] == Approx(before[i] - 0.25 * (g[i] + 0.1 * before[i])).epsilon(1e-14));
    CHECK(c.value().to_doubles()[i] == Approx(before[i] - 0.25 * g[i]).epsilon(1e-14));
  }
}

TEST_CASE("learning rates are set for good or scaled from their initial value", "[optimizer]") {
  nn::SGD optimizer({{{parameter({1}, 1)}, 0.5}, {{parameter({1}, 2)}}}, {.lr = 0.25});
  optimizer.scale_lr(0.5);
  optimizer.scale_lr(0.1);
  CHECK(optimizer.lr(0) == 0.05);
  CHECK(optimizer.lr(1) == 0.025);
  CHECK(optimizer.initial_lr(1) == 0.25);
  optimizer.set_lr(2, 1);
  optimizer.scale_lr(0.5);
  CHECK(optimizer.lr(0) == 0.25);
  CHECK(optimizer.lr(1) == 1);
  CHECK_THAT(refusal<ValueError>([&] { optimizer.set_lr(-1); }),
             Contains("SGD: lr must be finite and not negative, got -1"));
  CHECK_THAT(refusal<ValueError>([&] { optimizer.set_lr(1, 2); }), Contains("no parameter group 2, there are 2"));
  CHECK_THAT(refusal<ValueError>([&] { optimizer.scale_lr(std::nan("")); }), Contains("factor of the learning rate"));
  CHECK_THAT(refusal<ValueError>([&] { optimizer.lr(-1); }), Contains("no parameter group -1"));
}

TEST_CASE("resuming from a state dictionary gives the same bits", "[optimizer]") {
  for (const auto& [name, make] : all_optimizers()) {
    INFO(name);
    const Variable a = parameter({5}, 1), b = parameter({2, 3}, 2), never = parameter({2}, 3);
    auto optimizer = make({{{a}}, {{b, never}, 0.01, 0.1}});
    const auto run = [](nn::Optimizer& own, const Variable& x, const Variable& y, int from, int to) {
      for (int step = from; step < to; ++step) {
        set_random_grad(x, static_cast<uint64_t>(step));
        if (step % 2 == 0) set_random_grad(y, static_cast<uint64_t>(step) + 100);
        own.step();
        own.zero_grad();
      }
    };
    run(*optimizer, a, b, 0, 3);
    optimizer->scale_lr(0.5);
    const nn::StateDict saved = optimizer->state_dict();
    const Variable a2(a.value().clone(), true), b2(b.value().clone(), true), never2(never.value().clone(), true);
    auto resumed = make({{{a2}}, {{b2, never2}}});
    resumed->load_state_dict(saved);
    CHECK(resumed->steps() == 3);
    CHECK(resumed->lr(1) == 0.005);
    CHECK(resumed->initial_lr(1) == 0.01);
    // The weight decay belongs to the construction, not to the state.
    auto same = make({{{a2}}, {{b2, never2}, 0.01, 0.1}});
    same->load_state_dict(saved);
    run(*optimizer, a, b, 3, 6);
    run(*same, a2, b2, 3, 6);
    CHECK(same_bits(a.value(), a2.value()));
    CHECK(same_bits(b.value(), b2.value()));
    CHECK(same->state_dict().at("1.1.step").item() == 0);
  }
}

TEST_CASE("a saved state does not change with further steps", "[optimizer]") {
  const Variable p = parameter({3}, 1);
  nn::Adam optimizer({p});
  set_random_grad(p, 2);
  optimizer.step();
  const nn::StateDict saved = optimizer.state_dict();
  const Tensor mean = saved.at("0.0.mean").clone();
  optimizer.step();
  CHECK(same_bits(saved.at("0.0.mean"), mean));
  CHECK(saved.at("steps").item() == 1);
}

TEST_CASE("a state that does not fit the optimizer is refused as a whole", "[optimizer]") {
  const Variable p = parameter({3}, 1), q = parameter({2}, 2);
  nn::Adam adam({p, q});
  set_random_grad(p, 2);
  adam.step();
  nn::StateDict state = adam.state_dict();
  nn::SGD sgd({p, q}, {.momentum = 0.9});
  CHECK(refusal<CheckpointError>([&] { sgd.load_state_dict(state); }) ==
        "the state does not fit SGD; missing: 0.0.velocity; unexpected: 0.0.mean, 0.0.square; nothing was loaded");
  state["0.0.mean"] = Tensor::zeros({4});
  state.erase("steps");
  state["1.lr"] = Tensor::zeros({2}, DType::f64);
  state["0.1.step"] = Tensor::zeros({}, DType::f32);
  CHECK(refusal<CheckpointError>([&] { adam.load_state_dict(state); }) ==
        "the state does not fit Adam; missing: steps; unexpected: 1.lr; of the wrong shape or type: "
        "0.0.mean (is f32 [4], needs f64 [3]), 0.1.step (is f32 [], needs i64 []); nothing was loaded");
  CHECK(adam.steps() == 1);
}

TEST_CASE("optimizers refuse parameters and options that make no sense", "[optimizer]") {
  const Variable p = parameter({3}, 1, "fc.weight");
  for (const auto& optimizer : all_optimizers()) {
    const auto& make = optimizer.second;  // clang 14 captures no structured bindings
    INFO(optimizer.first);
    CHECK_THAT(refusal<ValueError>([&] { make({}); }), Contains("no parameters were given"));
    CHECK_THAT(refusal<ValueError>([&] { make({{{}}}); }), Contains("no parameters were given"));
    CHECK_THAT(refusal<ValueError>([&] { make({{{Variable()}}}); }), Contains("a parameter is undefined"));
    CHECK_THAT(refusal<ValueError>([&] { make({{{p}}, {{p}}}); }), Contains("'fc.weight' is given twice"));
    CHECK_THAT(refusal<ValueError>([&] { make({{{p}, -1}}); }), Contains("lr must be finite and not negative, got -1"));
    CHECK_THAT(refusal<ValueError>([&] { make({{{p}, 1, std::nan("")}}); }), Contains("weight_decay must be finite"));
  }
  CHECK_THAT(refusal<ValueError>([&] { nn::SGD({p}, {.momentum = -1}); }), Contains("SGD: momentum must be finite"));
  CHECK_THAT(refusal<ValueError>([&] { nn::SGD({p}, {.nesterov = true}); }),
             Contains("SGD: nesterov needs a momentum"));
  CHECK_THAT(refusal<ValueError>([&] { nn::RMSprop({p}, {.alpha = 1}); }),
             Contains("RMSprop: alpha must be in [0, 1)"));
  CHECK_THAT(refusal<ValueError>([&] { nn::RMSprop({p}, {.eps = -1}); }), Contains("RMSprop: eps must be"));
  CHECK_THAT(refusal<ValueError>([&] { nn::RMSprop({p}, {.momentum = -1}); }), Contains("RMSprop: momentum must be"));
  CHECK_THAT(refusal<ValueError>([&] { nn::Adam({p}, {.beta1 = 1}); }), Contains("Adam: beta1 must be in [0, 1)"));
  CHECK_THAT(refusal<ValueError>([&] { nn::Adam({p}, {.beta2 = -0.1}); }), Contains("Adam: beta2 must be in [0, 1)"));
  CHECK_THAT(refusal<ValueError>([&] { nn::Adam({p}, {.eps = HUGE_VAL}); }), Contains("Adam: eps must be finite"));
  CHECK_THAT(refusal<ValueError>([&] { nn::AdamW({p}, {.beta1 = 2}); }), Contains("AdamW: beta1 must be in [0, 1)"));
}

TEST_CASE("idle experts wait, and the others take the very step that they would take alone", "[optimizer]") {
  const int64_t experts = 5;
  const std::vector<std::vector<int64_t>> rows = {{3, 0, 1, 2, 0}, {0, 0, 0, 0, 0}, {1, 1, 1, 1, 1}, {0, 4, 0, 0, 2}};
  for (const auto& [name, make] : all_optimizers()) {
    INFO(name);
    Variable stacked = parameter({experts, 2, 3}, 1), plain = parameter({4}, 2);
    stacked.set_part_name(experts > 0 ? "expert" : "");
    auto optimizer = make({{{stacked, plain}, {}, 0.01}});
    // The whole parameter, of which the steps of active experts are taken over.
    Variable whole(stacked.value().clone(), true), plain_twin(plain.value().clone(), true);
    auto reference = make({{{whole, plain_twin}, {}, 0.01}});
    for (size_t step = 0; step < rows.size(); ++step) {
      set_random_grad(stacked, 10 + step), set_random_grad(plain, 20 + step);
      whole.mutable_grad() = stacked.grad(), plain_twin.mutable_grad() = plain.grad();
      const auto before = reference->state_dict();
      const Tensor value_before = whole.value().clone();
      reference->step();
      optimizer->step(Tensor::from(rows[step], {experts}));
      // Put idle experts of the reference back to where they were.
      auto state = reference->state_dict();
      for (int64_t e = 0; e < experts; ++e) {
        if (rows[step][static_cast<size_t>(e)] > 0) continue;
        for (int64_t i = e * 6; i < (e + 1) * 6; ++i) {
          whole.mutable_value().mutable_data<double>()[i] = value_before.data<double>()[i];
          for (auto& [key, tensor] : state) {
            if (!key.starts_with("0.0.") || tensor.numel() != experts * 6) continue;
            const auto old = before.find(key);
            tensor.mutable_data<double>()[i] = old == before.end() ? 0 : old->second.data<double>()[i];
          }
        }
      }
      reference->load_state_dict(state);
      // A part of a tensor may be rounded otherwise than the whole, where its ends fall between vectors.
      CHECK(difference(stacked.value(), whole.value(), 1e-13, 1e-15) == "");
      CHECK(same_bits(plain.value(), plain_twin.value()));
    }
    CHECK_THROWS_AS(optimizer->step(Tensor::zeros({2, 2}, DType::i64)), ShapeError);
    CHECK_THROWS_AS(optimizer->step(Tensor::zeros({experts}, DType::i32)), ShapeError);
    if (experts == 0) continue;
    const Tensor value = stacked.value().clone(), other = plain.value().clone();
    const int64_t steps = optimizer->steps();
    for (const int64_t wrong : {int64_t{0}, int64_t{1}, experts - 1, experts + 1}) {
      if (wrong == experts) continue;
      CHECK_THAT(refusal<ShapeError>([&] { optimizer->step(Tensor::zeros({wrong}, DType::i64)); }),
                 Contains(fmt::format("rows of {} experts", wrong)));
    }
    CHECK(same_bits(stacked.value(), value));
    CHECK(same_bits(plain.value(), other));
    CHECK(optimizer->steps() == steps);
  }
}

TEST_CASE("optimizers take the CPU's steps of some experts on each device", "[optimizer][device]") {
  for (const int64_t size : {6, 8}) {  // of an expert: not a multiple of what is read together, and one
    for (const auto& [name, make] : all_optimizers()) {
      INFO(name << " with experts of " << size);
      const auto values_after_steps = [&, make = make](Device device) {
        Variable stacked(random_tensor({5, size}, 1).to(device), true), plain(random_tensor({7}, 2).to(device), true);
        stacked.set_part_name("expert");
        auto optimizer = make({{{stacked, plain}, {}, 0.01}});
        for (const auto& rows : {std::vector<int64_t>{3, 0, 1, 2, 0}, {0, 0, 0, 0, 0}, {0, 4, 4, 0, 1}}) {
          stacked.mutable_grad() = random_tensor({5, size}, 3).to(device);
          plain.mutable_grad() = random_tensor({7}, 4).to(device);
          optimizer->step(Tensor::from(rows, {5}));
        }
        return std::vector{stacked.value().to(Device::cpu()), plain.value().to(Device::cpu())};
      };
      const auto expected = values_after_steps(Device::cpu());
      for (const Device device : available_devices()) {
        const auto got = values_after_steps(device);
        for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], expected[i], 1e-13, 1e-14) == "");
      }
    }
  }
}

TEST_CASE("plain SGD takes its usual step where idle experts have no gradient", "[optimizer]") {
  Variable some = parameter({3, 2}, 1), all(some.value().clone(), true);
  some.set_part_name("expert");
  nn::SGD lazy({some}, {.lr = 0.1}), usual({all}, {.lr = 0.1});
  Tensor gradient = random_tensor({3, 2}, 3);
  for (int64_t i = 2; i < 4; ++i) gradient.mutable_data<double>()[i] = 0;
  some.mutable_grad() = gradient, all.mutable_grad() = gradient;
  lazy.step(Tensor::from<int64_t>({1, 0, 7}));
  usual.step();
  CHECK(same_bits(some.value(), all.value()));
}

TEST_CASE("states follow their parameters to another device", "[optimizer][device]") {
  for (const auto& [name, make] : all_optimizers()) {
    INFO(name);
    const auto values_after = [&, make = make](Device device) {
      Variable p(random_tensor({9}, 1), true);
      auto optimizer = make({{{p}}});
      for (const Device where : {Device::cpu(), device, device, Device::cpu()}) {
        p.set_value(p.value().to(where));
        p.mutable_grad() = random_tensor({9}, 2).to(where);
        optimizer->step();
      }
      return p.value();
    };
    const Tensor expected = values_after(Device::cpu());
    for (const Device device : available_devices()) {
      CHECK(difference(values_after(device), expected, 1e-13, 1e-14) == "");
    }
  }
}

TEST_CASE("a step that was recorded is replayed as it would have been taken", "[optimizer][device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    for (const auto& [name, make] : all_optimizers()) {
      INFO(name);
      const auto values_after = [&, make = make](bool replayed) {
        Variable p(random_tensor({9}, 1, -1, 1, DType::f32).to(device), true);
        Variable other(random_tensor({5}, 2).to(device), true), without(random_tensor({3}, 3).to(device), true);
        auto optimizer = make({{{p, without}, 0.02}, {{other}}});
        p.mutable_grad() = random_tensor({9}, 4, -1, 1, DType::f32).to(device);
        other.mutable_grad() = random_tensor({5}, 5).to(device);
        std::unique_ptr<cuda::Graph> graph;
        CHECK_THROWS_AS(optimizer->begin_replay(), ValueError);
        CHECK_THROWS_AS(cuda::Graph(device.index, [&] { optimizer->step(); }), DeviceError);
        for (int step = 0; step < 5; ++step) {
          optimizer->scale_lr(1 - 0.1 * step);
          if (step == 1 && replayed) graph = std::make_unique<cuda::Graph>(device.index, [&] { optimizer->step(); });
          if (graph && step != 3) {  // a step of another batch between replays
            const uint64_t version = p.value().version();
            optimizer->begin_replay();
            graph->replay();
            CHECK(p.value().version() > version);
          } else {
            optimizer->step();
          }
        }
        CHECK(optimizer->steps() == 5);
        auto state = optimizer->state_dict();
        optimizer->load_state_dict(state);  // whose new states the graph knows nothing of
        CHECK_THROWS_AS(optimizer->begin_replay(), ValueError);
        for (const Variable& v : {p, other, without}) state.emplace(fmt::format("p{}", state.size()), v.value());
        for (auto& [key, value] : state) value = value.to(Device::cpu());
        return state;
      };
      const auto expected = values_after(false), got = values_after(true);
      REQUIRE(got.size() == expected.size());
      for (const auto& [key, value] : expected) CHECK(same_bits(got.at(key), value));
    }
  }
}

TEST_CASE("an optimizer that was told to stop changes nothing", "[optimizer][device]") {
  for (const Device device : available_devices()) {
    for (const auto& [name, make] : all_optimizers()) {
      INFO(name);
      Variable p(random_tensor({9}, 1).to(device), true);
      auto optimizer = make({{{p}}});
      p.mutable_grad() = random_tensor({9}, 2).to(device);
      Tensor failed = Tensor::zeros({1}, DType::i64, device);
      optimizer->stop_on(failed);
      optimizer->step();
      CHECK_FALSE(same_bits(p.value().to(Device::cpu()), random_tensor({9}, 1)));
      failed.copy_from(Tensor::full({1}, 1, DType::i64));
      const Tensor before = p.value().clone().to(Device::cpu());
      optimizer->step();
      CHECK(same_bits(p.value().to(Device::cpu()), before));
      optimizer->stop_on({});
      optimizer->step();
      CHECK_FALSE(same_bits(p.value().to(Device::cpu()), before));
    }
  }
}

}  // namespace divvy::test
