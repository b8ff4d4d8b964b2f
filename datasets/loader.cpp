#include "datasets/loader.h"

#include <algorithm>
#include <numeric>

#include "datasets/device_samples.h"
#include "datasets/prefetch.h"

namespace divvy::data {

namespace {

// The streams of the seed that a loader uses; other users of the same seed use other streams.
constexpr uint64_t kOrderStream = 0xda7a'0001, kAugmentStream = 0xda7a'0002;

/// Makes any batch of any epoch, in any order. Used by one thread at a time.
class BatchMaker {
 public:
  BatchMaker(Dataset dataset, LoaderOptions options) : dataset_(std::move(dataset)), options_(std::move(options)) {
    if (options_.resident && options_.device.is_cuda() && DeviceSamples::fit(dataset_, options_.device)) {
      resident_ = std::make_unique<DeviceSamples>(dataset_, options_.device);
    }
  }

  const Dataset& dataset() const { return dataset_; }
  const LoaderOptions& options() const { return options_; }
  bool resident() const { return resident_ != nullptr; }
  int64_t samples() const {
    return options_.drop_last ? dataset_.size() / options_.batch * options_.batch : dataset_.size();
  }
  int64_t batches() const { return samples() / options_.batch + (samples() % options_.batch != 0); }

  Batch make(const LoaderState& at) {
    if (at.epoch != epoch_) {
      order_ = order_of(at.epoch);
      if (resident_) resident_order_ = order_.to(options_.device);
      epoch_ = at.epoch;
    }
    const int64_t begin = at.position * options_.batch, end = std::min(begin + options_.batch, samples());
    const Tensor index = order_.slice(begin, end);
    Generator generator = Generator(options_.seed)
                              .split(kAugmentStream)
                              .split(static_cast<uint64_t>(at.epoch))
                              .split(static_cast<uint64_t>(at.position));
    Batch batch = resident_    ? gather_resident(resident_order_.slice(begin, end), generator)
                  : in_place() ? view(begin, end)
                               : gather(index, generator);
    batch.index = index;
    if (options_.transform) options_.transform(batch, generator);
    return batch;
  }

 private:
  Tensor order_of(int64_t epoch) const {
    if (options_.shuffle) {
      return Generator(options_.seed)
          .split(kOrderStream)
          .split(static_cast<uint64_t>(epoch))
          .permutation(dataset_.size());
    }
    if (order_.defined()) return order_;
    Tensor order = Tensor::empty({dataset_.size()}, DType::i64);
    std::iota(order.mutable_values<int64_t>().begin(), order.mutable_values<int64_t>().end(), int64_t{0});
    return order;
  }

  /// Whether batches can be views of the dataset.
  bool in_place() const {
    return !options_.shuffle && !options_.transform && options_.augment.none() && dataset_.x.dtype() == DType::f32 &&
           dataset_.normalization.empty();
  }

  Batch view(int64_t begin, int64_t end) const {
    const Dataset part = dataset_.slice(begin, end);
    return {part.x, part.y, part.target, {}};
  }

  Batch gather(const Tensor& index, Generator& generator) const {
    const auto rows = index.values<int64_t>();
    Batch batch;
    batch.x = Tensor::empty(dataset_.x.shape().with(0, index.size(0)));
    gather_augmented(dataset_, rows, options_.augment, generator, batch.x);
    if (dataset_.y.defined()) batch.y = pick<int64_t>(dataset_.y, rows);
    if (dataset_.target.defined()) batch.target = pick<float>(dataset_.target, rows);
    return batch;
  }

  Batch gather_resident(const Tensor& index, Generator& generator) const {
    auto samples = resident_->gather(index, options_.augment, generator);
    return {std::move(samples.x), std::move(samples.y), std::move(samples.target), {}};
  }

  template <class T>
  static Tensor pick(const Tensor& from, std::span<const int64_t> rows) {
    Tensor result = Tensor::empty(from.shape().with(0, static_cast<int64_t>(rows.size())), from.dtype());
    const int64_t width = from.shape().range(1).numel();
    const T* in = from.data<T>();
    T* out = result.mutable_data<T>();
    for (const int64_t row : rows) out = std::copy_n(in + row * width, width, out);
    return result;
  }

  Dataset dataset_;
  LoaderOptions options_;
  std::unique_ptr<DeviceSamples> resident_;
  Tensor order_, resident_order_;
  int64_t epoch_ = -1;
};

}  // namespace

class Loader::Impl {
 public:
  Impl(Dataset dataset, LoaderOptions options) : maker(std::move(dataset), std::move(options)) {}

  Batch take() {
    if (maker.options().prefetch == 0 || maker.resident()) return maker.make(state);
    if (!prefetcher) {
      // The thread keeps its own position; it makes batches in the order in which next() returns them.
      auto produce = [this, ahead = state]() mutable {
        Batch batch = maker.make(ahead);
        if (++ahead.position == maker.batches()) ahead = {ahead.epoch + 1, 0};
        return batch;
      };
      prefetcher = std::make_unique<Prefetcher<Batch>>(produce, static_cast<size_t>(maker.options().prefetch));
    }
    return prefetcher->take();
  }

  BatchMaker maker;
  LoaderState state;
  std::unique_ptr<Prefetcher<Batch>> prefetcher;  // last, since its thread uses the maker
};

Loader::Loader(Dataset dataset, LoaderOptions options) {
  check(dataset, dataset.name);
  if (options.batch < 1) fail<ValueError>("loader: the batch size must be at least 1, got {}", options.batch);
  if (options.prefetch < 0) fail<ValueError>("loader: prefetch must not be negative, got {}", options.prefetch);
  if (options.resident && options.transform) {
    fail<ValueError>("loader: a transform needs batches on the CPU; leave out `resident`");
  }
  check_augmentation(options.augment, dataset.sample_shape());
  Tensor::empty({0}, DType::u8, options.device);  // refuses an absent device now, not in the first epoch
  impl_ = std::make_unique<Impl>(std::move(dataset), std::move(options));
}

Loader::~Loader() = default;
Loader::Loader(Loader&&) noexcept = default;
Loader& Loader::operator=(Loader&&) noexcept = default;

std::optional<Batch> Loader::next() {
  LoaderState& state = impl_->state;
  if (state.position == batches()) {
    state = {state.epoch + 1, 0};
    return std::nullopt;
  }
  try {
    Batch batch = impl_->take();
    // Copied here and not by the thread, so that a copy to a GPU is in order with the caller's work.
    for (Tensor* t : {&batch.x, &batch.y, &batch.target}) {
      if (t->defined()) *t = t->to(impl_->maker.options().device);
    }
    ++state.position;
    return batch;
  } catch (...) {
    impl_->prefetcher.reset();  // the next call retries the same batch
    throw;
  }
}

int64_t Loader::batches() const { return impl_->maker.batches(); }
int64_t Loader::samples() const { return impl_->maker.samples(); }
const Dataset& Loader::dataset() const { return impl_->maker.dataset(); }
const LoaderOptions& Loader::options() const { return impl_->maker.options(); }
bool Loader::resident() const { return impl_->maker.resident(); }
LoaderState Loader::state() const { return impl_->state; }

void Loader::restore(const LoaderState& state) {
  if (state.epoch < 0 || state.position < 0 || state.position > batches()) {
    fail<ValueError>("loader: no position {} of epoch {}; an epoch has {} batches", state.position, state.epoch,
                     batches());
  }
  impl_->prefetcher.reset();
  impl_->state = state;
}

}  // namespace divvy::data
