#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace divvy {

/// Base of every error that divvy throws. The message is one line: the operation, the operand, both shapes or values,
/// and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes, ranks or axes that do not match.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An element type that an operation does not take.
class DTypeError : public Error {
 public:
  using Error::Error;
};

/// A device that is absent, or operands on different devices.
class DeviceError : public Error {
 public:
  using Error::Error;
};

/// An argument outside its range (an index, a probability, a label, a temperature).
class ValueError : public Error {
 public:
  using Error::Error;
};

/// Misuse of the autograd graph: backward twice, or a saved tensor that was changed in place.
class GraphError : public Error {
 public:
  using Error::Error;
};

/// A data file that is missing, damaged or inconsistent.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A checkpoint, state dictionary or run folder that is missing, damaged or does not match the model.
class CheckpointError : public Error {
 public:
  using Error::Error;
};

/// The device has no memory left.
class OutOfMemoryError : public Error {
 public:
  OutOfMemoryError(const std::string& message, int64_t requested_bytes)
      : Error(message), requested_bytes(requested_bytes) {}
  int64_t requested_bytes;
};

/// A NaN or an infinity in a loss or a gradient. A caller that knows the training step adds it with at_step().
class NonFiniteError : public Error {
 public:
  /// One of the parts that a parameter stacks along its leading axis, such as {"expert", 3}.
  struct Part {
    std::string name;
    int64_t index = 0;
    bool operator==(const Part&) const = default;
  };

  NonFiniteError(std::string what_is, std::string layer, std::optional<Part> part = std::nullopt,
                 std::optional<int64_t> step = std::nullopt)
      : Error(describe(what_is, layer, part, step)),
        what_is(std::move(what_is)),
        layer(std::move(layer)),
        part(std::move(part)),
        step(step) {}

  NonFiniteError at_step(int64_t at) const { return {what_is, layer, part, at}; }

  std::string what_is;          ///< "loss" or "gradient"
  std::string layer;            ///< the parameter's name, or the operation that computed the value
  std::optional<Part> part;     ///< the part of a stacked parameter, if known
  std::optional<int64_t> step;  ///< the training step, counted from 1

 private:
  static std::string describe(const std::string& what_is, const std::string& layer, const std::optional<Part>& part,
                              std::optional<int64_t> step) {
    std::string text = fmt::format("non-finite {} in {}", what_is, layer);
    if (part) text += fmt::format(", {} {}", part->name, part->index);
    if (step) text += fmt::format(", at step {}", *step);
    return text + "; lower the learning rate, clip the gradients or check the inputs";
  }
};

/// Throws E with a formatted message.
template <class E, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace divvy
