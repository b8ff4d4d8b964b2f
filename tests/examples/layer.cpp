#include <fmt/core.h>

#include "divvy.h"

using namespace divvy;

/// x / sqrt(mean(x^2) + eps) * gain over the features of a row (Zhang and Sennrich 2019, RMSNorm). All rows are treated
/// alike, so it need not know of experts: it derives from Rowwise.
class RmsNorm : public nn::Rowwise {
 public:
  explicit RmsNorm(int64_t features, DType dtype = DType::f32)
      : gain_(register_parameter("gain", Tensor::full({features}, 1, dtype))) {}
  std::string describe() const override { return fmt::format("RmsNorm({})", gain_.shape()[0]); }

 protected:
  Variable apply(const Variable& x) override { return x / sqrt(mean(square(x), {-1}, true) + 1e-6) * gain_; }

 private:
  Variable gain_;
};

int main() {
  // Every derivative, of x and of the gain, is compared with central differences.
  Generator random(1);
  const auto norm = std::make_shared<RmsNorm>(4, DType::f64);
  const Variable x(random.normal({3, 4}, 0, 1, DType::f64), true);
  const auto report = gradcheck([&] { return (*norm)(x); }, {x, norm->parameter("gain")});
  fmt::print("{}", report.text);

  // Between layers of five experts it works as between any others.
  const auto experts =
      nn::sequential(std::make_shared<nn::Linear>(nn::LinearOptions{.in = 8, .out = 4, .experts = 5}, random),
                     std::make_shared<RmsNorm>(4),
                     std::make_shared<nn::Linear>(nn::LinearOptions{.in = 4, .out = 2, .experts = 5}, random));
  fmt::print("{}", experts->summary());
  return report ? 0 : 1;
}
