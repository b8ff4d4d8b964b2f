#pragma once

#include <type_traits>

namespace divvy::kernels::elementwise {

/// Operations that kernels are compiled for; at run time one is chosen by its index.
template <class... F>
struct List {
  static constexpr int size = sizeof...(F);

  template <class One>
  static constexpr int index_of() {
    static_assert((std::is_same_v<One, F> || ...), "kernels/elementwise/all.h has to list the operation");
    int index = 0;
    (void)((std::is_same_v<One, F> || (++index, false)) || ...);
    return index;
  }

  /// Calls body.operator()<Operation>() for the operation of that index.
  template <class Body>
  static void visit(int index, const Body& body) {
    int at = 0;
    (void)((at++ == index && (body.template operator()<F>(), true)) || ...);
  }
};

}  // namespace divvy::kernels::elementwise
