#include "tests/cuda_emulation/fibers.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "tensor/poison.h"
#include "tests/cuda_emulation/context.h"

namespace cuda_emulation {

thread_local Position position;

namespace {

[[noreturn]] void abort_emulation(const char* what) {
  const dim3& b = position.block;
  std::fprintf(stderr, "CUDA emulation: block (%u, %u, %u): %s\n", b.x, b.y, b.z, what);
  std::abort();
}

constexpr size_t kStackBytes = 128 << 10;
constexpr unsigned kMaxThreads = 1024, kMaxShared = 227 << 10;

enum class State : uint8_t { fresh, ready, at_barrier, in_warp, done };

struct Thread {
  State state = State::fresh;
  Context* fiber = nullptr;
  uint32_t mask = 0;    // the lanes that its warp operation wants
  unsigned parity = 0;  // of its warp operations: two rows of words, so that none is overwritten before all have read
};

struct Warp {
  uint64_t words[2][32];
};

/// The asynchronous copies of a thread, in their order.
struct Copies {
  struct One {
    void* to;
    const void* from;
    size_t bytes;
    bool valid;
  };
  std::vector<One> all;
  std::vector<size_t> group_ends;
  size_t done = 0, groups_done = 0;

  void clear() {
    all.clear();
    group_ends.clear();
    done = groups_done = 0;
  }
};

struct alignas(128) Shared {
  unsigned char bytes[kMaxShared];
};

/// Runs blocks one after the other on one thread of the machine. Its idle fibers own nothing that would have to be
/// destroyed with their stacks.
class Processor {
 public:
  void run(const std::function<void()>& kernel, size_t shared_bytes, bool backwards) {
    kernel_ = &kernel;
    backwards_ = backwards;
    divvy::detail::poison(shared_->bytes + shared_bytes, kMaxShared - shared_bytes);
    divvy::detail::unpoison(shared_->bytes, shared_bytes);
    std::memset(shared_->bytes, 0xff, shared_bytes);  // what nobody has written is NaN, as in the memory of the device
    count_ = position.block_size.x * position.block_size.y * position.block_size.z;
    if (count_ == 0 || count_ > kMaxThreads) abort_emulation("a block has 1 to 1024 threads");
    threads_.assign(count_, {});
    if (copies_.size() < count_) copies_.resize(count_);
    for (unsigned t = 0; t < count_; ++t) copies_[t].clear();
    warps_.resize((count_ + 31) / 32);
    next_ = 0;
    unsigned finished = 0;
    while (finished < count_) {
      finished = 0;
      bool moved = false;
      while (next_ < count_) {
        resume_new();
        moved = true;
      }
      for (unsigned i = 0; i < count_; ++i) {
        const unsigned t = in_order(i);
        if (threads_[t].state == State::ready) {
          resume(t);
          moved = true;
        }
      }
      for (const Thread& thread : threads_) finished += thread.state == State::done;
      if (finished < count_ && !release() && !moved) {
        abort_emulation("threads wait for others that never come: a barrier or warp operation in a divergent branch");
      }
    }
  }

  void wait(State state, uint32_t mask) {
    Thread& self = threads_[running_];
    self.state = state;
    self.mask = mask;
    self.fiber = current_;
    const Position here = position;
    current_->switch_to(main_);
    position = here;
  }

  const uint64_t* exchange(uint32_t mask, uint64_t word) {
    const unsigned lane = running_ % 32, self = running_;
    if (!(mask >> lane & 1u)) abort_emulation("a lane is not in the mask of its own warp operation");
    uint64_t* words = warps_[self / 32].words[threads_[self].parity];
    threads_[self].parity ^= 1u;
    words[lane] = word;
    wait(State::in_warp, mask);
    return words;
  }

  void copy(const Copies::One& one) {
    const auto address = reinterpret_cast<uintptr_t>(one.to) | reinterpret_cast<uintptr_t>(one.from);
    if (address % one.bytes != 0) abort_emulation("an asynchronous copy is not aligned to its size");
    std::memset(one.to, 0xff, one.bytes);
    copies_[running_].all.push_back(one);
  }
  void commit() { copies_[running_].group_ends.push_back(copies_[running_].all.size()); }
  void finish_copies(size_t pending) {
    Copies& mine = copies_[running_];
    for (; mine.groups_done + pending < mine.group_ends.size(); ++mine.groups_done) {
      for (; mine.done < mine.group_ends[mine.groups_done]; ++mine.done) {
        const Copies::One& one = mine.all[mine.done];
        one.valid ? std::memcpy(one.to, one.from, one.bytes) : std::memset(one.to, 0, one.bytes);
      }
    }
  }

