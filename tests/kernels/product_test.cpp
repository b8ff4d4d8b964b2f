#include "kernels/cpu/product/product.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/precision.h"
#include "tensor/dtype.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/instruction_sets.h"

namespace divvy::test {

namespace {

using kernels::InstructionSet;
using kernels::cpu::MatrixView;
using kernels::cpu::Product;

/// A way to multiply, and what it rounds its operands to.
template <class T>
struct Way {
  std::string name;
  Product<T> multiply;
  bool rounds = false;
  double operand(T value) const {
    return rounds ? static_cast<double>(static_cast<float>(bf16(static_cast<float>(value))))
                  : static_cast<double>(value);
  }
};

/// Every instruction set and, in f32, every unit for bf16 that this machine has.
template <class T>
std::vector<Way<T>> ways() {
  std::vector<Way<T>> result;
  for (const InstructionSet set : instruction_sets()) {
    const WithInstructionSet with(set);
    result.push_back({std::string(to_string(set)), Product<T>(Precision::f32)});
  }
#if defined(__x86_64__)
  if constexpr (std::is_same_v<T, float>) {
    using namespace kernels;
    if (machine_has(Bf16Unit::avx512)) {
      result.push_back({"AVX512_BF16", Product<T>(avx512_bf16::product_code<T>()), true});
    }
    if (machine_has(Bf16Unit::amx)) result.push_back({"AMX-BF16", Product<T>(amx::product_code<T>()), true});
  }
#endif
  return result;
}

template <class T>
std::vector<T> random_values(int64_t count, std::mt19937_64& random) {
  std::uniform_real_distribution<double> value(-1, 1);
  std::vector<T> values(static_cast<size_t>(count));
  for (T& v : values) v = static_cast<T>(value(random));
  return values;
}

/// A matrix of rows x cols as a product reads it, in rows of memory that are longer than they need be and, if it is
/// gathered, in another order. What is not part of it is NaN.
template <class T>
struct Stored {
  Stored(int64_t rows, int64_t cols, bool transposed, bool gathered, std::mt19937_64& random) {
    const int64_t lines = transposed ? cols : rows, length = transposed ? rows : cols, stride = length + 3;
    const int64_t sources = gathered ? lines + 2 : lines;
    memory.assign(static_cast<size_t>(sources * stride), std::numeric_limits<T>::quiet_NaN());
    values = random_values<T>(rows * cols, random);
    for (int64_t r = 0; r < lines; ++r) index.push_back(gathered ? (r * 7 + 1) % sources : r);
    if (gathered && sources % 7 == 0) {
      for (int64_t r = 0; r < lines; ++r) index[static_cast<size_t>(r)] = sources - 1 - r;
    }
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < cols; ++j) {
        const int64_t line = index[static_cast<size_t>(transposed ? j : i)], at = transposed ? i : j;
        memory[static_cast<size_t>(line * stride + at)] = values[static_cast<size_t>(i * cols + j)];
      }
    }
    // The last row of memory ends with its last element, so that a sanitizer sees what reads beyond it.
    memory.resize(static_cast<size_t>(sources == 0 ? 0 : (sources - 1) * stride + length));
    memory.shrink_to_fit();
    view = {memory.data(), stride, transposed, gathered ? index.data() : nullptr};
  }
  std::vector<T> memory, values;
  std::vector<int64_t> index;
  MatrixView<T> view;
};

enum class Start { zero, bias, add };
enum class Last { none, relu, active };

struct Case {
  int64_t rows, cols, depth;
  bool transpose_a, transpose_b, gather_a, gather_b;
  Start start;
  Last last = Last::none;
};

