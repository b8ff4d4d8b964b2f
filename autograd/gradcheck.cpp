#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
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

bool equal(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// The coordinates of an element in a message: "[1, 2]"; empty for a scalar.
std::string coordinates(const Shape& shape, int64_t index) {
  std::vector<int64_t> at(static_cast<size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    at[static_cast<size_t>(axis)] = index % shape[axis];
    index /= shape[axis];
  }
  return at.empty() ? "" : fmt::format("[{}]", fmt::join(at, ", "));
}

/// Restores the values and names of the leaves and clears their gradients. Until then each has a name for the engine's
/// errors.
class Restore {
 public:
  explicit Restore(std::vector<Variable>& leaves) : leaves_(leaves) {
    for (size_t i = 0; i < leaves.size(); ++i) {
      before_.emplace_back(leaves[i].value(), leaves[i].name());
      leaves[i].set_name(fmt::format("input {}{}{}", i, leaves[i].name().empty() ? "" : " ", leaves[i].name()));
    }
  }
  ~Restore() {
    for (size_t i = 0; i < leaves_.size(); ++i) {
      leaves_[i].set_value(before_[i].first);
      leaves_[i].set_name(before_[i].second);
      leaves_[i].zero_grad();
    }
  }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

 private:
  std::vector<Variable>& leaves_;
  std::vector<std::pair<Tensor, std::string>> before_;
};

class Checker {
 public:
  Checker(const std::function<Variable()>& f, const std::vector<Variable>& leaves, const GradcheckOptions& options)
      : f_(f), leaves_(leaves), options_(options), random_(options.seed) {}

  GradcheckReport run() {
    const Restore restore(leaves_);
    output_ = f_();
    if (output_.dtype() != DType::f64) fail<DTypeError>("gradcheck: f must give f64, got {}", output_.dtype());
    if (is_deterministic()) {
      for (size_t i = 0; i < leaves_.size(); ++i) check_leaf(i);
    }
    report_.text = fmt::format("gradcheck: output {}, {} input{}; {} derivatives compared, {} off\n{}{}",
                               output_.shape(), leaves_.size(), leaves_.size() == 1 ? "" : "s", report_.compared,
                               failures_, findings_, report_.text);
    if (failures_ > kShown) report_.text += fmt::format("  ... and {} more\n", failures_ - kShown);
    return std::move(report_);
  }

 private:
  static constexpr int64_t kShown = 10;

  void find(const std::string& what) {
    report_.ok = false;
    findings_ += "  " + what + "\n";
  }

  bool is_deterministic() {
    const NoGrad no_grad;
    const Vector once = output_.value().to_doubles(), again = evaluate();
    if (std::equal(once.begin(), once.end(), again.begin(), equal)) return true;
    find(
        "f is not deterministic: called twice with the same values it gave two outputs; a random generator must be "
        "made inside f");
    return false;
  }

  void check_leaf(size_t leaf) {
    numeric_.clear();
    backward_.clear();
    const int64_t before = failures_;
    try {
      const int64_t entries = leaves_[leaf].value().numel() * output_.value().numel();
      if (entries <= options_.max_jacobian_entries) {
        compare_jacobian(leaf);
      } else {
        compare_directions(leaf);
      }
    } catch (const NonFiniteError& error) {
      find(fmt::format("backward for {}: non-finite {} in {}", describe(leaf), error.what_is, error.layer));
    }
    if (failures_ > before) diagnose(leaf);
  }

  /// Reports the factor if all derivatives of an input are off by the same one.
  void diagnose(size_t leaf) {
    const double factor = dot(numeric_, backward_) / dot(numeric_, numeric_);
    double largest = 0, rest = 0;
    for (size_t i = 0; i < numeric_.size(); ++i) {
      largest = std::max(largest, std::abs(numeric_[i]));
      rest = std::max(rest, std::abs(backward_[i] - factor * numeric_[i]));
    }
    if (std::all_of(backward_.begin(), backward_.end(), [](double value) { return value == 0; })) {
      find(fmt::format("no gradient arrives at {}", describe(leaf)));
    } else if (rest <= 1e-4 * largest) {
      find(std::abs(factor + 1) < 1e-4
               ? fmt::format("the gradient of {} has the wrong sign", describe(leaf))
               : fmt::format("the gradient of {} is {:.4g} times what it should be", describe(leaf), factor));
    }
  }

  std::string describe(size_t leaf) const { return fmt::format("{} {}", leaves_[leaf].name(), leaves_[leaf].shape()); }
  std::string describe(size_t leaf, int64_t element) const {
    return leaves_[leaf].name() + coordinates(leaves_[leaf].shape(), element);
  }

  /// Numbers of magnitude 0.5 to 1.5 with random signs, so that no entry is lost in rounding noise.
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

  Vector evaluate() {
    const Variable y = f_();
    if (y.shape() != output_.shape()) fail<ShapeError>("gradcheck: f gave {}, then {}", output_.shape(), y.shape());
    return y.value().to_doubles();
  }

  /// (f(x + eps * direction) - f(x - eps * direction)) / (2 eps), for every element of the output.
  Vector numeric(size_t leaf, const Vector& direction) {
    const NoGrad no_grad;
    const Tensor original = leaves_[leaf].value();
    const Vector x = original.to_doubles();
    const auto at = [&](double step) {
      Vector moved = x;
      for (size_t i = 0; i < moved.size(); ++i) moved[i] += step * direction[i];
      leaves_[leaf].set_value(Tensor::from(moved, original.shape()).to(original.device()));
      return evaluate();
    };
    Vector difference = at(options_.eps);
    const Vector below = at(-options_.eps);
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
    // Also compares all rows at once: a rule may be right for each entry alone and mix several up.
    const Vector all = analytic(leaf, scale);
    for (int64_t i = 0; i < inputs; ++i) {
      Vector direction(static_cast<size_t>(inputs), 0.0);
      direction[static_cast<size_t>(i)] = 1;
      const Vector column = numeric(leaf, direction);
      const auto at = static_cast<size_t>(i);
      for (size_t o = 0; o < column.size(); ++o) {
        compare(column[o], rows[o][at] / scale[o], [&] {
          return fmt::format("d output{} / d {}", coordinates(output_.shape(), static_cast<int64_t>(o)),
                             describe(leaf, i));
        });
      }
      compare(dot(scale, column), all[at],
              [&] { return fmt::format("d <random cotangent, output> / d {}", describe(leaf, i)); });
    }
  }

  void compare_directions(size_t leaf) {
    for (int d = 0; d < options_.directions; ++d) {
      const Vector cotangent = random_vector(output_.value().numel());
      const Vector direction = random_vector(leaves_[leaf].value().numel());
      const double expected = dot(cotangent, numeric(leaf, direction));
      compare(expected, dot(direction, analytic(leaf, cotangent)), [&] {
        return fmt::format("d <random cotangent, output> along random direction {} of {}", d, describe(leaf));
      });
    }
  }

  template <class Describe>
  void compare(double expected, double got, const Describe& where) {
    ++report_.compared;
    numeric_.push_back(expected);
    backward_.push_back(got);
    // Returns only if the comparison is true, so that a NaN fails.
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
  std::string findings_;
  int64_t failures_ = 0;
  Vector numeric_, backward_;  // the derivatives compared for the current leaf
};

}  // namespace

GradcheckReport gradcheck(const std::function<Variable()>& f, const std::vector<Variable>& leaves,
                          const GradcheckOptions& options) {
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (leaves[i].dtype() != DType::f64)
      fail<DTypeError>("gradcheck: input {} must be f64, got {}", i, leaves[i].dtype());
    if (!leaves[i].requires_grad()) fail<ValueError>("gradcheck: input {} requires no gradient", i);
    if (!leaves[i].is_leaf()) fail<ValueError>("gradcheck: input {} is the result of an operation, not a leaf", i);
  }
  return Checker(f, leaves, options).run();
}

}  // namespace divvy
