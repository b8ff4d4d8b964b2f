#include "datasets/loader.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <set>

#include "tests/datasets/data_support.h"
#include "tests/support/devices.h"

namespace divvy::test {

using data::Batch;
using data::Loader;
using data::LoaderOptions;

namespace {

/// The naive reading of a sample: (v - mean) / stddev in double.
Tensor naive_rows(const data::Dataset& d, const Tensor& index) {
  const auto values = d.x.to_doubles();
  const int64_t row = d.sample_shape().numel(), channels = d.x.size(1), plane = row / channels;
  Tensor out = Tensor::empty(d.x.shape().with(0, index.size(0)), DType::f64);
  for (int64_t i = 0; i < index.size(0); ++i) {
    for (int64_t j = 0; j < row; ++j) {
      double v = values[static_cast<size_t>(index.data<int64_t>()[i] * row + j)];
      if (d.x.dtype() == DType::u8) v /= 255;
      const auto c = static_cast<size_t>(j / plane);
      if (!d.normalization.empty()) v = (v - d.normalization.mean[c]) / d.normalization.stddev[c];
      out.mutable_data<double>()[i * row + j] = v;
    }
  }
  return out;
}

std::vector<Batch> epoch_of(Loader& loader) {
  std::vector<Batch> batches;
  for (const Batch& batch : loader) batches.push_back(batch);
  return batches;
}

std::vector<int64_t> order_of(const std::vector<Batch>& batches) {
  std::vector<int64_t> order;
  for (const Batch& batch : batches) {
    const auto list = to_list(batch.index);
    order.insert(order.end(), list.begin(), list.end());
  }
  return order;
}

bool same_batch(const Batch& a, const Batch& b) {
  return same_bits(a.x, b.x) && same_bits(a.y, b.y) && same_bits(a.index, b.index);
}

}  // namespace

TEST_CASE("an epoch holds every sample once, with its own label and normalized values") {
  std::vector<data::Dataset> sets{small_images(23, 2, 4, 3), small_images(23, 1, 4, 4), small_features(23, 4)};
  sets.push_back(sets[0]);
  sets.back().normalization = {{0.2, 0.6}, {0.5, 0.25}};
  sets.push_back(sets[2]);
  sets.back().normalization = {{1, 2, 3}, {4, 0.5, 6}};
  sets.push_back(sets[2]);
  sets.back().target = sets[2].x.clone();
  for (const auto& d : sets) {
    for (const int64_t batch : {1, 5, 23, 100}) {
      for (const bool shuffle : {false, true}) {
        for (const int64_t prefetch : {0, 1, 3}) {
          INFO(fmt::format("{}, batch {}, shuffle {}, prefetch {}", d.x.shape(), batch, shuffle, prefetch));
          LoaderOptions options;
          options.batch = batch;
          options.shuffle = shuffle;
          options.prefetch = prefetch;
          Loader loader(d, options);
          std::multiset<int64_t> seen;
          int64_t batches = 0;
          for (const Batch& b : loader) {
            ++batches;
            CHECK(b.size() == std::min(batch, 23 - (batches - 1) * batch));
            CHECK(difference(b.x, naive_rows(d, b.index), 1e-6, 1e-6) == "");
            for (int64_t i = 0; i < b.size(); ++i) {
              const int64_t sample = b.index.data<int64_t>()[i];
              seen.insert(sample);
              CHECK(b.y.data<int64_t>()[i] == d.y.data<int64_t>()[sample]);
            }
            if (d.target.defined()) CHECK(same_bits(b.target, d.subset(b.index).target));
          }
          CHECK(batches == loader.batches());
          CHECK(seen.size() == 23);
          CHECK(std::set(seen.begin(), seen.end()).size() == 23);
        }
      }
    }
  }
}

TEST_CASE("without shuffling the order is that of the dataset, and plain features are not copied") {
  const data::Dataset d = small_features(10, 2);
  LoaderOptions options;
  options.batch = 4;
  Loader loader(d, options);
  const auto batches = epoch_of(loader);
  CHECK(order_of(batches) == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  CHECK(batches[1].x.shares_memory_with(d.x));
}

TEST_CASE("epoch e of a seed always has the same order, and no two epochs the same one") {
  const data::Dataset d = small_features(50, 2);
  LoaderOptions options;
  options.batch = 7;
  options.shuffle = true;
  Loader a(d, options), b(d, options);
  std::set<std::vector<int64_t>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    const auto order = order_of(epoch_of(a));
    CHECK(orders.insert(order).second);
    CHECK(order == order_of(epoch_of(b)));
  }
  options.seed = 43;
  Loader c(d, options);
  CHECK(orders.insert(order_of(epoch_of(c))).second);
  options.seed = 42;
  options.batch = 50;  // the order does not depend on how it is cut
  Loader e(d, options);
  CHECK_FALSE(orders.insert(order_of(epoch_of(e))).second);
}

TEST_CASE("drop_last leaves out the short batch only") {
  LoaderOptions options;
  options.drop_last = true;
  for (const auto& [n, batch, batches] : {std::array{10, 4, 2}, {8, 4, 2}, {3, 4, 0}, {0, 4, 0}}) {
    options.batch = batch;
    Loader loader(small_features(n, 2), options);
    CHECK(loader.batches() == batches);
    CHECK(loader.samples() == batches * batch);
    const auto got = epoch_of(loader);
    CHECK(static_cast<int64_t>(got.size()) == batches);
    for (const Batch& b : got) CHECK(b.size() == batch);
    CHECK(loader.state() == data::LoaderState{1, 0});
  }
}

TEST_CASE("an empty dataset has empty epochs") {
  Loader loader(small_features(0, 2));
  CHECK(loader.batches() == 0);
  CHECK_FALSE(loader.next().has_value());
  CHECK_FALSE(loader.next().has_value());
  CHECK(loader.state() == data::LoaderState{2, 0});
}

TEST_CASE("a restored loader goes on with the very same batches") {
  const data::Dataset d = small_images(29, 3, 8, 8);
  LoaderOptions options;
  options.batch = 4;
  options.shuffle = true;
  options.augment = {.flip = true, .crop_padding = 2, .reflect = true};
  // Two epochs of 8 batches and their two ends.
  Loader first(d, options);
  std::vector<std::optional<Batch>> all;
  std::vector<data::LoaderState> states;
  for (int i = 0; i < 18; ++i) {
    states.push_back(first.state());
    all.push_back(first.next());
  }
  for (size_t from = 0; from < all.size(); ++from) {
    options.prefetch = static_cast<int64_t>(from % 3);
    Loader other(d, options);
    if (from % 2) other.next();  // a thread that is under way is called off
    other.restore(states[from]);
    CHECK(other.state() == states[from]);
    for (size_t i = from; i < all.size(); ++i) {
      const auto batch = other.next();
      REQUIRE(batch.has_value() == all[i].has_value());
      if (batch) REQUIRE(same_batch(*batch, *all[i]));
    }
  }
}

TEST_CASE("a transform sees every batch with a generator of its own") {
  LoaderOptions options;
  options.batch = 4;
  options.transform = [](Batch& batch, Generator& generator) { batch.target = generator.uniform({batch.size(), 2}); };
  const data::Dataset d = small_features(10, 2);
  const Tensor before = d.x.clone();
  Loader a(d, options);
  options.prefetch = 0;
  Loader b(d, options);
  const auto from_a = epoch_of(a), from_b = epoch_of(b);
  for (size_t i = 0; i < 3; ++i) CHECK(same_bits(from_a[i].target, from_b[i].target));
  CHECK_FALSE(same_bits(from_a[0].target, from_a[1].target));
  CHECK_FALSE(same_bits(epoch_of(a)[0].target, from_a[0].target));

  // It may write to x without a change to the dataset.
  options.transform = [](Batch& batch, Generator&) { batch.x.mutable_data<float>()[0] = -7; };
  Loader c(d, options);
  CHECK(c.next()->x.data<float>()[0] == -7);
  CHECK(same_bits(d.x, before));
}

TEST_CASE("an error of the preparing thread reaches the caller with the batch it belongs to") {
  for (const int64_t prefetch : {0, 1, 3}) {
    LoaderOptions options;
    options.batch = 2;
    options.prefetch = prefetch;
    auto failures = std::make_shared<std::atomic<int>>(2);
    options.transform = [failures](Batch& batch, Generator&) {
      if (batch.index.data<int64_t>()[0] == 4 && failures->fetch_sub(1) > 0) fail<DataError>("batch 2 is broken");
    };
    Loader loader(small_features(10, 2), options);
    CHECK(loader.next().has_value());
    CHECK(loader.next().has_value());
    CHECK(refusal<DataError>([&] { loader.next(); }) == "batch 2 is broken");
    CHECK(loader.state() == data::LoaderState{0, 2});
    CHECK(refusal<DataError>([&] { loader.next(); }) == "batch 2 is broken");
    const auto batch = loader.next();  // the third attempt succeeds, with the same batch
    REQUIRE(batch.has_value());
    CHECK(to_list(batch->index) == std::vector<int64_t>{4, 5});
  }
}

TEST_CASE("a loader can be destroyed, moved and restored at any point") {
  const data::Dataset d = small_images(64, 1, 8, 8);
  LoaderOptions options;
  options.batch = 3;
  options.shuffle = true;
  for (int round = 0; round < 200; ++round) {
    options.prefetch = 1 + round % 4;
    Loader loader(d, options);
    for (int i = 0; i < round % 30; ++i) loader.next();
    if (round % 5 == 0) loader.restore({round, 1});
    if (round % 3 == 0) {
      Loader moved = std::move(loader);
      CHECK(moved.next().has_value());
    }
  }
}

TEST_CASE("at most `prefetch` batches are prepared ahead") {
  auto made = std::make_shared<std::atomic<int>>(0);
  LoaderOptions options;
  options.batch = 1;
  options.prefetch = 2;
  options.transform = [made](Batch&, Generator&) { ++*made; };
  Loader loader(small_features(100, 2), options);
  CHECK(*made == 0);  // and nothing before it is asked for
  for (int taken = 1; taken <= 50; ++taken) {
    loader.next();
    CHECK(*made <= taken + 2);
    CHECK(*made >= taken);
  }
}

TEST_CASE("loader options out of range are refused") {
  const auto refused = [](LoaderOptions options, const data::Dataset& d = small_features(4, 2)) {
    return refusal<ValueError>([&] { Loader loader(d, options); });
  };
  CHECK_THAT(refused({.batch = 0}), ContainsSubstring("batch size must be at least 1, got 0"));
  CHECK_THAT(refused({.prefetch = -1}), ContainsSubstring("prefetch must not be negative, got -1"));
  CHECK_THAT(refused({.augment = {.flip = true}}), ContainsSubstring("needs images [C, H, W], got samples [3]"));
  CHECK_THAT(refused({.augment = {.crop_padding = -1}}), ContainsSubstring("padding must not be negative"));
  CHECK_THAT(refused({.augment = {.crop_padding = 5}}, small_images(2, 1, 4, 6)),
             ContainsSubstring("padding of 5 is too much"));
  CHECK_THAT(refused({.augment = {.crop_padding = 4, .reflect = true}}, small_images(2, 1, 4, 6)),
             ContainsSubstring("too much"));
  auto bad = small_features(4, 2);
  bad.classes = 1;
  CHECK_THAT(refusal<DataError>([&] { Loader loader(bad); }), ContainsSubstring("small: label 1 of sample 1"));

  CHECK(refusal<DeviceError>([] { Loader loader(small_features(4, 2), {.device = Device::cuda(1000)}); }) != "");

  Loader loader(small_features(4, 2), {.batch = 2});
  CHECK_NOTHROW(loader.restore({3, 2}));
  CHECK_THAT(refusal<ValueError>([&] {
               loader.restore({0, 3});
             }),
             ContainsSubstring("position 3 of epoch 0; an epoch has 2"));
  CHECK_THAT(refusal<ValueError>([&] { loader.restore({-1, 0}); }), ContainsSubstring("epoch -1"));
  CHECK_THAT(refusal<ValueError>([&] { loader.restore({0, -1}); }), ContainsSubstring("position -1"));
}

TEST_CASE("a dataset on a device gives the very batches of the CPU", "[device]") {
  std::vector<data::Dataset> sets{small_images(23, 2, 6, 5), small_images(23, 1, 6, 6), small_features(23, 4)};
  sets[1].normalization = {{0.2}, {0.37}};
  sets[2].normalization = {{1, 2, 3}, {4, 0.7, 6}};
  sets[2].target = sets[2].x.clone();
  sets.push_back(sets[0]);
  sets[3].x = random_tensor({23, 2, 6, 5}, 1, -1, 1, DType::f32);
  sets[3].normalization = {{0.1, 0.2}, {0.3, 0.4}};
  for (const Device device : available_devices()) {
    for (const auto& d : sets) {
      for (const data::Augmentation augment :
           {data::Augmentation{}, {.flip = true, .crop_padding = 2}, {.crop_padding = 4, .reflect = true}}) {
        if (d.x.rank() != 4 && !augment.none()) continue;
        for (const bool shuffle : {false, true}) {
          LoaderOptions options;
          options.batch = 5;
          options.shuffle = shuffle;
          options.augment = augment;
          Loader expected(d, options);
          options.device = device;
          options.resident = true;
          Loader loader(d, options);
          CHECK(loader.resident() == device.is_cuda());
          loader.restore({1, 2});  // in the middle of an epoch
          expected.restore({1, 2});
          for (int i = 0; i < 8; ++i) {
            const auto a = loader.next(), b = expected.next();
            REQUIRE(a.has_value() == b.has_value());
            if (!a) continue;
            CHECK(a->x.device() == device);
            CHECK(same_bits(a->x.to(Device::cpu()), b->x));
            CHECK(same_bits(a->y.to(Device::cpu()), b->y));
            CHECK(same_bits(a->index, b->index));
            if (d.target.defined()) CHECK(same_bits(a->target.to(Device::cpu()), b->target));
          }
        }
      }
    }
    LoaderOptions options;
    options.device = device;
    options.resident = true;
    options.transform = [](Batch&, Generator&) {};
    CHECK(refusal<ValueError>([&] { Loader(sets[0], options); }) ==
          "loader: a transform needs batches on the CPU; leave out `resident`");
  }
}

}  // namespace divvy::test
