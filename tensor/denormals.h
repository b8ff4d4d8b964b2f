#pragma once

namespace divvy {

/// Sets whether subnormal numbers (below 1.2e-38 in f32) are flushed to zero, on the calling thread and the threads of
/// its parallel regions. Arithmetic with them is slow on many processors, weights that decay towards zero pass through
/// them, and nothing that is learned depends on them. It is off by default; the program `divvy` turns it on. Call it
/// before any computation, so that all threads agree: results differ in the last digits between on and off. It has no
/// effect on processors other than x86-64.
void flush_denormals(bool on);

}  // namespace divvy
