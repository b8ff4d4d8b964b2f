#pragma once

/// Before a function that runs on the CPU and in CUDA kernels alike.
#ifdef __CUDACC__
#define DIVVY_ANYWHERE __host__ __device__
#else
#define DIVVY_ANYWHERE
#endif
