#pragma once

#include <cstdint>
#include <functional>

#include "cuda_runtime_api.h"

/// The threads of a block as fibers of one thread of the machine. A fiber runs until its kernel ends or meets a barrier
/// or a warp operation; when all are there, all go on. Every other block runs its threads from the last to the first,
/// so that a result which depends on their order shows. Blocks are divided among the threads of OpenMP.
///
/// A barrier that some threads of a block never reach, or a warp operation without all the lanes of its mask, ends the
/// program with a message: on a GPU it would hang or go wrong.
namespace cuda_emulation {

struct Position {
  dim3 thread, block, block_size, grid_size;
};

/// Where the running fiber stands.
extern thread_local Position position;

/// Runs `kernel` for every thread of every block, or keeps it for the graph that is being captured.
void launch(dim3 blocks, dim3 threads, size_t shared_bytes, std::function<void()> kernel);
/// Does `work` now, or keeps it for the graph that is being captured.
void enqueue(std::function<void()> work);

unsigned char* dynamic_shared();
void block_barrier();
/// Waits for the lanes of `mask` and gives each the words that they brought: result[lane].
const uint64_t* warp_exchange(uint32_t mask, uint64_t word);
unsigned lane();

/// cp.async of 4 or 16 bytes, of zeros where not valid: the destination is NaN until the thread has waited for the
/// copy, and `from` is read then.
void copy_async(void* to, const void* from, size_t bytes, bool valid);
/// The copies that the thread started since the last call become a group.
void commit_copies();
/// Does the copies of all but the last `pending` groups of the thread.
void wait_for_copies(unsigned pending);

}  // namespace cuda_emulation
