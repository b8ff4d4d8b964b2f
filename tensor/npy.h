#pragma once

#include <filesystem>

#include "tensor/tensor.h"

namespace divvy {

/// Reads an array that numpy.save wrote: format 1.0, 2.0 or 3.0; f4, f8, i4, i8 or u1; little-endian, C order. Throws
/// DataError, with the path and what is wrong, for any other format and for a file whose size contradicts its header;
/// the size is checked before memory is allocated.
Tensor load_npy(const std::filesystem::path& path);

/// Writes a tensor in format 1.0, replacing the file as atomic_write does. Throws DTypeError for bf16, which NumPy does
/// not have, and DataError where the file cannot be written.
void save_npy(const std::filesystem::path& path, const Tensor& tensor);

}  // namespace divvy
