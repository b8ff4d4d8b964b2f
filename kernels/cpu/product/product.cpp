#include "kernels/cpu/product/product.h"

#include <type_traits>

#include "kernels/backend.h"
#include "kernels/cpu/scratch.h"

namespace divvy::kernels::cpu {

namespace {

template <class T>
const ProductCode<T>& code_for([[maybe_unused]] Precision precision) {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<T, float>) {
    if (instruction_set() == InstructionSet::avx512 && precision == Precision::bf16) {
      if (machine_has(Bf16Unit::amx)) return amx::product_code<float>();
      if (machine_has(Bf16Unit::avx512)) return avx512_bf16::product_code<float>();
    }
  }
#endif
  return DIVVY_CPU_BACKEND(instruction_set(), product_code<T>)();
}

template <class T>
void without_depth(int64_t rows, int64_t cols, const ProductResult<T>& c) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      T& value = c.data[i * c.stride + j];
      value = c.epilogue(c.add ? value : T(0), i, j);
    }
  }
}

}  // namespace

template <class T>
Product<T>::Product(Precision precision) : Product(code_for<T>(precision)) {}

template <class T>
void Product<T>::operator()(int64_t rows, int64_t cols, int64_t depth, const MatrixView<T>& a, const MatrixView<T>& b,
                            const ProductResult<T>& c) const {
  if (rows == 0 || cols == 0) return;
  if (depth == 0) return without_depth(rows, cols, c);
  thread_local Scratch left, right;
  // Blocks of equal depth, whole cache lines of a. Where a has to be packed, it is in blocks of rows, too.
  const int64_t block = (tiles_of(depth, tiles_of(depth, code_->depth)) + 15) / 16 * 16;
  const bool packs_left = a.transposed || code_->packs_left;
  const int64_t height = packs_left ? std::min(rows, kTileRows) : rows;
  T* left_space = packs_left ? left.take<T>(code_->left_space(height, block)) : nullptr;
  T* right_space = right.take<T>(code_->right_space(block));
  for (int64_t p = 0; p < depth; p += block) {
    const int64_t size = std::min(block, depth - p);
    for (int64_t row = 0; row < rows; row += height) {
      ProductBlock<T> part{std::min(height, rows - row),
                           cols,
                           size,
                           a.at(row, p),
                           b.at(p, 0),
                           c.at(row, 0),
                           left_space,
                           right_space,
                           {}};
      // The first block of the depth adds the bias, and the last one has the rest of the epilogue.
      Epilogue<T>& epilogue = part.result.epilogue;
      if (p > 0) epilogue.bias = nullptr, part.result.add = true;
      if (p + size < depth) epilogue.relu = false, epilogue.active = nullptr;
      const bool last = row + height >= rows;
      const int64_t next_row = last ? 0 : row + height, next_p = last ? p + block : p;
      if (a.transposed && next_p < depth) {
        part.next = a.at(next_row, next_p);
        part.next_rows = std::min(height, rows - next_row), part.next_depth = std::min(block, depth - next_p);
      }
      code_->multiply(part);
    }
  }
}

template class Product<float>;
template class Product<double>;

}  // namespace divvy::kernels::cpu
