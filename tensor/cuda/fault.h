#pragma once

#ifdef __CUDACC__
#define DIVVY_DEVICE __device__
#else
#define DIVVY_DEVICE
#endif

namespace divvy::cuda {

/// How a kernel reports an invalid value, such as an index out of range: it writes `id` to host memory mapped into the
/// device and goes on without the value. The next copy to the host then throws ValueError with the fault's text.
struct Fault {
  int* word;
  int id;
  DIVVY_DEVICE void raise() const { *static_cast<volatile int*>(word) = id; }
};

/// A fault of a device, reported as `text`, for example "gather_rows: an index is out of range". `text` must be a
/// string literal: it is kept for the lifetime of the program.
Fault fault(int device, const char* text);

/// Throws ValueError if a finished kernel has raised a fault, and clears it.
void check_fault(int device);

}  // namespace divvy::cuda
