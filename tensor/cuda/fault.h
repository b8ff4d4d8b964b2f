#pragma once

#ifdef __CUDACC__
#define DIVVY_DEVICE __device__
#else
#define DIVVY_DEVICE
#endif

namespace divvy::cuda {

/// What a kernel writes to when it meets a value that it must not use (an index out of range, say): memory of the host
/// that the device sees. The kernel goes on without that value; the next copy to the host throws ValueError with the
/// text.
struct Fault {
  int* word;
  int id;
  DIVVY_DEVICE void raise() const { *static_cast<volatile int*>(word) = id; }
};

/// A fault of a device that will be reported as `text`, which must live forever (a literal): "gather_rows: an index is
/// out of range".
Fault fault(int device, const char* text);

/// Throws ValueError where a kernel that is past has raised a fault, and forgets it.
void check_fault(int device);

}  // namespace divvy::cuda
