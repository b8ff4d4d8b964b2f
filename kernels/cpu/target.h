#pragma once

/// A file of this folder that opens the namespace DIVVY_TARGET is compiled once for each instruction set, the target,
/// which CMake names so (plain, avx2 or avx512) with the width of its vectors, DIVVY_VECTOR_BYTES. It does that after
/// its includes, between two macros:
///
///     DIVVY_TARGET_BEGIN;
///     namespace divvy::kernels::DIVVY_TARGET {
///     ...
///     }  // namespace divvy::kernels::DIVVY_TARGET
///     DIVVY_TARGET_END;
///
/// Only what stands between them may use the instructions of the target. What the includes define (the standard
/// library, Tensor) is compiled for any machine, since the linker keeps one copy of an inline function for the whole
/// program; tests/portable_objects.sh looks for copies that would not run everywhere.
#if defined(DIVVY_TARGET_FEATURES)  // a file that is a target of its own
#elif DIVVY_VECTOR_BYTES == 64
#define DIVVY_TARGET_FEATURES "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"
#elif DIVVY_VECTOR_BYTES == 32
#define DIVVY_TARGET_FEATURES "avx2,fma"
#endif

#define DIVVY_PRAGMA(text) _Pragma(#text)
#if !defined(DIVVY_TARGET_FEATURES)
#define DIVVY_TARGET_BEGIN static_assert(true)
#define DIVVY_TARGET_END static_assert(true)
#elif defined(__clang__)
#define DIVVY_TARGET_ATTRIBUTE(features) \
  DIVVY_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define DIVVY_TARGET_BEGIN DIVVY_TARGET_ATTRIBUTE(DIVVY_TARGET_FEATURES) static_assert(true)
#define DIVVY_TARGET_END DIVVY_PRAGMA(clang attribute pop) static_assert(true)
#else
#define DIVVY_TARGET_OPTIONS(features) DIVVY_PRAGMA(GCC push_options) DIVVY_PRAGMA(GCC target(features))
#define DIVVY_TARGET_BEGIN DIVVY_TARGET_OPTIONS(DIVVY_TARGET_FEATURES) static_assert(true)
#define DIVVY_TARGET_END DIVVY_PRAGMA(GCC pop_options) static_assert(true)
#endif

namespace divvy::kernels::cpu {}
namespace divvy::kernels::DIVVY_TARGET {
using namespace cpu;
}
