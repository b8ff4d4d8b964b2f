#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "tensor/device.h"

namespace divvy {

/// Counters of one allocator; bytes are those handed out, rounded up to the allocator's size classes.
struct AllocatorStats {
  int64_t current_bytes = 0;       ///< held by live tensors
  int64_t peak_bytes = 0;          ///< the largest current_bytes since the start or reset_peak()
  int64_t cached_bytes = 0;        ///< freed by tensors, kept for reuse
  int64_t allocations = 0;         ///< requests served
  int64_t system_allocations = 0;  ///< of these, requests that went to the system
};

/// Where a caching allocator gets its memory from.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  /// `bytes` bytes aligned to at least 64, or nullptr where there are none.
  virtual void* acquire(size_t bytes) = 0;
  virtual void release(void* block, size_t bytes) noexcept = 0;
  /// Free bytes of the device, or -1 where that is not known.
  virtual int64_t free_bytes() = 0;
};

/// Keeps freed blocks in size classes and hands them out again, so that a training step allocates nothing from the
/// system after the first. Safe to use from several threads.
class CachingAllocator {
 public:
  CachingAllocator(Device device, MemorySource& source) : device_(device), source_(source) {}
  ~CachingAllocator() { release_cached(); }
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// Throws OutOfMemoryError with what was asked, held and free; before that it gives back what it has cached.
  void* allocate(size_t bytes);
  void deallocate(void* block, size_t bytes) noexcept;

  AllocatorStats stats() const;
  void reset_peak();
  /// Gives all cached blocks back to the system.
  void release_cached();

  /// The bytes that a request really takes: at most an eighth more than asked.
  static size_t size_class(size_t bytes);

 private:
  void release(void* block, size_t size) noexcept;
  void release_cached_locked();

  Device device_;
  MemorySource& source_;
  mutable std::mutex mutex_;
  std::map<size_t, std::vector<void*>> free_;
  AllocatorStats stats_;
};

/// The allocator of a device. Throws DeviceError for a device that is not there.
CachingAllocator& allocator(Device device);

}  // namespace divvy
