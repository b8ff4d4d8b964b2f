#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <utility>

#include "tensor/error.h"

namespace divvy {

namespace {

using Vector = std::vector<double>;

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

class Checker {
 public:
  Checker(const std::function<Variable()>& f, const std::vector<Variable>& leaves, const GradcheckOptions& options)
      : f_(f), leaves_(leaves), options_(options), random_(options.seed) {}

  GradcheckReport run() {
    output_ = f_();
    if (output_.dtype() != DType::f64) fail<DTypeError>("gradcheck: f must give f64, got {}", output_.dtype());
    for (size_t i = 0; i < leaves_.size(); ++i) {
      const int64_t entries = leaves_[i].value().numel() * output_.value().numel();
      if (entries <= options_.max_jacobian_entries) {
        compare_jacobian(i);
      } else {
        compare_directions(i);
      }
    }
    for (Variable& leaf : leaves_) leaf.zero_grad();
    report_.text = fmt::format("gradcheck of an output {} by {} inputs: {} derivatives compared, {} off\n",
                               output_.shape(), leaves_.size(), report_.compared, failures_) +
                   report_.text;
    if (failures_ > kShown) report_.text += fmt::format("  ... and {} more\n", failures_ - kShown);
    return std::move(report_);
  }

 private:
  static constexpr int64_t kShown = 10;

  std::string describe(size_t leaf) const {
    const Variable& variable = leaves_[leaf];
    return fmt::format("input {}{}{} {}", leaf, variable.name().empty() ? "" : " ", variable.name(), variable.shape());
  }

  /// Magnitudes within [0.5, 1.5] and random signs, so that no entry is lost in the noise.
  Vector random_vector(int64_t size) {
    std::uniform_real_distribution<double> magnitude(0.5, 1.5);
    std::bernoulli_distribution negative(0.5);
    Vector values(static_cast<size_t>(size));
    for (double& value : values) value = negative(random_) ? -magnitude(random_) : magnitude(random_);
    return values;
  }

  /// The gradient of <cotangent, f> with respect to a leaf, by backward().
  Vector analytic(size_t leaf, const Vector& cotangent) {
    for (Variable& variable : leaves_) variable.zero_grad();
    if (output_.requires_grad()) {
      backward(output_, Tensor::from(cotangent, output_.shape()).to(output_.device()), {.retain_graph = true});
    }
    const Tensor& gradient = leaves_[leaf].grad();
    if (!gradient.defined()) return Vector(static_cast<size_t>(leaves_[leaf].value().numel()), 0.0);
    return gradient.to_doubles();
  }

  /// (f(x + eps * direction) - f(x - eps * direction)) / (2 eps), for every element of the output.
  Vector numeric(size_t leaf, const Vector& direction) {
    const NoGrad no_grad;
    const Tensor original = leaves_[leaf].value();
    const Vector x = original.to_doubles();
    const auto evaluate = [&](double step) {
      Vector moved = x;
      for (size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
      leaves_[leaf].set_value(Tensor::from(moved, original.shape()).to(original.device()));
      const Variable y = f_();
      if (y.shape() != output_.shape()) fail<ShapeError>("gradcheck: f gave {}, then {}", output_.shape(), y.shape());
      return y.value().to_doubles();
    };
    Vector difference = evaluate(options_.eps);
    const Vector below = evaluate(-options_.eps);
    for (size_t i = 0; i < difference.size(); ++i) difference[i] = (difference[i] - below[i]) / (2 * options_.eps);
    leaves_[leaf].set_value(original);
    return difference;
  }

  void compare_jacobian(size_t leaf) {
    const int64_t inputs = leaves_[leaf].value().numel(), outputs = output_.value().numel();
    // Row o of the Jacobian comes from a cotangent with one random entry at o.
    const Vector scale = random_vector(outputs);
    std::vector<Vector> rows;
    for (int64_t o = 0; o < outputs; ++o) {
      Vector cotangent(static_cast<size_t>(outputs), 0.0);
      cotangent[static_cast<size_t>(o)] = scale[static_cast<size_t>(o)];
      rows.push_back(analytic(leaf, cotangent));
    }
    // And all at once: a rule may be right for each entry alone and mix them up.
    const Vector all = analytic(leaf, scale);
    for (int64_t i = 0; i < inputs; ++i) {
      Vector direction(static_cast<size_t>(inputs), 0.0);
      direction[static_cast<size_t>(i)] = 1;
      const Vector column = numeric(leaf, direction);
      const auto at = static_cast<size_t>(i);
      for (size_t o = 0; o < column.size(); ++o) {
        compare(scale[o] * column[o], rows[o][at], [&] {
          return fmt::format("d output[{}] / d {} [{}], cotangent {:.3g}", o, describe(leaf), i, scale[o]);
        });
      }
      compare(dot(scale, column), all[at],
              [&] { return fmt::format("d <cotangent, output> / d {} [{}]", describe(leaf), i); });
    }
    if (inputs == 0) analytic(leaf, random_vector(outputs));  // an empty input: the backward pass must still run
  }

  void compare_directions(size_t leaf) {
    for (int d = 0; d < options_.directions; ++d) {
      const Vector cotangent = random_vector(output_.value().numel());
      const Vector direction = random_vector(leaves_[leaf].value().numel());
      const double expected = dot(cotangent, numeric(leaf, direction));
      compare(expected, dot(direction, analytic(leaf, cotangent)),
              [&] { return fmt::format("random direction {} of {}", d, describe(leaf)); });
    }
  }

  template <class Describe>
  void compare(double expected, double got, const Describe& where) {
    ++report_.compared;
    // Negated, so that a NaN fails.
    if (std::abs(expected - got) <= options_.atol + options_.rtol * std::abs(expected)) return;
    report_.ok = false;
    if (failures_++ < kShown) {
      report_.text += fmt::format("  {}: numeric {:.10g}, backward {:.10g}, off by {:.2g}\n", where(), expected, got,
                                  std::abs(expected - got));
    }
  }

  const std::function<Variable()>& f_;
  std::vector<Variable> leaves_;
  const GradcheckOptions& options_;
  std::mt19937_64 random_;
  Variable output_;
  GradcheckReport report_;
  int64_t failures_ = 0;
};

}  // namespace

GradcheckReport gradcheck(const std::function<Variable()>& f, const std::vector<Variable>& leaves,
                          const GradcheckOptions& options) {
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].dtype() != DType::f64)
      fail<DTypeError>("gradcheck: input {} must be f64, got {}", i, leaves[i].dtype());
    if (!leaves[i].requires_grad()) fail<ValueError>("gradcheck: input {} requires no gradient", i);
  }
  return Checker(f, leaves, options).run();
}

}  // namespace divvy
