// SPDX-License-Identifier: Apache-2.0
// The safetensors format: 8 bytes little-endian header length, a JSON header, the tensors' bytes.
#pragma once

#include <filesystem>
#include <memory>

#include "base/file.h"
#include "checkpoint/tensor.h"

namespace dydit::checkpoint {

struct SafetensorsFile {
  Tensors tensors;
  Metadata metadata;
  std::shared_ptr<const MappedFile> mapped;  ///< whose bytes the tensors' are, but for those that had to be copied
};

/// Maps `path`; only a tensor that is not aligned there is copied. Throws InputError (with the reason) for
/// anything that is not a well-formed file: header length against file size before anything is allocated,
/// JSON of bounded depth, no duplicate names, no unknown fields or types, offsets that are integers, in
/// bounds, without overlap or hole, and that agree with type and shape.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Writes atomically (temporary file, fsync, rename), header padded with spaces so that the data begin
/// at a multiple of 8, tensors in descending alignment and then by name, so equal content gives equal bytes.
/// Throws RunError when the disk is full, a tensor's shape and bytes disagree, or a name is not UTF-8.
void write_safetensors(const std::filesystem::path& path, const Tensors& tensors, const Metadata& metadata = {});

}  // namespace dydit::checkpoint
