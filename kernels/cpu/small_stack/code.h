#pragma once

#include "kernels/cpu/small_stack/unit.h"
#include "kernels/cpu/target.h"

namespace divvy::kernels::DIVVY_TARGET {

/// The code of the target for f32 or f64.
template <class T>
const StackCode<T>& stack_code();

}  // namespace divvy::kernels::DIVVY_TARGET
