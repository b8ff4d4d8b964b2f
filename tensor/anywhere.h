#pragma once

/// Marks a function that runs both on the CPU and in CUDA kernels.
#ifdef __CUDACC__
#define DIVVY_ANYWHERE __host__ __device__
#else
#define DIVVY_ANYWHERE
#endif
