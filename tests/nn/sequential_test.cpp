#include "nn/sequential.h"

#include "nn/activation.h"
#include "nn/linear.h"
#include "tests/support/layer_case.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::Sequential;

/// Remembers the segments of the rows that it was given.
class Witness : public nn::Module {
 public:
  nn::Rows forward(const nn::Rows& x) override {
    seen = x.segments();
    return x.with(x.values());
  }
  Segments seen;
};

std::shared_ptr<Sequential> small_net(int64_t experts, Generator& generator) {
  auto net = std::make_shared<Sequential>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 3, .out = 4, .experts = experts, .dtype = DType::f64}, generator);
  net->add<nn::Tanh>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 4, .out = 2, .experts = experts, .dtype = DType::f64}, generator);
  return net;
}

}  // namespace

TEST_CASE("only the first module of a Sequential sees the sample", "[sequential]") {
  const auto a = std::make_shared<Witness>(), b = std::make_shared<Witness>(), c = std::make_shared<Witness>();
  const auto net = nn::sequential(nn::sequential(a, b), c);
  const Segments segments{Tensor::from<int64_t>({0, 1, 4}), Tensor::from<int64_t>({2, 0, 2, 1})};
  const Variable y = (*net)({Variable(Tensor::from({0., 1., 2.}, {3, 1})), segments}).values();
  CHECK(y.value().to_doubles() == std::vector<double>{2, 0, 2, 1});
  CHECK(a->seen.sample.defined());
  for (const auto& later : {b, c}) {
    CHECK_FALSE(later->seen.sample.defined());
    CHECK(same_bits(later->seen.offsets, segments.offsets));
  }
}

TEST_CASE("an empty Sequential reads the rows", "[sequential]") {
  Sequential net;
  const Variable x(Tensor::from({0., 1., 2.}, {3, 1}));
  CHECK(net(x).value().to_doubles() == std::vector<double>{0, 1, 2});
  CHECK(net({x, {{}, Tensor::from<int64_t>({2, 0})}}).values().value().to_doubles() == std::vector<double>{2, 0});
  CHECK(net.size() == 0);
}

TEST_CASE("gradients of a Sequential, alone and stacked", "[sequential][device]") {
  Generator generator(1);
  for (int64_t experts : {0, 1, 3}) {
    for (int64_t rows : {0, 1, 5}) {
      const auto net = small_net(experts, generator);
      const auto seed = static_cast<uint64_t>(experts * 10 + rows);
      check_gradients(*net, random_tensor({rows, 3}, seed), random_segments(experts, rows, seed));
      check_gradients(*net, random_tensor({2, 3}, seed), random_segments(experts, rows, seed, 2));
      if (experts > 0) {
        check_stacked(
            *net, [&] { return small_net(0, generator); }, random_tensor({2, 3}, seed),
            random_segments(experts, rows, seed, 2));
      }
    }
  }
}

TEST_CASE("a Sequential numbers its modules", "[sequential]") {
  Generator generator(1);
  auto net = small_net(2, generator);
  CHECK(net->size() == 3);
  CHECK((*net)[1]->describe() == "Tanh");
  CHECK(net->named_parameters()[2].first == "2.weight");
  CHECK(net->describe() == "Sequential");
  CHECK(net->summary() ==
        "layer  kind                       parameter         count\n"
        "0      Linear(3 -> 4, 2 experts)  weight [2, 4, 3]     24\n"
        "                                  bias [2, 4]           8\n"
        "1      Tanh\n"
        "2      Linear(4 -> 2, 2 experts)  weight [2, 2, 4]     16\n"
        "                                  bias [2, 2]           4\n"
        "total                                                  52\n");
  Sequential copy(std::vector<std::shared_ptr<nn::Module>>{(*net)[0], (*net)[1]});
  CHECK(copy.size() == 2);
  CHECK(copy.parameters()[0].is(net->parameters()[0]));
}

TEST_CASE("reset draws the layers in order", "[sequential]") {
  Generator first(4), second(4);
  auto net = small_net(2, first);
  const auto expected = net->state_dict();
  auto other = small_net(2, first);
  other->reset(second);
  for (const auto& [name, value] : other->state_dict()) CHECK(same_bits(value, expected.at(name)));
}

TEST_CASE("a Sequential refuses null modules and bad indices", "[sequential]") {
  Sequential net;
  CHECK(refusal<ValueError>([&] { net.push_back(nullptr); }) == "Sequential: module '0' is null");
  CHECK(net.size() == 0);
  CHECK(refusal<ValueError>([&] { net[0]; }) == "Sequential: no module 0, there are 0");
  CHECK_THAT(refusal<ValueError>([&] { net[-1]; }), Contains("no module -1"));
}

}  // namespace divvy::test
