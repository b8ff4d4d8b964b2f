#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "tensor/tensor.h"

namespace divvy {

/// The contents of a .safetensors file: tensors and texts by name.
struct SafeTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads a .safetensors file: 8 bytes with the length of the header, the header in JSON, then the elements of the
/// tensors without overlap or gaps.
///
/// Throws CheckpointError, with the path and what is wrong, for a file that breaks any rule of the format, has types
/// other than F32, F64, BF16, I32, I64 and U8, has a header of more than 100 MB, or whose checksums do not match. Sizes
/// are checked against the file before memory is allocated. Files written by save_safetensors have checksums, so that
/// any single flipped bit is detected; files of other programs load without checksums.
SafeTensors load_safetensors(const std::filesystem::path& path);

/// Writes a .safetensors file that any reader of the format accepts, replacing the file as atomic_write does. The
/// metadata gets three more kinds of entries, which load_safetensors checks and removes:
///     divvy.checksum          "crc32"
///     divvy.checksum.header   the CRC-32 of the header, taken with these eight digits as zeros
///     divvy.checksum:NAME     the CRC-32 of the elements of the tensor NAME
/// each in eight lower-case hexadecimal digits. Throws ValueError for an undefined tensor, for names that are reserved
/// (the tensor "__metadata__", metadata that begins with "divvy.checksum"), not UTF-8 or too many for a header of
/// 100 MB, and CheckpointError if the file cannot be written.
void save_safetensors(const std::filesystem::path& path, const SafeTensors& contents);

}  // namespace divvy
