#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
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

  /// The steps to try for a leaf, by their first element: that of the leaf's magnitude, which is 1 where it is about 1;
  /// 1, for functions with a magnitude of their own, such as exp; and that of each element.
  std::vector<Vector> steps_of(size_t leaf) const {
    const Vector x = leaves_[leaf].value().to_doubles();
    double most = 0;
    for (const double value : x) most = std::max(most, std::abs(value));
    const double usual = (most >= 0.01 && most <= 100) || most == 0 || !std::isfinite(most) ? 1 : most;
    std::vector<Vector> all{Vector(x.size(), options_.eps * usual)};
    if (usual != 1) all.emplace_back(x.size(), options_.eps);
    Vector own(x.size());
    bool differ = false;
    for (size_t i = 0; i < x.size(); ++i) {
      own[i] = options_.eps * (x[i] != 0 && std::isfinite(x[i]) ? std::abs(x[i]) : usual);
      differ = differ || own[i] < 0.01 * options_.eps * usual;
    }
    if (differ) all.push_back(std::move(own));
    return all;
  }

  /// Central differences along a direction with one of the steps.
  struct Difference {
    Vector change;  ///< f(x + step * direction) - f(x - step * direction)
    Vector moved;   ///< the distance of the two points, which rounding makes differ from 2 step * direction
    double step;    ///< the largest in use
    double ratio;   ///< of the magnitudes of f and of the input, as the step stands for the latter
  };

  Difference difference(size_t leaf, const Vector& direction, const Vector& step) {
    const NoGrad no_grad;
    const Tensor original = leaves_[leaf].value();
    const Vector x = original.to_doubles();
    Vector above = x, below = x;
    Difference result{{}, Vector(x.size()), 0, 0};
    for (size_t i = 0; i < x.size(); ++i) {
      above[i] += step[i] * direction[i];
      below[i] -= above[i] - x[i];
      result.moved[i] = above[i] - below[i];
      if (direction[i] != 0) result.step = std::max(result.step, step[i]);
    }
    const auto at = [&](const Vector& values) {
      leaves_[leaf].set_value(Tensor::from(values, original.shape()).to(original.device()));
      return evaluate();
    };
    result.change = at(above);
    const Vector other = at(below);
    double most = 0;
    for (size_t i = 0; i < result.change.size(); ++i) {
      most = std::max({most, std::abs(result.change[i]), std::abs(other[i])});
      result.change[i] -= other[i];
    }
    result.ratio = result.step > 0 ? most * options_.eps / result.step : 0;
    for (size_t i = 0; i < x.size(); ++i) {  // too small a step says nothing
      if (direction[i] != 0 && result.moved[i] == 0) result.ratio = std::numeric_limits<double>::infinity();
    }
    leaves_[leaf].set_value(original);
    return result;
  }

  static double largest(const Vector& values) {
    double most = 0;
    for (const double value : values) most = std::max(most, std::abs(value));
    return most;
  }

  /// What one of the steps says of some derivatives, beside what backward() gave for them.
  struct Trial {
    Vector numeric, backward;
    double floor;     ///< the difference that is allowed beside that in proportion to the derivative
    bool conclusive;  ///< whether that is little beside the largest of the derivatives
  };

  Trial trial(Vector numeric, Vector backward, double largest_of_leaf, double ratio) const {
    const double most = std::max({largest_of_leaf, largest(numeric), largest(backward)});
    const double small = std::min(1.0, std::max(1000 * most, ratio));  // less than 1 for small derivatives
    const double floor = options_.atol * std::max(small, 0.05 * ratio);
    return {std::move(numeric), std::move(backward), floor, floor <= 1e-4 * most};
  }

  /// The trials of all steps, each made when it is asked for: mostly the first one decides.
  class Trials {
   public:
    Trials(size_t count, std::function<Trial(size_t)> make) : make_(std::move(make)), made_(count) {}
    size_t size() const { return made_.size(); }
    const Trial& operator[](size_t i) {
      if (!made_[i]) made_[i] = make_(i);
      return *made_[i];
    }

   private:
    std::function<Trial(size_t)> make_;
    std::vector<std::optional<Trial>> made_;
  };

  void compare_jacobian(size_t leaf) {
    const int64_t inputs = leaves_[leaf].value().numel(), outputs = output_.value().numel();
    // Row o of the Jacobian comes from a cotangent with one random entry at o.
    const Vector scale = random_vector(outputs);
    std::vector<Vector> rows;
    double most = 0;
    for (int64_t o = 0; o < outputs; ++o) {
      Vector cotangent(static_cast<size_t>(outputs), 0.0);
      cotangent[static_cast<size_t>(o)] = scale[static_cast<size_t>(o)];
      rows.push_back(analytic(leaf, cotangent));
      most = std::max(most, largest(rows.back()));
    }
    // Also compares all rows at once: a rule may be right for each entry alone and mix several up.
    const Vector all = analytic(leaf, scale);
    const auto steps = steps_of(leaf);
    for (int64_t i = 0; i < inputs; ++i) {
      const auto at = static_cast<size_t>(i);
      Vector direction(static_cast<size_t>(inputs), 0.0), column;
      direction[at] = 1;
      for (size_t o = 0; o < rows.size(); ++o) column.push_back(rows[o][at] / scale[o]);
      column.push_back(all[at]);
      Trials trials(steps.size(), [&](size_t which) {
        Difference found = difference(leaf, direction, steps[which]);
        for (double& change : found.change) change /= found.moved[at];
        found.change.push_back(dot(scale, found.change));
        return trial(std::move(found.change), column, most, found.ratio);
      });
      for (size_t o = 0; o < rows.size(); ++o) {
        compare(trials, o, [&] {
          return fmt::format("d output{} / d {}", coordinates(output_.shape(), static_cast<int64_t>(o)),
                             describe(leaf, i));
        });
      }
      compare(trials, rows.size(),
              [&] { return fmt::format("d <random cotangent, output> / d {}", describe(leaf, i)); });
    }
  }

  void compare_directions(size_t leaf) {
    const auto steps = steps_of(leaf);
    for (int d = 0; d < options_.directions; ++d) {
      const Vector cotangent = random_vector(output_.value().numel());
      const Vector direction = random_vector(leaves_[leaf].value().numel());
      const Vector gradient = analytic(leaf, cotangent);
      Trials trials(steps.size(), [&](size_t which) {
        const Difference found = difference(leaf, direction, steps[which]);
        return trial({dot(cotangent, found.change) / (2 * found.step)}, {dot(found.moved, gradient) / (2 * found.step)},
                     largest(gradient), found.ratio);
      });
      compare(trials, 0, [&] {
        return fmt::format("d <random cotangent, output> along random direction {} of {}", d, describe(leaf));
      });
    }
  }

  /// Compares derivative i. It is right if a conclusive trial says so, or the finest one; only true comparisons count,
  /// so that a NaN fails.
  template <class Describe>
  void compare(Trials& trials, size_t i, const Describe& where) {
    ++report_.compared;
    double least = std::numeric_limits<double>::infinity();
    bool right = false;
    size_t nearest = 0;
    for (size_t t = 0; t < trials.size(); ++t) {
      const Trial& trial = trials[t];
      const double off = std::abs(trial.numeric[i] - trial.backward[i]);
      const bool same = off <= trial.floor + options_.rtol * std::abs(trial.numeric[i]);
      if (same && trial.conclusive) return note(trials[t], i);
      if (trial.floor < least) least = trial.floor, right = same;
      if (off < std::abs(trials[nearest].numeric[i] - trials[nearest].backward[i])) nearest = t;
    }
    const Trial& shown = trials[nearest];
    note(shown, i);
    if (right) return;
    report_.ok = false;
    if (failures_++ < kShown) {
      report_.text += fmt::format("  {}: numeric {:.10g}, backward {:.10g}, off by {:.2g}\n", where(), shown.numeric[i],
                                  shown.backward[i], std::abs(shown.numeric[i] - shown.backward[i]));
    }
  }

  void note(const Trial& trial, size_t i) {
    numeric_.push_back(trial.numeric[i]);
    backward_.push_back(trial.backward[i]);
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
