#include "moe/networks.h"

#include "moe/models.h"
#include "tensor/error.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

using namespace moe;

int64_t expert_parameters(const char* name, int64_t classes) {
  Generator generator;
  const NetworkPair& pair = find_network(name);
  return build_network(pair.expert, {.sample = pair.sample, .outputs = classes, .softmax = true}, generator)
      ->parameter_count();
}

int64_t gate_parameters(const char* name, int64_t experts) {
  Generator generator;
  const NetworkPair& pair = find_network(name);
  return build_network(pair.gate, {.sample = pair.sample, .outputs = experts}, generator)->parameter_count();
}

}  // namespace

TEST_CASE("networks have the parameter counts that were published for them") {
  CHECK(expert_parameters("mnist", 10) == 1382);
  CHECK(gate_parameters("mnist", 5) == 26063);
  CHECK(gate_parameters("mnist", 10) == 26228);
  CHECK(expert_parameters("mnist-small", 10) == 1030);
  CHECK(gate_parameters("mnist-small", 5) == 30351);
  CHECK(5 * expert_parameters("mnist-small", 10) + gate_parameters("mnist-small", 5) == 35501);
  CHECK(expert_parameters("fashion-mnist", 10) == 13300);
  CHECK(gate_parameters("fashion-mnist", 5) == 709413);
  CHECK(expert_parameters("fashion-mnist-and-mnist-small", 12) == 1052);
  CHECK(gate_parameters("fashion-mnist-and-mnist-small", 6) == 27232);
  CHECK(6 * expert_parameters("fashion-mnist-and-mnist-small", 12) +
            gate_parameters("fashion-mnist-and-mnist-small", 6) ==
        33544);
  CHECK(expert_parameters("fashion-mnist-and-mnist", 12) == 1448);
  CHECK(gate_parameters("fashion-mnist-and-mnist", 6) == 22912);
  CHECK(expert_parameters("shallow-2d", 6) == 42);
  CHECK(expert_parameters("deep-2d", 6) == 722);
  CHECK(gate_parameters("deep-2d", 5) == 709);
}

TEST_CASE("stacked experts have E times the parameters of one") {
  Generator generator;
  const NetworkPair& pair = find_network("mnist");
  const auto stack = build_network(pair.expert, {.sample = pair.sample, .outputs = 10, .experts = 7}, generator);
  CHECK(stack->parameter_count() == 7 * 1382);
}

TEST_CASE("every named model can be built, named and refused") {
  for (const ModelKind& kind : model_kinds()) {
    for (const NetworkPair& pair : networks()) {
      Generator generator(3);
      const auto model = build_model(
          {.model = std::string(kind.name), .network = std::string(pair.name), .experts = 3, .classes = 4}, generator);
      CHECK(model->experts() == (kind.gated ? 3 : 1));
      for (const auto& [name, parameter] : model->named_parameters()) {
        CHECK((name.starts_with("gate.") || name.starts_with("experts.")));
        CHECK(parameter.stacked_experts() == (kind.gated && name.starts_with("experts.") ? 3 : 0));
      }
    }
  }
  Generator generator;
  CHECK_THROWS_WITH(build_model({.model = "mixtur"}, generator),
                    Catch::Contains("unknown model 'mixtur'; known are single"));
  CHECK_THROWS_WITH(build_model({.network = "mnsit"}, generator), Catch::Contains("unknown network 'mnsit'"));
  CHECK_THROWS_WITH(build_model({.experts = 0}, generator), Catch::Contains("one expert or more, got 0"));
  CHECK_THROWS_WITH(build_model({.model = "top-k", .experts = 3, .k = 4}, generator),
                    Catch::Contains("top-4 of 3 experts"));
}

TEST_CASE("a network that does not fit its samples is refused") {
  Generator generator;
  const NetworkPlan plan{{{.kernel = 5}}, {}};
  CHECK_THROWS_AS(build_network(plan, {.sample = {1, 4, 4}, .outputs = 2}, generator), ShapeError);
  CHECK_THROWS_AS(build_network(plan, {.sample = {1, 5, 5}, .outputs = 2}, generator),
                  ShapeError);  // nothing left to pool
  CHECK_THROWS_AS(build_network(plan, {.sample = {9}, .outputs = 2}, generator), ShapeError);
}

}  // namespace divvy::test
