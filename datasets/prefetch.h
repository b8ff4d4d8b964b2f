#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "tensor/parallel.h"

namespace divvy::data {

/// A thread that calls `produce` repeatedly and keeps up to `depth` results ready, in order. The first exception ends
/// the thread and reaches the consumer in its turn. The destructor waits only for a call in progress.
template <class T>
class Prefetcher {
 public:
  Prefetcher(std::function<T()> produce, size_t depth)
      : produce_(std::move(produce)), depth_(depth), thread_([this] { run(); }) {}

  ~Prefetcher() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  /// Waits for the next result and returns it. Must not be called again once it has thrown.
  T take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !ready_.empty(); });
    Item item = std::move(ready_.front());
    ready_.pop_front();
    lock.unlock();
    changed_.notify_all();
    if (item.error) std::rethrow_exception(item.error);
    return std::move(item.value);
  }

 private:
  struct Item {
    T value;
    std::exception_ptr error;
  };

  void run() {
    set_num_threads(1);  // for this thread: the concurrent training step needs the cores
    bool failed = false;
    while (!failed) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stop_ || ready_.size() < depth_; });
        if (stop_) return;
      }
      Item item;
      try {
        item.value = produce_();
      } catch (...) {
        item.error = std::current_exception();
        failed = true;
      }
      {
        const std::scoped_lock lock(mutex_);
        ready_.push_back(std::move(item));
      }
      changed_.notify_all();
    }
  }

  std::function<T()> produce_;
  size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> ready_;  // guarded by mutex_
  bool stop_ = false;       // guarded by mutex_
  std::thread thread_;      // last, so that it starts after all other members exist
};

}  // namespace divvy::data
