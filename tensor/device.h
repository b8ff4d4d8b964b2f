#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace divvy {

/// Where the memory of a tensor is: the CPU or one CUDA device.
struct Device {
  enum class Kind : uint8_t { cpu, cuda };
  Kind kind = Kind::cpu;
  int index = 0;

  bool is_cpu() const { return kind == Kind::cpu; }
  bool is_cuda() const { return kind == Kind::cuda; }
  bool operator==(const Device&) const = default;
  std::string to_string() const { return is_cpu() ? "cpu" : fmt::format("cuda:{}", index); }

  static Device cpu() { return {}; }
  static Device cuda(int index = 0) { return {Kind::cuda, index}; }
};

/// How many CUDA devices can be used now: 0 in a build without CUDA, without a driver or without a GPU.
int cuda_device_count();

}  // namespace divvy

template <>
struct fmt::formatter<divvy::Device> : fmt::formatter<std::string> {
  auto format(divvy::Device device, fmt::format_context& ctx) const {
    return fmt::formatter<std::string>::format(device.to_string(), ctx);
  }
};
