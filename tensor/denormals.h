#pragma once

namespace divvy {

/// Whether numbers below the normal range (1.2e-38 in f32) count as zero, on the calling thread and the threads of its
/// parallel regions. Arithmetic with such numbers is slow on many processors, and weights that decay towards
/// zero pass through them; nothing that is learned depends on them. Off at first, as in every program; the command
/// turns it on. Call it before anything runs, so that all threads agree: results differ in the last digits between on
/// and off. Without effect on other processors than x86-64.
void flush_denormals(bool on);

}  // namespace divvy
