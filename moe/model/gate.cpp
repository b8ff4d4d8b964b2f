#include "moe/model/gate.h"

#include <cmath>

#include "autograd/ops/binary.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "nn/activation.h"
#include "tensor/error.h"

namespace divvy::moe {

nn::Rows ReadingGate::forward(const nn::Rows& /*x*/) {
  fail<GraphError>("this gate reads the experts, too; call scores(), and give it to a model as a ReadingGate");
}

AttentiveGate::AttentiveGate(std::shared_ptr<nn::Sequential> body, int64_t hidden, DType dtype, Generator& generator)
    : body_(std::move(body)) {
  if (!body_ || hidden < 1) fail<ValueError>("the attentive gate needs a body with a hidden layer, got {}", hidden);
  register_module("body", body_);
  const nn::LinearOptions square{.in = hidden, .out = hidden, .bias = false, .dtype = dtype};
  query_ = register_module("query", std::make_shared<nn::Linear>(square, generator));
  key_ = register_module("key", std::make_shared<nn::Linear>(square, generator));
}

Variable AttentiveGate::scores(const Variable& x, const ExpertReadings& experts) {
  const Variable own = (*body_)(x);
  const int64_t samples = x.size(0), width = query_->options().in;
  if (own.shape() != Shape{samples, width} || experts.hidden.shape().rank() != 3 || experts.hidden.size(1) != samples ||
      experts.hidden.size(2) != width) {
    fail<ShapeError>("the attentive gate: hidden layers {} of the gate and {} of the experts for {} samples, width {}",
                     own.shape(), experts.hidden.shape(), samples, width);
  }
  // query . (K h) = (K^T query) . h: one product for each sample instead of one for each pair of sample and expert.
  const Variable query = matmul((*query_)(own), key_->weight(), {.precision = precision()});
  const Variable products = mul(experts.hidden, reshape(query, {1, samples, width}));
  return mul(transpose(sum(products, {2})), 1 / std::sqrt(static_cast<double>(width)));
}

std::string AttentiveGate::describe() const { return fmt::format("AttentiveGate(width {})", query_->options().in); }

std::shared_ptr<nn::Sequential> AttentiveGate::distilled(int64_t experts, Generator& generator) const {
  auto gate = std::make_shared<nn::Sequential>();
  for (int64_t i = 0; i < body_->size(); ++i) gate->push_back((*body_)[i]);
  gate->add<nn::ReLU>();
  const nn::LinearOptions& square = query_->options();
  gate->add<nn::Linear>(nn::LinearOptions{.in = square.in, .out = experts, .dtype = square.dtype}, generator);
  return gate;
}

AugmentedGate::AugmentedGate(std::shared_ptr<nn::Sequential> features, std::shared_ptr<nn::Sequential> classifier)
    : features_(std::move(features)), classifier_(std::move(classifier)) {
  if (!features_ || !classifier_) fail<ValueError>("the augmented gate needs features and a classifier");
  register_module("features", features_);
  register_module("classifier", classifier_);
}

Variable AugmentedGate::scores(const Variable& x, const ExpertReadings& experts) {
  const Variable own = (*features_)(x);
  const int64_t samples = x.size(0);
  if (experts.output.shape().rank() != 3 || experts.output.size(1) != samples) {
    fail<ShapeError>("the augmented gate: outputs {} of the experts for {} samples", experts.output.shape(), samples);
  }
  const int64_t width = experts.output.size(0) * experts.output.size(2);
  const Variable outputs = reshape(permute(experts.output, {1, 0, 2}), {samples, width});
  return (*classifier_)(concat({own, outputs}, 1));
}

}  // namespace divvy::moe
