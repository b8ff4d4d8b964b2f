#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "tensor/device.h"

namespace divvy {

/// Counters of one allocator; bytes are those handed out, rounded up to the allocator's size classes.
struct AllocatorStats {
  int64_t current_bytes = 0;       ///< held by live tensors
  int64_t peak_bytes = 0;          ///< the largest current_bytes since the start or reset_peak()
  int64_t cached_bytes = 0;        ///< freed by tensors, kept for reuse
  int64_t pooled_bytes = 0;        ///< freed by tensors, kept for the MemoryPool that they came from
  int64_t allocations = 0;         ///< requests served
  int64_t system_allocations = 0;  ///< of these, requests that went to the system
};

/// Where a caching allocator gets its memory from.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  /// A block of `bytes` bytes aligned to at least 64, or nullptr where no memory is left.
  virtual void* acquire(size_t bytes) = 0;
  virtual void release(void* block, size_t bytes) noexcept = 0;
  /// Free bytes of the device, or -1 where that is not known.
  virtual int64_t free_bytes() = 0;
};

class MemoryPool;

/// Keeps freed blocks in size classes and hands them out again, so that a training step allocates nothing from the
/// system after the first. Safe to use from several threads.
class CachingAllocator {
 public:
  CachingAllocator(Device device, MemorySource& source) : device_(device), source_(source) {}
  ~CachingAllocator() { release_cached(); }
  CachingAllocator(const CachingAllocator&) = delete;
  CachingAllocator& operator=(const CachingAllocator&) = delete;

  /// Throws OutOfMemoryError, which states the bytes requested, in use and free, if memory is short even after the
  /// cached blocks have been returned to the system.
  void* allocate(size_t bytes);
  void deallocate(void* block, size_t bytes) noexcept;

  AllocatorStats stats() const;
  void reset_peak();
  /// Gives all cached blocks back to the system.
  void release_cached();

  /// Bytes that could be allocated: those free on the device and those cached; -1 if that is not known.
  int64_t available_bytes();

  /// The size of the block that serves a request: a multiple of 64, and at most an eighth more than `bytes` beyond 512.
  static size_t size_class(size_t bytes);

 private:
  friend class MemoryPool;
  using FreeBlocks = std::map<size_t, std::vector<void*>>;

  void* acquire(size_t size, size_t asked);
  void release(void* block, size_t size) noexcept;
  void release_cached_locked();

  Device device_;
  MemorySource& source_;
  mutable std::mutex mutex_;
  FreeBlocks free_;
  MemoryPool* open_ = nullptr;
  std::unordered_map<void*, MemoryPool*> owner_;  ///< the pool of each block that has one
  AllocatorStats stats_;
};

/// Blocks reserved for one user: every allocation made while the pool is open comes from it, and it may be opened
/// several times. A freed block returns to the pool and is reused only while the pool is open, so addresses that a CUDA
/// graph has recorded stay valid as long as the pool lives. The destructor hands the blocks to the allocator; those
/// still in use follow when they are freed.
class MemoryPool {
 public:
  /// The allocator must outlive the pool.
  explicit MemoryPool(CachingAllocator& allocator) : allocator_(allocator) {}
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// From here on the allocations of all threads come from the pool. Throws ValueError if a pool is already open.
  void open();
  void close();
  /// The size of all blocks of the pool, in use or free.
  int64_t bytes() const;

 private:
  friend class CachingAllocator;
  CachingAllocator& allocator_;
  CachingAllocator::FreeBlocks free_;  // guarded by the allocator's mutex, as is bytes_
  int64_t bytes_ = 0;
};

/// The allocator of a device. Throws DeviceError for a device that is not there.
CachingAllocator& allocator(Device device);

}  // namespace divvy
