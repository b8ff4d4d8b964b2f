#pragma once

#include <string>

namespace divvy::app {

extern const char* const kVersion;    ///< "0.1.0"
extern const char* const kBuildType;  ///< "Release"
extern const bool kNativeBuild;       ///< compiled only for the machine that built it
extern const bool kCudaBuild;         ///< compiled with CUDA

std::string compiler_text();   ///< "g++ 12.2.0"
std::string bf16_unit();       ///< the bf16 instructions of this machine: "amx", "avx512_bf16" or "none"
std::string processor_name();  ///< as the operating system names it
std::string libraries_text();  ///< "Eigen 3.4.0, fmt 9.1.0, ..."

}  // namespace divvy::app
