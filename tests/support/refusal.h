#pragma once

#include <string>
#include <typeinfo>

#include "tensor/error.h"
#include "tests/support/catch.h"

namespace divvy::test {

/// The message of the E that `call` must throw, which must be one line; the check fails if it throws nothing or another
/// type.
template <class E, class F>
std::string refusal(const F& call) {
  try {
    call();
  } catch (const Error& error) {
    CHECK(typeid(error) == typeid(E));
    std::string message = error.what();
    CHECK(message.find('\n') == std::string::npos);
    return message;
  }
  FAIL_CHECK("nothing was thrown");
  return "";
}

}  // namespace divvy::test
