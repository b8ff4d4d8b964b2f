#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DIVVY_ADDRESS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define DIVVY_ADDRESS_SANITIZER 1
#endif

#ifdef DIVVY_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#endif

/// These functions tell the address sanitizer which allocated memory must not be touched: the end of a block beyond the
/// requested size, and blocks kept for reuse. They do nothing in builds without the sanitizer.
namespace divvy::detail {

#ifdef DIVVY_ADDRESS_SANITIZER
inline constexpr bool kPoisons = true;
inline void poison(void* begin, size_t bytes) { __asan_poison_memory_region(begin, bytes); }
inline void unpoison(void* begin, size_t bytes) { __asan_unpoison_memory_region(begin, bytes); }
inline bool poisoned(const void* at) { return __asan_address_is_poisoned(at) != 0; }
#else
inline constexpr bool kPoisons = false;
inline void poison(void*, size_t) {}
inline void unpoison(void*, size_t) {}
inline bool poisoned(const void*) { return false; }
#endif

}  // namespace divvy::detail
