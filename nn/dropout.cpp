#include "nn/dropout.h"

#include <limits>

#include "autograd/ops/dropout.h"
#include "tensor/error.h"

namespace divvy::nn {

namespace {

Tensor state_of(const Generator& generator) {
  return Tensor::from({static_cast<int64_t>(generator.seed()), static_cast<int64_t>(generator.stream()),
                       static_cast<int64_t>(generator.offset())});
}

Generator generator_of(const Tensor& state) {
  const auto numbers = state.values<int64_t>();
  Generator generator(static_cast<uint64_t>(numbers[0]), static_cast<uint64_t>(numbers[1]));
  generator.set_offset(static_cast<uint64_t>(numbers[2]));
  return generator;
}

}  // namespace

Dropout::Dropout(double p, Generator& generator) : p_(p) {
  if (!(p >= 0 && p < 1)) fail<ValueError>("Dropout: p must be in [0, 1), got {}", p);
  state_ = register_buffer("generator", Tensor::zeros({3}, DType::i64));
  reset(generator);
}

Variable Dropout::apply(const Variable& x) {
  Generator generator = generator_of(state_.value());
  const Variable y = divvy::dropout(x, p_, generator, is_training());
  state_.mutable_value().copy_from(state_of(generator));
  return y;
}

void Dropout::reset(Generator& generator) {
  // Drawing the number of the stream advances the generator, so that two layers made from it do not share a stream.
  const auto stream = static_cast<uint64_t>(generator.integer(std::numeric_limits<int64_t>::max()));
  state_.mutable_value().copy_from(state_of(generator.split(stream)));
}

std::string Dropout::describe() const { return fmt::format("Dropout({})", p_); }

}  // namespace divvy::nn
