#include "tensor/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

#include "tensor/cuda/device_memory.h"
#include "tensor/error.h"
#include "tensor/host_memory.h"
#include "tensor/poison.h"

namespace divvy {

namespace {

#ifdef DIVVY_CUDA_EMULATION
constexpr bool kEmulated = true;
#else
constexpr bool kEmulated = false;
#endif

/// Whether the address sanitizer can track the memory of a device.
bool on_host(Device device) { return kEmulated || device.is_cpu(); }

constexpr size_t kAlignment = 64, kHugePage = size_t{2} << 20;

class HostMemory final : public MemorySource {
 public:
  void* acquire(size_t bytes) override {
    // Linux overcommits memory and kills a process that uses more than there is, so large requests are checked
    // beforehand.
    constexpr size_t kLarge = size_t{64} << 20;
    if (bytes >= kLarge) {
      const int64_t available = free_bytes();
      if (available >= 0 && bytes > static_cast<size_t>(available)) return nullptr;
    }
    // Pages of 2 MiB save a page-table walk for each row of large weights and batches.
    const size_t whole = bytes / kHugePage * kHugePage;
    if (whole == 0) return std::aligned_alloc(kAlignment, bytes);
    void* block = nullptr;  // aligned_alloc would require a multiple of the alignment
    if (posix_memalign(&block, kHugePage, bytes) != 0) return nullptr;
    madvise(block, whole, MADV_HUGEPAGE);  // only advice: nothing breaks without huge pages
    return block;
  }
  void release(void* block, size_t) noexcept override { std::free(block); }
  int64_t free_bytes() override { return available_host_memory(); }
};

/// A free block of that size, or nullptr if there is none.
void* take(std::map<size_t, std::vector<void*>>& free, size_t size) {
  const auto found = free.find(size);
  if (found == free.end() || found->second.empty()) return nullptr;
  void* block = found->second.back();
  found->second.pop_back();
  return block;
}

}  // namespace

size_t CachingAllocator::size_class(size_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  // Eight classes to each power of two, none finer than the alignment.
  const size_t step = std::max(kAlignment, std::bit_floor(bytes - 1) / 8);
  return (bytes + step - 1) / step * step;
}

void* CachingAllocator::acquire(size_t size, size_t asked) {
  void* block = source_.acquire(size);
  if (block == nullptr) {
    release_cached_locked();
    block = source_.acquire(size);
  }
  if (block == nullptr) {
    throw OutOfMemoryError(
        fmt::format("out of memory on {}: asked for {} bytes, {} held by tensors, {} free; use smaller "
                    "batches, a smaller model or a larger machine",
                    device_, asked, stats_.current_bytes, source_.free_bytes()),
        static_cast<int64_t>(std::min<size_t>(asked, INT64_MAX)));
  }
  ++stats_.system_allocations;
  return block;
}

void* CachingAllocator::allocate(size_t bytes) {
  const size_t size = size_class(bytes);
  const std::scoped_lock lock(mutex_);
  void* block = open_ == nullptr ? nullptr : take(open_->free_, size);
  if (block != nullptr) {
    stats_.pooled_bytes -= static_cast<int64_t>(size);
  } else {
    block = take(free_, size);
    if (block != nullptr) {
      stats_.cached_bytes -= static_cast<int64_t>(size);
    } else {
      block = acquire(size, bytes);
    }
    if (open_ != nullptr) {
      owner_.emplace(block, open_);
      open_->bytes_ += static_cast<int64_t>(size);
    }
  }
  if (on_host(device_)) {
    // Each replay of the graph being recorded writes all tensors that have been in the block, whatever their size.
    const size_t used = open_ == nullptr ? bytes : size;
    detail::unpoison(block, used);
    detail::poison(static_cast<std::byte*>(block) + used, size - used);
    // NaNs, as in fresh memory of the emulated device, reveal a read before the first write.
    if (kEmulated && device_.is_cuda() && open_ == nullptr) std::memset(block, 0xff, used);
  }
  ++stats_.allocations;
  stats_.current_bytes += static_cast<int64_t>(size);
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
  return block;
}

void CachingAllocator::deallocate(void* block, size_t bytes) noexcept {
  const size_t size = size_class(bytes);
  const std::scoped_lock lock(mutex_);
  stats_.current_bytes -= static_cast<int64_t>(size);
  try {
    const auto pooled = owner_.empty() ? owner_.end() : owner_.find(block);
    if (pooled != owner_.end()) {
      pooled->second->free_[size].push_back(block);
      stats_.pooled_bytes += static_cast<int64_t>(size);
      return;
    }
    if (on_host(device_)) detail::poison(block, size);
    free_[size].push_back(block);
    stats_.cached_bytes += static_cast<int64_t>(size);
  } catch (...) {  // no room for the book-keeping itself
    release(block, size);
  }
}

int64_t CachingAllocator::available_bytes() {
  const std::scoped_lock lock(mutex_);
  const int64_t free = source_.free_bytes();
  return free < 0 ? -1 : free + stats_.cached_bytes;
}

AllocatorStats CachingAllocator::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

void CachingAllocator::reset_peak() {
  const std::scoped_lock lock(mutex_);
  stats_.peak_bytes = stats_.current_bytes;
}

void CachingAllocator::release_cached() {
  const std::scoped_lock lock(mutex_);
  release_cached_locked();
}

void CachingAllocator::release(void* block, size_t size) noexcept {
  if (on_host(device_)) detail::unpoison(block, size);
  source_.release(block, size);
}

void CachingAllocator::release_cached_locked() {
  for (auto& [size, blocks] : free_) {
    for (void* block : blocks) release(block, size);
  }
  free_.clear();
  stats_.cached_bytes = 0;
}

MemoryPool::~MemoryPool() {
  close();
  const std::scoped_lock lock(allocator_.mutex_);
  std::erase_if(allocator_.owner_, [this](const auto& entry) { return entry.second == this; });
  for (auto& [size, blocks] : free_) {
    const auto bytes = static_cast<int64_t>(size * blocks.size());
    allocator_.stats_.pooled_bytes -= bytes;
    allocator_.stats_.cached_bytes += bytes;
    if (on_host(allocator_.device_)) {
      for (void* block : blocks) detail::poison(block, size);
    }
    auto& cached = allocator_.free_[size];
    cached.insert(cached.end(), blocks.begin(), blocks.end());
  }
}

void MemoryPool::open() {
  const std::scoped_lock lock(allocator_.mutex_);
  if (allocator_.open_ != nullptr) fail<ValueError>("a memory pool is open already; close it first");
  allocator_.open_ = this;
}

void MemoryPool::close() {
  const std::scoped_lock lock(allocator_.mutex_);
  if (allocator_.open_ == this) allocator_.open_ = nullptr;
}

int64_t MemoryPool::bytes() const {
  const std::scoped_lock lock(allocator_.mutex_);
  return bytes_;
}

CachingAllocator& allocator(Device device) {
  // Never destroyed: tensors with static lifetime may outlive any order of destruction.
  static auto& host_memory = *new HostMemory;
  static auto& host = *new CachingAllocator(Device::cpu(), host_memory);
  return device.is_cpu() ? host : cuda::allocator(device.index);
}

}  // namespace divvy
