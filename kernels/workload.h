#pragma once

#include <string>
#include <string_view>

#include "kernels/backend.h"
#include "tensor/dtype.h"

namespace divvy::kernels {

/// Where an operation would run and on how much: what a backend needs to know, beside the sizes of the layers, to say
/// whether a fused operation pays.
struct Workload {
  Device on;
  DType dtype = DType::f32;
  int64_t experts = 0;  ///< stacked in the parameters; 0: a network alone
  int64_t rows = 0;     ///< of all experts together

  Device device() const { return on; }
};

/// What a backend answers to whether a fused operation pays.
struct Pays {
  std::string why_not = {};  ///< in a few words for people, "31 rows of at least 32"; empty where it pays
  explicit operator bool() const { return why_not.empty(); }
};

/// For DIVVY_BACKEND(work, operation).
inline void require_cpu(std::string_view op, const Workload& work) {
  if (!work.on.is_cpu()) fail<DeviceError>("{}: no implementation for {}", op, work.on);
}

}  // namespace divvy::kernels
