#include "apps/version.h"

#include <fmt/format.h>
#include <png.h>
#include <zlib.h>
#include <CLI/Version.hpp>
#include <nlohmann/json.hpp>

#include <fstream>

#include "kernels/instruction_set.h"

namespace divvy::app {

const char* const kVersion = DIVVY_VERSION;
const char* const kBuildType = DIVVY_BUILD_TYPE;
const bool kNativeBuild = DIVVY_NATIVE_BUILD;
#ifdef DIVVY_HAS_CUDA
const bool kCudaBuild = true;
#else
const bool kCudaBuild = false;
#endif

std::string compiler_text() {
#ifdef __clang__
  return fmt::format("clang++ {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

std::string bf16_unit() {
  using kernels::Bf16Unit;
  return machine_has(Bf16Unit::amx) ? "amx" : machine_has(Bf16Unit::avx512) ? "avx512_bf16" : "none";
}

std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown";
}

std::string libraries_text() {
  return fmt::format("fmt {}.{}.{}, CLI11 {}, nlohmann-json {}.{}.{}, zlib {}, libpng {}", FMT_VERSION / 10000,
                     FMT_VERSION / 100 % 100, FMT_VERSION % 100, CLI11_VERSION, NLOHMANN_JSON_VERSION_MAJOR,
                     NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, zlibVersion(), PNG_LIBPNG_VER_STRING);
}

}  // namespace divvy::app
