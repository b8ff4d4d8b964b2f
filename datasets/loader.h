#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>

#include "datasets/dataset.h"
#include "datasets/gather.h"

namespace divvy::data {

/// Samples as a model reads them. Do not write to them: without shuffling, x, y and target may be views of the dataset.
struct Batch {
  Tensor x;       ///< f32 [n, ...], normalized
  Tensor y;       ///< i64 [n], or undefined
  Tensor target;  ///< f32 [n, ...], or undefined
  Tensor index;   ///< i64 [n], the indices of the samples in the dataset
  int64_t size() const { return index.defined() ? index.size(0) : 0; }
};

struct LoaderOptions {
  int64_t batch = 64;
  bool shuffle = false;
  bool drop_last = false;  ///< leave out the last batch of an epoch if it is smaller than the others
  uint64_t seed = 42;      ///< seeds the order and the augmentation
  Augmentation augment = {};
  /// Called on every batch before it is returned, on the thread that prepares batches, with a generator that depends
  /// only on seed, epoch and batch. It may write to x and replace any tensor.
  std::function<void(Batch&, Generator&)> transform = {};
  Device device = {};  ///< device of the tensors of a batch, except `index`
  /// Keeps the whole dataset in the memory of a GPU if it takes at most half of what is available there. The GPU then
  /// makes the batches, with the same values, and no thread prepares them. It cannot be combined with a transform,
  /// which needs batches on the CPU.
  bool resident = false;
  int64_t prefetch = 3;  ///< number of batches that a thread prepares ahead; 0: no thread
};

/// The position of a loader, from which it can resume with the same batches.
struct LoaderState {
  int64_t epoch = 0;     ///< counted from 0
  int64_t position = 0;  ///< batches of this epoch already returned
  bool operator==(const LoaderState&) const = default;
};

/// Iterates over a dataset in batches, epoch after epoch:
///
///     for (const Batch& batch : loader) train(batch);   // the rest of the current epoch
///
/// The contents of batch b of epoch e depend only on the dataset, the options and the seed, so runs can be repeated,
/// resumed and compared. A thread prepares batches ahead; its errors are rethrown by the call that would have returned
/// the batch. A Loader must not be used by several threads at the same time.
class Loader {
 public:
  /// Throws ValueError for a batch size below 1, a negative prefetch, an augmentation that does not fit the samples or
  /// a resident dataset with a transform, DataError for an invalid dataset (see check()), DeviceError for a device that
  /// does not exist.
  explicit Loader(Dataset dataset, LoaderOptions options = {});
  ~Loader();
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  /// The next batch of this epoch, or nothing at its end; the call after that begins the next epoch.
  std::optional<Batch> next();

  /// The numbers of batches and of samples in an epoch.
  int64_t batches() const;
  int64_t samples() const;
  const Dataset& dataset() const;
  const LoaderOptions& options() const;
  /// Whether the dataset is in device memory.
  bool resident() const;

  LoaderState state() const;
  /// Continues from `state`; {e, 0} is the start of epoch e. Throws ValueError for a position that an epoch of this
  /// loader does not have.
  void restore(const LoaderState& state);

  /// Input iterator over the rest of the epoch.
  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(Loader* loader) : loader_(loader) { ++*this; }
    const Batch& operator*() const { return *batch_; }
    const Batch* operator->() const { return &*batch_; }
    Iterator& operator++() {
      batch_.reset();  // frees its memory for the next batch
      batch_ = loader_->next();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !batch_.has_value(); }

   private:
    Loader* loader_ = nullptr;
    std::optional<Batch> batch_;
  };
  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() { return {}; }

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace divvy::data
