#pragma once

/// The operations that move elements without changing them.
#include "autograd/ops/concat.h"
#include "autograd/ops/permute.h"
#include "autograd/ops/reshape.h"
#include "autograd/ops/slice.h"
#include "autograd/ops/split.h"
#include "autograd/ops/stack.h"
