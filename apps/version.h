#pragma once

#include <string>

namespace divvy::app {

extern const char* const kVersion;    ///< "0.1.0"
extern const char* const kBuildType;  ///< "Release"
extern const bool kNativeBuild;       ///< compiled for the machine that compiled it alone
extern const bool kCudaBuild;         ///< compiled with the CUDA side

std::string compiler_text();   ///< "g++ 12.2.0"
std::string bf16_unit();       ///< what multiplies bf16 on this machine: "amx", "avx512_bf16" or "none"
std::string processor_name();  ///< as the system names it
std::string libraries_text();  ///< "Eigen 3.4.0, fmt 9.1.0, ..."

}  // namespace divvy::app
