#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>

#include "datasets/dataset.h"
#include "datasets/gather.h"

namespace divvy::data {

/// Samples in the form that a model reads. Read only: x, y and target of an unshuffled loader may be views of the
/// dataset.
struct Batch {
  Tensor x;       ///< f32 [n, ...], normalized
  Tensor y;       ///< i64 [n], or undefined
  Tensor target;  ///< f32 [n, ...], or undefined
  Tensor index;   ///< i64 [n], which samples of the dataset these are
  int64_t size() const { return index.defined() ? index.size(0) : 0; }
};

struct LoaderOptions {
  int64_t batch = 64;
  bool shuffle = false;
  bool drop_last = false;  ///< leave out the last batch of an epoch where it would be smaller than the others
  uint64_t seed = 42;      ///< of the order and of the augmentation
  Augmentation augment = {};
  /// Called on every batch before it is handed out, on the thread that prepares batches; a generator that is the same
  /// for the same seed, epoch and batch comes with it. It may write to x, and replace any tensor.
  std::function<void(Batch&, Generator&)> transform = {};
  Device device = {};  ///< where the tensors of a batch but `index` go
  /// Keeps the whole dataset in the memory of a GPU where it takes at most half of what is free there; batches are then
  /// made by the GPU, with the same values, and no thread prepares them. Not with a transform, which needs them on the
  /// CPU.
  bool resident = false;
  int64_t prefetch = 3;  ///< how many batches are prepared ahead by a thread of their own; 0: none, and no thread
};

/// How far a loader has come; enough to go on with the very same batches.
struct LoaderState {
  int64_t epoch = 0;     ///< counted from 0
  int64_t position = 0;  ///< batches of this epoch that have been handed out
  bool operator==(const LoaderState&) const = default;
};

/// Hands out a dataset in batches, epoch after epoch:
///
///     for (const Batch& batch : loader) train(batch);   // the rest of the current epoch
///
/// What batch b of epoch e holds depends on the dataset, the options and the seed alone, so runs can be repeated,
/// resumed and compared. One thread prepares batches ahead; an error there is thrown by the call that would have
/// returned that batch. A Loader is used from one thread at a time.
class Loader {
 public:
  /// Throws ValueError for a batch size below 1, a negative prefetch, an augmentation that does not fit the samples or
  /// a resident dataset with a transform, DataError for a dataset that is not whole (see check()), DeviceError for a
  /// device that is not there.
  explicit Loader(Dataset dataset, LoaderOptions options = {});
  ~Loader();
  Loader(Loader&&) noexcept;
  Loader& operator=(Loader&&) noexcept;

  /// The next batch of this epoch; nothing, once, where the epoch ends, and the call after that begins the next one.
  std::optional<Batch> next();

  /// How many batches, and how many samples, an epoch hands out.
  int64_t batches() const;
  int64_t samples() const;
  const Dataset& dataset() const;
  const LoaderOptions& options() const;
  /// Whether the dataset is in the memory of the device.
  bool resident() const;

  LoaderState state() const;
  /// Goes on from there; {e, 0} begins epoch e. Throws ValueError for a position that no epoch of this loader has.
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
      batch_.reset();  // its memory may serve the next one
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
