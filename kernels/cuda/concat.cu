#include "kernels/concat.h"

#include "kernels/cuda/for_rows.cuh"
#include "kernels/cuda/vector.cuh"

namespace divvy::kernels::cuda {

namespace {

constexpr int kParts = 32;  // that one kernel joins

/// Row r of `to` gets row r of each part, side by side from column begin[p] on; rows of words.
template <class Word>
struct Join {
  const Word* from[kParts];
  int64_t begin[kParts + 1];
  Word* to;
  int64_t stride;

  __device__ void operator()(int64_t r, int64_t c) const {
    int p = 0;
    while (c >= begin[p + 1]) ++p;
    to[r * stride + c] = from[p][r * (begin[p + 1] - begin[p]) + c - begin[p]];
  }
};

template <class Word>
struct CopyRows {
  const Word* from;
  int64_t stride;
  Word* to;
  int64_t words;
  __device__ void operator()(int64_t r, int64_t c) const { to[r * words + c] = from[r * stride + c]; }
};

/// A tensor as a table: a row for each combination of the axes before `axis`, in bytes.
int64_t row_count(const Tensor& t, int axis) { return t.shape().range(0, axis).numel(); }
int64_t row_bytes(const Tensor& t, int axis) { return t.shape().range(axis).numel() * size_of(t.dtype()); }

}  // namespace

void concat(const std::vector<Tensor>& parts, int axis, Tensor& y) {
  if (y.numel() == 0) return;
  std::byte* to = y.mutable_bytes();
  const int64_t rows = row_count(y, axis), stride = row_bytes(y, axis);
  for (size_t first = 0; first < parts.size(); first += kParts) {
    const size_t count = std::min<size_t>(kParts, parts.size() - first);
    // The widest word that all parts, and so their places in y, consist of.
    int64_t bits = stride;
    for (size_t p = 0; p < count; ++p) {
      bits |= row_bytes(parts[first + p], axis) |
              static_cast<int64_t>(reinterpret_cast<uintptr_t>(parts[first + p].bytes()) % 16);
    }
    int64_t joined = 0;
    visit_word(bits, {to}, [&]<class Word>() {
      constexpr auto kSize = static_cast<int64_t>(sizeof(Word));
      Join<Word> join{};
      for (size_t p = 0; p < count; ++p) {
        join.from[p] = reinterpret_cast<const Word*>(parts[first + p].bytes());
        join.begin[p + 1] = join.begin[p] + row_bytes(parts[first + p], axis) / kSize;
      }
      join.to = reinterpret_cast<Word*>(to);
      join.stride = stride / kSize;
      for_rows(y.device(), rows, join.begin[count], join);
      joined = join.begin[count] * kSize;
    });
    to += joined;
  }
}

void concat_part(const Tensor& y, int axis, int64_t begin, Tensor& part) {
  if (part.numel() == 0) return;
  const std::byte* from = y.bytes() + begin * y.shape().range(axis + 1).numel() * size_of(y.dtype());
  std::byte* to = part.mutable_bytes();
  const int64_t row = row_bytes(part, axis), stride = row_bytes(y, axis);
  visit_word(row | stride, {from, to}, [&]<class Word>() {
    constexpr auto kSize = static_cast<int64_t>(sizeof(Word));
    for_rows(
        y.device(), row_count(y, axis), row / kSize,
        CopyRows<Word>{reinterpret_cast<const Word*>(from), stride / kSize, reinterpret_cast<Word*>(to), row / kSize});
  });
}

}  // namespace divvy::kernels::cuda
