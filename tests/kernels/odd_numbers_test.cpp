#include "tests/kernels/odd_numbers.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <numbers>
#include <regex>
#include <set>

#include "kernels/binary.h"
#include "kernels/cast.h"
#include "kernels/clamp.h"
#include "kernels/compare.h"
#include "kernels/unary.h"
#include "kernels/where.h"
#include "tests/support/paths.h"

namespace divvy::test {

namespace {

using namespace kernels::elementwise;
using Real = long double;

Real normal_cdf(Real x) { return std::erfc(-x / std::numbers::sqrt2_v<Real>) / 2; }
Real density(Real x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi_v<Real>); }
/// a b, with 0 for 0 times infinity.
Real vanishing(Real a, Real b) { return a == 0 || b == 0 ? 0 : a * b; }

struct UnaryReference {
  Real (*value)(Real);
  Real (*derivative)(Real x);
  bool reads_rounded = false;  ///< the derivative reads y, near whose limits it is off by the rounding of y
};

/// For each operation of UnaryList; a test fails for one that is not here.
const std::map<std::string, UnaryReference>& unary_references() {
  static const std::map<std::string, UnaryReference> all{
      {"exp", {[](Real x) { return std::exp(x); }, [](Real x) { return std::exp(x); }}},
      {"log", {[](Real x) { return std::log(x); }, [](Real x) { return 1 / x; }}},
      {"sqrt", {[](Real x) { return std::sqrt(x); }, [](Real x) { return 0.5L / std::sqrt(x); }}},
      {"rsqrt", {[](Real x) { return 1 / std::sqrt(x); }, [](Real x) { return -0.5L / (x * std::sqrt(x)); }}},
      {"abs", {[](Real x) { return std::abs(x); }, [](Real x) { return static_cast<Real>((x > 0) - (x < 0)); }}},
      {"tanh", {[](Real x) { return std::tanh(x); }, [](Real x) { return 1 - std::tanh(x) * std::tanh(x); }, true}},
      {"sigmoid",
       {[](Real x) { return 1 / (1 + std::exp(-x)); },
        [](Real x) { return std::isnan(x) ? x : std::exp(-std::abs(x)) / std::pow(1 + std::exp(-std::abs(x)), 2.0L); },
        true}},
      {"relu", {[](Real x) { return x < 0 ? 0 : x; }, [](Real x) { return x > 0 ? 1.0L : 0.0L; }}},
      {"gelu",
       {[](Real x) { return vanishing(x, normal_cdf(x)); },
        [](Real x) { return normal_cdf(x) + vanishing(x, density(x)); }}},
      {"softplus",
       {[](Real x) { return std::max(x, Real{0}) + std::log1p(std::exp(-std::abs(x))) + (std::isnan(x) ? x : 0); },
        [](Real x) { return 1 / (1 + std::exp(-x)); }}},
      {"erf",
       {[](Real x) { return std::erf(x); },
        [](Real x) { return 2 / std::sqrt(std::numbers::pi_v<Real>) * std::exp(-x * x); }}},
      {"neg", {[](Real x) { return -x; }, [](Real) { return -1.0L; }}},
      {"square", {[](Real x) { return x * x; }, [](Real x) { return 2 * x; }}},
      {"sin", {[](Real x) { return std::sin(x); }, [](Real x) { return std::cos(x); }}},
      {"cos", {[](Real x) { return std::cos(x); }, [](Real x) { return -std::sin(x); }}}};
  return all;
}

struct BinaryReference {
  Real (*value)(Real, Real);
  Real (*by_a)(Real, Real);
  Real (*by_b)(Real, Real);
};

/// For each operation of BinaryList.
const std::map<std::string, BinaryReference>& binary_references() {
  const auto one = [](Real, Real) { return 1.0L; };
  const auto larger = [](Real a, Real b) { return a < b ? 0.0L : a == b ? 0.5L : 1.0L; };
  const auto smaller = [](Real a, Real b) { return a > b ? 0.0L : a == b ? 0.5L : 1.0L; };
  static const std::map<std::string, BinaryReference> all{
      {"add", {[](Real a, Real b) { return a + b; }, one, one}},
      {"sub", {[](Real a, Real b) { return a - b; }, one, [](Real, Real) { return -1.0L; }}},
      {"mul", {[](Real a, Real b) { return a * b; }, [](Real, Real b) { return b; }, [](Real a, Real) { return a; }}},
      {"div",
       {[](Real a, Real b) { return a / b; }, [](Real, Real b) { return 1 / b; },
        [](Real a, Real b) { return -(a / b) / b; }}},
      {"maximum",
       {[](Real a, Real b) { return a > b || std::isnan(a) ? a : b; }, larger,
        [](Real a, Real b) { return b < a    ? 0.0L
                                    : a == b ? 0.5L
                                             : 1.0L; }}},
      {"minimum",
       {[](Real a, Real b) { return a < b || std::isnan(a) ? a : b; }, smaller,
        [](Real a, Real b) { return b > a    ? 0.0L
                                    : a == b ? 0.5L
                                             : 1.0L; }}},
      {"pow",
       {[](Real a, Real b) { return std::pow(a, b); },
        [](Real a, Real b) { return b == 0 ? 0 : b * std::pow(a, b - 1); },
        [](Real a, Real b) { return a == 0 && b >= 0 ? 0 : std::pow(a, b) * std::log(a); }}}};
  return all;
}

const std::map<std::string, bool (*)(double, double)>& comparison_references() {
  static const std::map<std::string, bool (*)(double, double)> all{{"equal", [](double a, double b) { return a == b; }},
                                                                   {"not_equal", [](double a, double b) { return a != b; }},
                                                                   {"less", [](double a, double b) { return a < b; }},
                                                                   {"less_equal", [](double a, double b) { return a <= b; }},
                                                                   {"greater", [](double a, double b) { return a > b; }},
                                                                   {"greater_equal", [](double a, double b) { return a >= b; }}};
  return all;
}

template <class List, class Operation>
std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (int i = 0; i < List::size; ++i) List::visit(i, [&]<class F>() { all.push_back(F()); });
  return all;
}

