#pragma once

namespace divvy::app {

/// Lets kernels use so many threads, or as many as there are cores for this process if `threads` is 0. Throws
/// OutOfMemoryError if the system does not let them be created, which OpenMP would end the program for.
void use_threads(int threads);

}  // namespace divvy::app
