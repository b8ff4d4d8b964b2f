#pragma once

#include "tensor/cuda/launch.cuh"

/// How kernels are started: see tensor/cuda/launch.cuh.
namespace divvy::kernels::cuda {

using divvy::cuda::blocks_for;
using divvy::cuda::dynamic_shared;
using divvy::cuda::for_each;
using divvy::cuda::Grid;
using divvy::cuda::kThreads;
using divvy::cuda::launch;
using divvy::cuda::most_blocks;

}  // namespace divvy::kernels::cuda