template <class T>
Tensor vector_of(const std::vector<T>& values, Device device) {
  return Tensor::from(values, Shape{static_cast<int64_t>(values.size())}).to(device);
}

/// The first wrong element, or "".
template <class T, class Exact>
std::string first_wrong(const Tensor& got, double relative, double absolute, const Exact& exact) {
  const Tensor here = got.to(Device::cpu());
  for (int64_t i = 0; i < here.numel(); ++i) {
    const T value = here.data<T>()[i];
    const Real expected = exact(i);
    if (!is_right(value, expected, relative, absolute)) {
      return fmt::format("element {}: {}, expected {}", i, value, static_cast<double>(expected));
    }
  }
  return "";
}

template <class T>
void check_unary(Device device) {
  const std::vector<T> numbers = odd_numbers<T>();
  const double eps = std::numeric_limits<T>::epsilon();
  const Tensor x = vector_of(numbers, device);
  for (const kernels::Unary& op : operations<UnaryList, kernels::Unary>()) {
    INFO(op.name << " of " << name_of(x.dtype()));
    const auto found = unary_references().find(op.name);
    REQUIRE(found != unary_references().end());
    const auto& [value, derivative, reads_rounded] = found->second;
    Tensor y = Tensor::empty_like(x), dx = Tensor::empty_like(x);
    kernels::unary(op, x, y);
    const auto argument = [&](int64_t i) { return static_cast<Real>(numbers[static_cast<size_t>(i)]); };
    CHECK(first_wrong<T>(y, 12 * eps, 0, [&](int64_t i) { return value(argument(i)); }) == "");
    kernels::unary_backward(op, x, y, Tensor::full(x.shape(), 1, x.dtype(), device), dx);
    const Tensor slopes = dx.to(Device::cpu());
    const auto slope = [&](int64_t i) {
      const Real at = argument(i), got = slopes.data<T>()[i];
      // Where the value is NaN there is no derivative to expect. The sign of an infinite one at a zero depends on the
      // sign of the zero, which the value may have lost.
      if (std::isnan(value(at)) || (at == 0 && std::isinf(got) && std::isinf(derivative(at)))) return got;
      return derivative(at);
    };
    CHECK(first_wrong<T>(dx, 50 * eps, reads_rounded ? 4 * eps : 0, slope) == "");
  }
}

