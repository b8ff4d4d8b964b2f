#pragma once

#include <algorithm>
#include <vector>

#include "kernels/cpu/product/row_panels.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// Sums over the rows of each expert, say of gradients of its parameters. An expert with many rows is cut into panels,
/// so that there is work for every core even if it has all of the rows. Its first panel sums into the results
/// themselves and each other panel into memory of its own, which add_up() adds to the results in the order of the rows:
/// neither threads nor their number change a bit.
template <class T>
class ExpertSums {
 public:
  /// `panels`: in the order of experts and rows.
  ExpertSums(const std::vector<RowPanel>& panels, int64_t experts) : counts_(static_cast<size_t>(experts)) {
    for (const RowPanel& panel : panels) {
      const bool first = counts_[static_cast<size_t>(panel.expert)]++ == 0;
      panels_.push_back({panel.expert, first ? -1 : others_++});
    }
  }

  /// Adds a result of equal parts for the experts, or one that is undefined since it is not wanted; returns its number.
  size_t add(Tensor& result) {
    if (result.defined() && result.numel() > 0) {
      const int64_t size = result.numel() / static_cast<int64_t>(counts_.size());
      Tensor others = Tensor::empty({others_, size}, dtype_of<T>);
      results_.push_back({result.mutable_data<T>(), others.mutable_data<T>(), size, others});
    } else {
      results_.push_back({});
    }
    return results_.size() - 1;
  }

  /// Where panel i of those given puts its sum; nullptr for a result that is not wanted, or empty.
  T* of(size_t result, size_t panel) const {
    const Result& r = results_[result];
    if (r.data == nullptr) return nullptr;
    const Panel& p = panels_[panel];
    return p.other < 0 ? r.data + p.expert * r.size : r.others + p.other * r.size;
  }

  /// Completes the results once every panel has put its sums; they are 0 for an expert without panels.
  void add_up() const {
    std::vector<Job> jobs;
    int64_t total = 0;
    for (const Result& r : results_) {
      int64_t other = 0;
      for (size_t e = 0; e < counts_.size() && r.data != nullptr; ++e) {
        const int64_t others = std::max<int64_t>(counts_[e] - 1, 0);
        if (counts_[e] != 1) {
          jobs.push_back({r.data + static_cast<int64_t>(e) * r.size, r.others + other * r.size, r.size, others,
                          counts_[e] == 0, total});
          total += r.size;
        }
        other += others;
      }
    }
    parallel_tiles(total, 16384, [&](int64_t begin, int64_t end) {
      auto job =
          std::upper_bound(jobs.begin(), jobs.end(), begin, [](int64_t at, const Job& j) { return at < j.first; });
      for (--job; begin < end; ++job) {
        const int64_t stop = std::min(end, job->first + job->size);
        job->run(begin - job->first, stop - job->first);
        begin = stop;
      }
    });
  }

 private:
  struct Panel {
    int64_t expert, other;  ///< its number among those that are not the first of an expert, or -1
  };
  struct Result {
    T *data = nullptr, *others = nullptr;
    int64_t size = 0;
    Tensor memory;
  };
  /// The result of an expert; `first` counts the elements of those before it.
  struct Job {
    T* to;
    const T* from;
    int64_t size, others;
    bool empty;
    int64_t first;

    void run(int64_t begin, int64_t end) const {
      constexpr int64_t kStrip = 4096;  // stays in the first cache while all panels are added
      if (empty) return std::fill(to + begin, to + end, T(0));
      for (; begin < end; begin += kStrip) {
        const int64_t stop = std::min(begin + kStrip, end);
        for (int64_t p = 0; p < others; ++p) {
          const T* part = from + p * size;
          for (int64_t i = begin; i < stop; ++i) to[i] += part[i];
        }
      }
    }
  };

  std::vector<int64_t> counts_;  ///< panels of each expert
  int64_t others_ = 0;           ///< panels that are not the first of an expert
  std::vector<Panel> panels_;
  std::vector<Result> results_;
};

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