  unsigned lane() const { return running_ % 32; }
  unsigned char* shared() { return shared_->bytes; }

 private:
  unsigned in_order(unsigned i) const { return backwards_ ? count_ - 1 - i : i; }

  void place(unsigned t) {
    running_ = t;
    const dim3& size = position.block_size;
    position.thread = dim3(t % size.x, t / size.x % size.y, t / size.x / size.y);
  }

  /// One fiber runs one thread after the other until one of them has to wait.
  void work() {
    while (next_ < count_) {
      const unsigned t = in_order(next_++);
      place(t);
      (*kernel_)();
      threads_[running_].state = State::done;
    }
  }

  static void run_fiber();

  void resume_new() {
    if (idle_.empty()) {
      all_.push_back(std::make_unique<Context>(kStackBytes, &Processor::run_fiber));
      idle_.push_back(all_.back().get());
    }
    current_ = idle_.back();
    idle_.pop_back();
    main_.switch_to(*current_);
  }

  void resume(unsigned t) {
    current_ = threads_[t].fiber;
    place(t);
    main_.switch_to(*current_);
  }

  /// Lets go on whoever waits for nobody any more.
  bool release() {
    bool any = false;
    for (unsigned first = 0; first < count_; first += 32) {
      const unsigned lanes = std::min(32u, count_ - first);
      const uint32_t existing = lanes == 32 ? ~0u : (1u << lanes) - 1;
      for (unsigned i = 0; i < lanes; ++i) {
        const Thread& thread = threads_[first + i];
        if (thread.state != State::in_warp) continue;
        const uint32_t wanted = thread.mask & existing;
        uint32_t there = 0;
        for (unsigned j = 0; j < lanes; ++j) {
          const Thread& other = threads_[first + j];
          if (other.state == State::in_warp && other.mask == thread.mask) there |= 1u << j;
        }
        if ((there & wanted) != wanted) continue;
        for (unsigned j = 0; j < lanes; ++j) {
          if (wanted >> j & 1u) threads_[first + j].state = State::ready;
        }
        any = true;
      }
    }
    if (any) return true;
    for (const Thread& thread : threads_) {
      // A thread that has ended does not count, as on the hardware.
      if (thread.state != State::at_barrier && thread.state != State::done) return false;
    }
    for (Thread& thread : threads_) {
      if (thread.state == State::at_barrier) {
        thread.state = State::ready;
        any = true;
      }
    }
    return any;
  }

  const std::function<void()>* kernel_ = nullptr;
  bool backwards_ = false;
  unsigned count_ = 0, next_ = 0, running_ = 0;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<Copies> copies_;
  Context main_, *current_ = nullptr;
  std::vector<std::unique_ptr<Context>> all_;
  std::vector<Context*> idle_;
  std::unique_ptr<Shared> shared_ = std::make_unique_for_overwrite<Shared>();
};

Processor& processor() {
  static thread_local Processor mine;
  return mine;
}

void Processor::run_fiber() {
  Processor& self = processor();
  while (true) {
    self.work();
    Context* mine = self.current_;
    self.idle_.push_back(mine);
    mine->switch_to(self.main_);
  }
}

}  // namespace

unsigned char* dynamic_shared() { return processor().shared(); }
void block_barrier() { processor().wait(State::at_barrier, 0); }
const uint64_t* warp_exchange(uint32_t mask, uint64_t word) { return processor().exchange(mask, word); }
unsigned lane() { return processor().lane(); }
void copy_async(void* to, const void* from, size_t bytes, bool valid) { processor().copy({to, from, bytes, valid}); }
void commit_copies() { processor().commit(); }
void wait_for_copies(unsigned pending) { processor().finish_copies(pending); }

void launch(dim3 blocks, dim3 threads, size_t shared_bytes, std::function<void()> kernel) {
  if (shared_bytes > kMaxShared) abort_emulation("a block has at most 227 KiB of shared memory");
  if (blocks.x == 0 || blocks.y == 0 || blocks.z == 0 || blocks.y > 65535 || blocks.z > 65535) {
    abort_emulation("a grid has at least one block in every direction, and at most 65,535 in y and z");
  }
  enqueue([=] {
    const int64_t count = int64_t{blocks.x} * blocks.y * blocks.z;
#pragma omp parallel for schedule(dynamic)
    for (int64_t b = 0; b < count; ++b) {
      const auto x = static_cast<unsigned>(b % blocks.x), rest = static_cast<unsigned>(b / blocks.x);
      position = {dim3(0, 0, 0), dim3(x, rest % blocks.y, rest / blocks.y), threads, blocks};
      processor().run(kernel, shared_bytes, b % 2 == 1);
    }
  });
}

}  // namespace cuda_emulation