template <class T>
void check_pairs(Device device) {
  const std::vector<T> numbers = odd_numbers<T>();
  const auto count = static_cast<int64_t>(numbers.size());
  const double eps = std::numeric_limits<T>::epsilon();
  const Tensor a = vector_of(numbers, device).reshape({count, 1}), b = vector_of(numbers, device);
  const auto left = [&](int64_t i) { return static_cast<Real>(numbers[static_cast<size_t>(i / count)]); };
  const auto right = [&](int64_t i) { return static_cast<Real>(numbers[static_cast<size_t>(i % count)]); };
  Tensor y = Tensor::empty({count, count}, a.dtype(), device), d = Tensor::empty_like(y);
  const Tensor ones = Tensor::full({count, count}, 1, a.dtype(), device);
  for (const kernels::Binary& op : operations<BinaryList, kernels::Binary>()) {
    INFO(op.name << " of " << name_of(a.dtype()));
    const auto found = binary_references().find(op.name);
    REQUIRE(found != binary_references().end());
    const BinaryReference& reference = found->second;
    kernels::binary(op, a, b, y);
    CHECK(first_wrong<T>(y, 4 * eps, 0, [&](int64_t i) { return reference.value(left(i), right(i)); }) == "");
    for (const int by : {0, 1}) {
      if (std::string_view(op.name) == "pow") continue;  // its exponents are rounded on the way
      INFO("by operand " << by);
      kernels::binary_backward(op, by, a, b, ones, d);
      const auto slope = by == 0 ? reference.by_a : reference.by_b;
      const auto rounded = d.to(Device::cpu());
      CHECK(first_wrong<T>(d, 8 * eps, 0, [&](int64_t i) {
              // a / b may leave the range of T where (a / b) / b would return to it, and a NaN operand has no slope.
              const bool leaves = std::string_view(op.name) == "div" && by == 1 &&
                                  !(std::abs(left(i) / right(i)) >= std::numeric_limits<T>::min() &&
                                    std::abs(left(i) / right(i)) <= std::numeric_limits<T>::max());
              const bool none = std::isnan(left(i)) || std::isnan(right(i));
              return leaves || none ? static_cast<Real>(rounded.template data<T>()[i]) : slope(left(i), right(i));
            }) == "");
    }
  }
  Tensor holds = Tensor::empty({count, count}, DType::u8, device);
  for (const kernels::Comparison& op : operations<ComparisonList, kernels::Comparison>()) {
    INFO(op.name);
    const auto found = comparison_references().find(op.name);
    REQUIRE(found != comparison_references().end());
    kernels::compare(op, a, b, holds);
    const Tensor here = holds.to(Device::cpu());
    int64_t wrong = 0;
    for (int64_t i = 0; i < count * count; ++i) {
      wrong +=
          (here.data<uint8_t>()[i] != 0) != found->second(static_cast<double>(left(i)), static_cast<double>(right(i)));
    }
    CHECK(wrong == 0);
  }
}

template <class T>
void check_choices(Device device) {
  const std::vector<T> numbers = odd_numbers<T>();
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = vector_of(numbers, device), ones = Tensor::full(x.shape(), 1, x.dtype(), device);
  Tensor y = Tensor::empty_like(x);
  const auto at = [&](int64_t i) { return static_cast<Real>(numbers[static_cast<size_t>(i)]); };
  for (const auto& [low, high] : {std::pair(-1.0, 1.0), {-infinity, infinity}, {0.0, 0.0}, {-infinity, -2.0}}) {
    kernels::clamp(x, low, high, y);
    const Real least = low, most = high;
    CHECK(first_wrong<T>(y, 0, 0,
                         [&](int64_t i) { return std::isnan(at(i)) ? at(i) : std::clamp(at(i), least, most); }) == "");
    kernels::clamp_backward(x, low, high, ones, y);
    CHECK(first_wrong<T>(y, 0, 0, [&](int64_t i) { return at(i) < least || at(i) > most ? 0.0L : 1.0L; }) == "");
  }
  std::vector<uint8_t> mask;
  for (size_t i = 0; i < numbers.size(); ++i) mask.push_back(i % 2);
  std::vector<T> reversed(numbers.rbegin(), numbers.rend());
  kernels::where(vector_of(mask, device), x, vector_of(reversed, device), y);
  CHECK(first_wrong<T>(y, 0, 0, [&](int64_t i) {
          const auto n = static_cast<size_t>(i);
          return static_cast<Real>(mask[n] != 0 ? numbers[n] : reversed[n]);
        }) == "");
  Tensor other = Tensor::empty(x.shape(), x.dtype() == DType::f32 ? DType::f64 : DType::f32, device);
  kernels::cast(x, other);
  using Other = std::conditional_t<std::is_same_v<T, float>, double, float>;
  CHECK(first_wrong<Other>(other, 0, 0, at) == "");
}

}  // namespace

