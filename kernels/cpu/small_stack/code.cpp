#include "kernels/cpu/small_stack/code.h"

#include "kernels/cpu/small_stack/lanes.h"
#include "kernels/cpu/small_stack/pixels.h"
#include "kernels/cpu/small_stack/tile.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

template <class T>
const StackCode<T>& stack_code() {
  static constexpr StackCode<T> code = stack::code<stack::Lanes<T>>();
  return code;
}

template const StackCode<float>& stack_code();
template const StackCode<double>& stack_code();

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
