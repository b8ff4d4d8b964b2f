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

/// Reads a .safetensors file: 8 bytes with the length of the header, the header in JSON, the elements of the tensors
/// one after the other without overlap or holes.
///
/// Throws CheckpointError, with the path and what is wrong, for a file that breaks any rule of the format, that has
/// types other than F32, F64, BF16, I32, I64 and U8, that has a header of more than 1 MiB, or whose checksums do not
/// agree. The sizes are checked against the file before memory is asked for. Files that save_safetensors wrote have
/// checksums, so that no single changed bit loads; files from elsewhere load without.
SafeTensors load_safetensors(const std::filesystem::path& path);

/// Writes a .safetensors file that any reader of the format takes, replacing the file as atomic_write does. The
/// metadata gets three kinds of entries more, which load_safetensors checks and takes away again:
///     divvy.checksum          "crc32"
///     divvy.checksum.header   the CRC-32 of the header, taken with these eight digits as zeros
///     divvy.checksum:NAME     the CRC-32 of the elements of the tensor NAME
/// each in eight lower-case hexadecimal digits. Throws ValueError for an undefined tensor, for names that are taken
/// (the tensor
/// "__metadata__", metadata that begins with "divvy.checksum"), not UTF-8 or too many for 1 MiB, and CheckpointError
/// where the file cannot be written.
void save_safetensors(const std::filesystem::path& path, const SafeTensors& contents);

}  // namespace divvy
