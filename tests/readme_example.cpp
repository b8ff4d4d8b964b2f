#include <fmt/core.h>

#include "autograd/gradcheck.h"
#include "autograd/ops/binary.h"
#include "autograd/ops/pick.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/unary.h"
#include "nn/adam.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tensor/generator.h"

using namespace divvy;

/// A layer of one's own: half of its outputs decide how much of the other half gets through.
class GatedLinear : public nn::Module {
 public:
  GatedLinear(int64_t in, int64_t out, Generator& generator, DType dtype = DType::f32) {
    const nn::LinearOptions options{.in = in, .out = out, .dtype = dtype};
    value_ = register_module("value", std::make_shared<nn::Linear>(options, generator));
    gate_ = register_module("gate", std::make_shared<nn::Linear>(options, generator));
  }

  Variable forward(const Variable& x, const Segments& segments) override {
    return value_->forward(x, segments) * sigmoid(gate_->forward(x, segments));
  }

 private:
  std::shared_ptr<nn::Linear> value_, gate_;
};

int main() {
  Generator generator(42);

  // Is its gradient right? Every derivative is compared with central differences, in double precision.
  GatedLinear layer(3, 2, generator, DType::f64);
  const Variable x(generator.normal({4, 3}, 0, 1, DType::f64), true);
  const auto report =
      gradcheck([&] { return layer(x); }, {x, layer.parameter("value.weight"), layer.parameter("gate.weight")});
  fmt::print("{}", report.text);
  if (!report) return 1;

  // Is it of use? Points of the plane belong to class 1 where their coordinates have different signs.
  const Tensor points = generator.uniform({512, 2}, -1, 1);
  Tensor labels = Tensor::empty({512}, DType::i64);
  for (int64_t i = 0; i < 512; ++i) {
    const auto point = points[i].values<float>();
    labels.mutable_data<int64_t>()[i] = (point[0] < 0) != (point[1] < 0);
  }
  auto net = nn::sequential(std::make_shared<GatedLinear>(2, 16, generator),
                            std::make_shared<nn::Linear>(nn::LinearOptions{.in = 16, .out = 2}, generator));
  nn::Adam adam(net->parameters(), {.lr = 0.05});
  for (int step = 1; step <= 200; ++step) {
    adam.zero_grad();
    const Variable loss = -mean(pick(log_softmax((*net)(Variable(points))), labels));
    backward(loss);
    adam.step();
    if (step % 50 == 0) fmt::print("step {:3}: loss {:.4f}\n", step, loss.value().item());
  }

  const Tensor predicted = argmax((*net)(Variable(points)), 1);
  int64_t right = 0;
  for (int64_t i = 0; i < 512; ++i) right += predicted.values<int64_t>()[i] == labels.values<int64_t>()[i];
  fmt::print("{} of 512 points are classified as they should be\n", right);
  return right >= 490 ? 0 : 1;
}
