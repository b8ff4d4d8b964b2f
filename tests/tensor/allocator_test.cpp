#include "tensor/allocator.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "tensor/error.h"
#include "tensor/poison.h"
#include "tensor/tensor.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

/// A source with a limited number of bytes that keeps account of its blocks.
class LimitedMemory final : public MemorySource {
 public:
  explicit LimitedMemory(size_t limit) : limit_(limit) {}
  ~LimitedMemory() override { CHECK(blocks.empty()); }
  void* acquire(size_t bytes) override {
    CHECK(bytes % 64 == 0);
    if (used + bytes > limit_) return nullptr;
    used += bytes;
    void* block = std::aligned_alloc(64, bytes);
    blocks.emplace(block, bytes);
    return block;
  }
  void release(void* block, size_t bytes) noexcept override {
    CHECK(blocks.extract({block, bytes}).empty() == false);
    used -= bytes;
    std::free(block);
  }
  int64_t free_bytes() override { return static_cast<int64_t>(limit_ - used); }

  size_t used = 0;
  std::set<std::pair<void*, size_t>> blocks;

 private:
  size_t limit_;
};

}  // namespace

TEST_CASE("Size classes waste at most an eighth") {
  CHECK(CachingAllocator::size_class(0) == 64);
  CHECK(CachingAllocator::size_class(1) == 64);
  CHECK(CachingAllocator::size_class(64) == 64);
  CHECK(CachingAllocator::size_class(65) == 128);
  CHECK(CachingAllocator::size_class(1024) == 1024);
  CHECK(CachingAllocator::size_class(1025) == 1152);
  CHECK(CachingAllocator::size_class((size_t{1} << 40) + 1) == (size_t{1} << 40) + (size_t{1} << 37));
  for (size_t bytes = 1; bytes < 100'000; bytes += 7) {
    const size_t size = CachingAllocator::size_class(bytes);
    REQUIRE(size >= bytes);
    REQUIRE(size % 64 == 0);
    REQUIRE(size <= bytes + std::max<size_t>(63, bytes / 8));
    REQUIRE(CachingAllocator::size_class(size) == size);
  }
}

TEST_CASE("The address sanitizer sees what lies behind a tensor, and what is kept for reuse") {
  const std::byte* block = nullptr;
  {
    const Tensor t = Tensor::zeros({13}, DType::u8);
    block = t.bytes();
    CHECK_FALSE(detail::poisoned(block + 12));
    CHECK(detail::poisoned(block + 13) == detail::kPoisons);
    CHECK(detail::poisoned(block + 63) == detail::kPoisons);
  }
  CHECK(detail::poisoned(block) == detail::kPoisons);
}

TEST_CASE("The address sanitizer leaves the blocks of a pool alone as long as the pool lives") {
  LimitedMemory memory(1 << 10);
  CachingAllocator heap(Device::cpu(), memory);
  std::byte* block = nullptr;
  {
    MemoryPool pool(heap);
    pool.open();
    block = static_cast<std::byte*>(heap.allocate(10));
    pool.close();
    heap.deallocate(block, 10);
    CHECK_FALSE(detail::poisoned(block));
    CHECK_FALSE(detail::poisoned(block + 63));
  }
  CHECK(detail::poisoned(block) == detail::kPoisons);
}

TEST_CASE("An allocator counts and reuses its blocks") {
  LimitedMemory memory(1 << 20);
  CachingAllocator heap(Device::cpu(), memory);
  void* first = heap.allocate(1000);
  CHECK(heap.stats().current_bytes == 1024);
  CHECK(heap.stats().system_allocations == 1);
  heap.deallocate(first, 1000);
  CHECK(heap.stats().current_bytes == 0);
  CHECK(heap.stats().cached_bytes == 1024);
  CHECK(heap.stats().peak_bytes == 1024);
  void* again = heap.allocate(1020);  // the same size class
  CHECK(again == first);
  CHECK(heap.stats().cached_bytes == 0);
  CHECK(heap.stats().allocations == 2);
  CHECK(heap.stats().system_allocations == 1);
  void* other = heap.allocate(64);
  CHECK(heap.stats().peak_bytes == 1024 + 64);
  heap.deallocate(again, 1020);
  heap.reset_peak();
  CHECK(heap.stats().peak_bytes == 64);
  heap.deallocate(other, 64);
  heap.release_cached();
  CHECK(heap.stats().cached_bytes == 0);
  CHECK(memory.used == 0);
}