TEST_CASE("element-wise operations of odd numbers", "[kernel][device]") {
  on_every_device([](Device device) {
    check_unary<float>(device), check_unary<double>(device);
    check_pairs<float>(device), check_pairs<double>(device);
    check_choices<float>(device), check_choices<double>(device);
  });
}

TEST_CASE("every kernel either meets odd numbers in a test or is known to pass its numbers on") {
  // Here and in odd_reductions_test.cpp, selection_test.cpp (top_k) and the tests of the autograd layer.
  const std::set<std::string> tested{"unary",
                                     "unary_backward",
                                     "binary",
                                     "binary_backward",
                                     "compare",
                                     "clamp",
                                     "clamp_backward",
                                     "where",
                                     "cast",
                                     "reduce_sum",
                                     "reduce_sum_backward",
                                     "reduce_max",
                                     "reduce_max_backward",
                                     "reduce_argmax",
                                     "reduce_logsumexp",
                                     "reduce_logsumexp_backward",
                                     "reduce_var",
                                     "reduce_var_backward",
                                     "softmax",
                                     "softmax_backward",
                                     "log_softmax",
                                     "log_softmax_backward",
                                     "softmax_cross_entropy",
                                     "softmax_cross_entropy_backward",
                                     "route_top_k",
                                     "top_k",
                                     "top_k_backward",
                                     "pairwise_distance",
                                     "pairwise_distance_backward",
                                     "squared_norms",
                                     "clip_factor",
                                     "scale",
                                     "scale_by",
                                     "batch_norm",
                                     "batch_norm_backward",
                                     "count_correct",
                                     "accumulate_metrics",
                                     "first_non_finites",
                                     "watch_finite"};
  // Copies, integers and random numbers; products and sums of products, whose rounding their own tests bound; updates
  // of optimizers, which are element-wise.
  const std::set<std::string> passed_on{"accumulate",
                                        "adam",
                                        "flip_horizontal",
                                        "crop",
                                        "broadcast_to",
                                        "sum_to",
                                        "combine",
                                        "combine_backward_rows",
                                        "combine_backward_weights",
                                        "concat",
                                        "concat_part",
                                        "conv2d",
                                        "conv2d_backward_input",
                                        "conv2d_backward_weight",
                                        "counting_sort",
                                        "dense_dispatch",
                                        "dense_positions",
                                        "every_expert",
                                        "chosen_mask",
                                        "segment_sizes",
                                        "slots_of_rows",
                                        "dropout",
                                        "feed_forward_gain",
                                        "feed_forward",
                                        "feed_forward_backward",
                                        "fill",
                                        "gather_last",
                                        "gather_last_backward",
                                        "gather_samples",
                                        "grouped_matmul",
                                        "grouped_matmul_backward_input",
                                        "grouped_matmul_backward_weight",
                                        "grouped_matmul_backward_bias",
                                        "index_select",
                                        "index_select_backward",
                                        "matmul",
                                        "permute",
                                        "pick",
                                        "pick_backward",
                                        "max_pool2d",
                                        "max_pool2d_backward",
                                        "avg_pool2d",
                                        "avg_pool2d_backward",
                                        "global_avg_pool2d",
                                        "global_avg_pool2d_backward",
                                        "rmsprop",
                                        "gather_rows",
                                        "scatter_add_rows",
                                        "sgd",
                                        "small_stack_pays",
                                        "small_stack",
                                        "small_stack_backward"};
  std::set<std::string> declared;
  const std::regex line(R"(^DIVVY_BACKENDS\((\w+)\);)", std::regex::multiline);
  for (const auto& file : std::filesystem::directory_iterator(source_path() + "/kernels")) {
    if (file.path().extension() != ".h") continue;
    std::ifstream in(file.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::sregex_iterator match(text.begin(), text.end(), line), end; match != end; ++match) {
      declared.insert((*match)[1]);
    }
  }
  CHECK(declared.size() > 80);
  for (const std::string& kernel : declared) {
    INFO(kernel << " is new: add it to the tests of odd numbers, or to those that pass numbers on");
    CHECK(tested.contains(kernel) != passed_on.contains(kernel));
  }
}

}  // namespace divvy::test
