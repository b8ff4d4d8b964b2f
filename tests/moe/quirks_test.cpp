#include "moe/reproduction/quirks.h"

#include "tensor/error.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace moe;

TEST_CASE("quirks are named, read and written") {
  CHECK(Quirks::parse("none").empty());
  CHECK(Quirks::parse("").empty());
  CHECK(Quirks().to_string() == "none");
  const Quirks two = Quirks::parse("zero-gate,double-softmax");
  CHECK(two.has("double-softmax"));
  CHECK(two.has("zero-gate"));
  CHECK(!two.has("similarity-bracket"));
  CHECK(two.to_string() == "double-softmax,zero-gate");
  CHECK(Quirks::parse(two.to_string()) == two);
  Quirks all;
  for (const Quirk& quirk : quirks()) {
    CHECK(Quirks::parse(std::string(quirk.name)).has(quirk.name));
    all.add(quirk.name);
  }
  CHECK(Quirks::parse(all.to_string()) == all);
  CHECK_THROWS_AS(Quirks::parse("double-softmx"), ValueError);
  CHECK_THROWS_AS(Quirks::parse("zero-gate,"), ValueError);
}

TEST_CASE("the mean of batch accuracies counts a short last batch as much as a full one") {
  const Record record = small_record();  // right, right, right, wrong
  const auto mean = [&](int64_t batch) {
    TrainerOptions options{.batch = batch};
    CHECK(options.validation_accuracy(record) == 0.75);
    Quirks::parse("unweighted-batches").apply(options);
    return options.validation_accuracy(record);
  };
  CHECK(mean(1) == 0.75);
  CHECK(mean(3) == 0.5);
  CHECK(mean(100) == 0.75);
  CHECK(refusal<ValueError>([&] { mean(0); }).find("0 samples") != std::string::npos);
}

TEST_CASE("parts of the data are exchanged, together or alone") {
  const auto part = [](int64_t samples, uint64_t seed) {
    data::Dataset dataset;
    dataset.name = "noise";
    dataset.x = random_tensor({samples, 2}, seed, 0, 1, DType::f32);
    dataset.y = random_indices({samples}, 3, seed);
    dataset.classes = 3;
    return dataset;
  };
  const data::Splits splits{part(5, 1), part(4, 2), part(3, 3)};
  const auto sizes = [&](const char* names) {
    data::Splits used = splits;
    Quirks::parse(names).apply(used);
    CHECK(used.test.size() == 3);
    return std::pair(used.train.size(), used.validation.size());
  };
  CHECK(sizes("none") == std::pair<int64_t, int64_t>(5, 4));
  CHECK(sizes("test-as-validation") == std::pair<int64_t, int64_t>(5, 3));
  CHECK(sizes("no-validation-part") == std::pair<int64_t, int64_t>(9, 3));
  CHECK(sizes("test-as-validation,no-validation-part") == std::pair<int64_t, int64_t>(9, 3));
}

TEST_CASE("evaluations are routed as in training where a quirk says so, in stages without a gate, too") {
  const auto routing = [](const char* model, const char* names) {
    ModelOptions options{.model = model, .network = "shallow-2d", .experts = 3, .classes = 4};
    Quirks::parse(names).apply(options);
    return options;
  };
  const char* both = "noise-in-evaluation,oracle-validation";
  CHECK(routing_of(routing("no-gate-self-information", "noise-in-evaluation"), false).noise == 0);
  CHECK(routing_of(routing("no-gate-self-information", both), false).noise == 1);
  CHECK(routing_of(routing("no-gate-entropy", both), false).scores == Scores::entropy);
  CHECK(routing_of(routing("best-expert", both), false).noise == 0);
  const Recipe recipe = make_recipe("no-gate-then-gate", {.model = routing("mixture", both)});
  CHECK(recipe.stages[0].evaluation->scores == Scores::self_information);
  CHECK(recipe.stages[0].evaluation->noise == 1);
  CHECK(Quirks::parse(both).idle(routing("mixture", both), recipe, {}).empty());
  CHECK(routing_of(routing("mixture", both), false).scores == Scores::gate);
  TrainerOptions trainer{.evaluation = {.temperature = 7}};
  Quirks::parse("unit-temperature").apply(trainer);
  CHECK(trainer.evaluation.temperature == 1);
}

TEST_CASE("programs can add quirks of their own") {
  quirks().add({.name = "loud-gate",
                .summary = "every parameter of the gate starts at 9",
                .model =
                    [](ModelOptions& model) {
                      model.gate_initializer = [](nn::Module& gate) {
                        for (Variable parameter : gate.parameters()) {
                          parameter.mutable_value().copy_from(Tensor::full(parameter.shape(), 9, parameter.dtype()));
                        }
                      };
                    },
                .changes = [](const ModelOptions& model, const Recipe&,
                              const TrainerOptions&) { return models().at(model.model).gated; },
                .reader = "models with a gate"});
  ModelOptions options{.network = "shallow-2d", .experts = 3, .classes = 4};
  const Quirks loud = Quirks::parse("loud-gate");
  loud.apply(options);
  Generator generator(1);
  for (const Variable& parameter : build_model(options, generator)->gate()->parameters()) {
    CHECK(parameter.value().to_doubles()[0] == 9);
  }
  CHECK(loud.idle(options, {}, {}).empty());
  options.model = "single";
  CHECK(loud.idle(options, {}, {}).front()->reader == "models with a gate");
}

}  // namespace divvy::test