TEST_CASE("An allocator gives back what it has cached before it gives up") {
  LimitedMemory memory(4096);
  CachingAllocator heap(Device::cpu(), memory);
  void* small = heap.allocate(1024);
  heap.deallocate(small, 1024);
  CHECK(memory.used == 1024);
  void* all = heap.allocate(4096);
  CHECK(memory.used == 4096);
  CHECK(heap.stats().cached_bytes == 0);
  try {
    heap.allocate(100);
    FAIL("there was memory left");
  } catch (const OutOfMemoryError& error) {
    CHECK(error.requested_bytes == 100);
    CHECK(std::string(error.what())
              .starts_with("out of memory on cpu: asked for 100 bytes, 4096 held by tensors, 0 free"));
  }
  CHECK(heap.stats().current_bytes == 4096);
  heap.deallocate(all, 4096);
  heap.deallocate(heap.allocate(100), 100);
}

TEST_CASE("An allocator can be used from several threads") {
  LimitedMemory memory(64 << 20);
  {
    CachingAllocator heap(Device::cpu(), memory);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < 4; ++t) {
      threads.emplace_back([&heap, t] {
        for (size_t i = 0; i < 2000; ++i) {
          const size_t bytes = 64 * (1 + (i * 7 + t) % 50);
          auto* block = static_cast<unsigned char*>(heap.allocate(bytes));
          std::memset(block, static_cast<int>(t), bytes);
          if (block[bytes - 1] != t) std::abort();
          heap.deallocate(block, bytes);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(heap.stats().current_bytes == 0);
    CHECK(heap.stats().allocations == 8000);
  }
  CHECK(memory.used == 0);
}

TEST_CASE("A step that is repeated allocates nothing from the system") {
  const auto step = [] {
    const Tensor a = Tensor::zeros({37, 64});
    const Tensor b = Tensor::full({1000}, 3, DType::f64);
    Tensor c = a.clone();
    c = Tensor::empty({64, 37});
    return b.clone();
  };
  step();
  const AllocatorStats before = allocator({}).stats();
  for (int i = 0; i < 100; ++i) step();
  const AllocatorStats after = allocator({}).stats();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.allocations == before.allocations + 500);
  CHECK(after.current_bytes == before.current_bytes);
}

TEST_CASE("Tensors of absurd size are an OutOfMemoryError with the numbers") {
  try {
    Tensor::empty({int64_t{1} << 46}, DType::u8);
    FAIL("there were 64 TiB");
  } catch (const OutOfMemoryError& error) {
    CHECK(error.requested_bytes == int64_t{1} << 46);
    CHECK_THAT(error.what(), Catch::Contains("out of memory on cpu: asked for 70368744177664 bytes, "));
    CHECK_THAT(error.what(), Catch::Contains(" held by tensors, ") && Catch::Contains(" free; use smaller batches"));
  }
  CHECK_THROWS_AS(Tensor::zeros({(int64_t{1} << 59) - 1}, DType::f64), OutOfMemoryError);
  try {
    Tensor::empty({INT64_MAX}, DType::u8);
    FAIL("there were 8 EiB");
  } catch (const OutOfMemoryError& error) {
    CHECK(error.requested_bytes == INT64_MAX);
  }
  CHECK_THROWS_AS(Tensor::empty({INT64_MAX}, DType::f32), ShapeError);
  CHECK(Tensor::zeros({1}).item() == 0);  // and life goes on
}

TEST_CASE("What was allocated while a pool was open stays with the pool") {
  LimitedMemory memory(1 << 20);
  CachingAllocator heap(Device::cpu(), memory);
  void* outside = heap.allocate(1024);
  heap.deallocate(heap.allocate(512), 512);
  CHECK(heap.available_bytes() == (1 << 20) - 1024);
  void* kept = nullptr;
  {
    MemoryPool pool(heap);
    pool.open();
    void* first = heap.allocate(512);  // from what was cached: no new memory
    CHECK(heap.stats().system_allocations == 2);
    CHECK(heap.stats().cached_bytes == 0);
    heap.deallocate(first, 512);
    CHECK(heap.stats().cached_bytes == 0);
    CHECK(heap.stats().pooled_bytes == 512);
    CHECK(heap.allocate(500) == first);
    kept = heap.allocate(1024);
    heap.deallocate(outside, 1024);  // none of the pool's
    CHECK(heap.stats().cached_bytes == 1024);
    MemoryPool other(heap);
    CHECK_THROWS_AS(other.open(), ValueError);
    pool.close();
    CHECK(pool.bytes() == 512 + 1024);

    heap.deallocate(first, 500);  // after the pool was closed, too
    CHECK(heap.stats().pooled_bytes == 512);
    void* another = heap.allocate(512);
    CHECK(another != first);
    heap.deallocate(another, 512);
    heap.release_cached();
    CHECK(memory.used == 512 + 1024);
    CHECK(pool.bytes() == 512 + 1024);
  }
  CHECK(heap.stats().pooled_bytes == 0);
  CHECK(heap.stats().cached_bytes == 512);
  heap.deallocate(kept, 1024);  // outlives the pool
  CHECK(heap.stats().cached_bytes == 512 + 1024);
  CHECK(heap.stats().current_bytes == 0);
}

}  // namespace divvy::test
