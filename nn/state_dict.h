#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/module.h"
#include "tensor/safetensors.h"

namespace divvy::nn {

/// Writes the parameters and buffers of a module to a .safetensors file, replacing it as save_safetensors does.
void save(const Module& module, const std::filesystem::path& path,
          const std::map<std::string, std::string>& metadata = {});

/// Loads them as Module::load_state_dict does, and returns the metadata of the file. Throws CheckpointError with the
/// path.
std::map<std::string, std::string> load(Module& module, const std::filesystem::path& path,
                                        const LoadOptions& options = {});

}  // namespace divvy::nn