/// Computes a case in every way and compares it with plain loops in double; the tolerance is relative to
/// the sum of the magnitudes of an element's products.
template <class T>
void check_case(const Case& c, std::mt19937_64& random) {
  const Stored<T> a(c.rows, c.depth, c.transpose_a, c.gather_a, random);
  const Stored<T> b(c.depth, c.cols, c.transpose_b, c.gather_b, random);
  const std::vector<T> bias = random_values<T>(c.cols, random), before = random_values<T>(c.rows * c.cols, random);
  const std::vector<T> active = random_values<T>(c.rows * c.cols, random);
  const int64_t stride = c.cols + 2;
  for (const Way<T>& way : ways<T>()) {
    std::vector<T> result(static_cast<size_t>(c.rows * stride), T(-77));
    for (int64_t i = 0; i < c.rows && c.start == Start::add; ++i) {
      std::copy_n(before.begin() + i * c.cols, c.cols, result.begin() + i * stride);
    }
    way.multiply(c.rows, c.cols, c.depth, a.view, b.view,
                 {result.data(),
                  stride,
                  c.start == Start::add,
                  {c.start == Start::bias ? bias.data() : nullptr, c.last == Last::relu,
                   c.last == Last::active ? active.data() : nullptr, c.cols}});
    int64_t wrong = 0;
    for (int64_t i = 0; i < c.rows; ++i) {
      for (int64_t j = 0; j < c.cols; ++j) {
        const double start = c.start == Start::zero ? 0
                             : c.start == Start::bias
                                 ? static_cast<double>(bias[static_cast<size_t>(j)])
                                 : static_cast<double>(before[static_cast<size_t>(i * c.cols + j)]);
        double sum = start, size = std::abs(start);
        for (int64_t p = 0; p < c.depth; ++p) {
          const double product = way.operand(a.values[static_cast<size_t>(i * c.depth + p)]) *
                                 way.operand(b.values[static_cast<size_t>(p * c.cols + j)]);
          sum += product, size += std::abs(product);
        }
        const double tolerance = 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * size *
                                 std::sqrt(static_cast<double>(c.depth + 1));
        if (c.last == Last::relu) sum = std::max(sum, 0.0);
        if (c.last == Last::active && active[static_cast<size_t>(i * c.cols + j)] <= T(0)) sum = 0;
        wrong += !(std::abs(static_cast<double>(result[static_cast<size_t>(i * stride + j)]) - sum) <= tolerance);
      }
      for (int64_t j = c.cols; j < stride; ++j) wrong += result[static_cast<size_t>(i * stride + j)] != T(-77);
    }
    INFO(way.name << ", " << sizeof(T) << " bytes: " << c.rows << " x " << c.depth << " x " << c.cols << ", transposed "
                  << c.transpose_a << c.transpose_b << ", gathered " << c.gather_a << c.gather_b << ", start "
                  << static_cast<int>(c.start) << ", last " << static_cast<int>(c.last));
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("products of 1,500 random sizes agree with plain loops on every instruction set") {
  std::mt19937_64 random(31);
  const auto up_to = [&](int64_t most) { return std::uniform_int_distribution<int64_t>(0, most)(random); };
  for (int i = 0; i < 1500; ++i) {
    const auto coin = [&] { return up_to(1) == 1; };
    const bool large = i % 25 == 0;
    const Case c{up_to(large ? 300 : 40),
                 up_to(large ? 80 : 70),
                 up_to(large ? 900 : 50),
                 coin(),
                 coin(),
                 coin(),
                 coin(),
                 static_cast<Start>(up_to(2)),
                 static_cast<Last>(up_to(2))};
    coin() ? check_case<float>(c, random) : check_case<double>(c, random);
  }
}

TEST_CASE("products around every width of a vector and height of a tile agree with plain loops") {
  std::mt19937_64 random(32);
  for (int64_t size = 1; size <= 36; ++size) {
    for (const bool transposed : {false, true}) {
      check_case<float>({size, 37 - size, 19, transposed, transposed, false, true, Start::bias, Last::relu}, random);
      check_case<double>({size, 37 - size, 18, !transposed, transposed, true, false, Start::add, Last::active}, random);
      check_case<float>({5, size, size, transposed, true, false, false, Start::zero}, random);
    }
  }
}

TEST_CASE("products of f32 are rounded to bf16 where that is asked for and the machine can") {
  // 1 + 2^-9 has one bit more than bf16 keeps.
  const float a = 1 + 1.F / 512, b = 3;
  const auto product = [&](Precision precision) {
    float result = 0;
    const Product<float> multiply(precision);
    multiply(1, 1, 1, {&a, 1}, {&b, 1}, {&result, 1});
    return result;
  };
  CHECK(product(Precision::f32) == a * b);
  CHECK(product(Precision::bf16) == (kernels::has_precision(Device::cpu(), Precision::bf16) ? b : a * b));
  CHECK(product(Precision::tf32) == a * b);
}

TEST_CASE("products in bf16 round as bf16(float) does") {
  // Beside every number of bf16, what is nearly it, ties, and what is nearly the next one.
  std::vector<float> values;
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (const uint32_t lower : {0x0u, 0x1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      values.push_back(std::bit_cast<float>(upper << 16 | lower));
    }
  }
  constexpr int64_t rows = 256;
  const float one = 1;
  const auto count = static_cast<int64_t>(values.size());
  REQUIRE(count % rows == 0);
  for (const Way<float>& way : ways<float>()) {
    if (!way.rounds) continue;
    for (const bool transposed : {false, true}) {
      int64_t wrong = 0;
      for (int64_t i = 0; i < count; i += rows) {
        const float* from = values.data() + i;
        float result[rows];
        way.multiply(rows, 1, 1, {from, transposed ? rows : 1, transposed}, {&one, 1}, {result, 1});
        for (int64_t r = 0; r < rows; ++r) {
          // The units take what is below the normal range for zero.
          const bool zero = std::abs(from[r]) < std::numeric_limits<float>::min();
          const float expected = zero ? 0.0F : static_cast<float>(bf16(from[r]));
          wrong += !(result[r] == expected || (std::isnan(result[r]) && std::isnan(expected)));
        }
      }
      INFO(way.name << ", transposed " << transposed);
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("how rows and columns are cut does not change a bit of a product") {
  std::mt19937_64 random(33);
  for (const Way<float>& way : ways<float>()) {
    for (const bool transposed : {false, true}) {
      const int64_t rows = 61, cols = 93, depth = 801;
      const Stored<float> a(rows, depth, transposed, true, random), b(depth, cols, !transposed, true, random);
      const Product<float>& multiply = way.multiply;
      std::vector<float> whole(rows * cols), parts(rows * cols);
      multiply(rows, cols, depth, a.view, b.view, {whole.data(), cols});
      for (int64_t i = 0; i < rows; i += 7) {
        for (int64_t j = 0; j < cols; j += 11) {
          multiply(std::min<int64_t>(7, rows - i), std::min<int64_t>(11, cols - j), depth, a.view.at(i, 0),
                   b.view.at(0, j), {parts.data() + i * cols + j, cols});
        }
      }
      INFO(way.name);
      CHECK(whole == parts);
    }
  }
}

}  // namespace divvy::test
