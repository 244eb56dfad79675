// SPDX-License-Identifier: Apache-2.0
// A safetensors file of which one tensor after another can be taken: the others are neither copied nor read.
#pragma once

#include "base/file.h"
#include "safetensors_header.h"

namespace dydit::checkpoint {

class SafetensorsReader {
 public:
  /// Checks the header. Throws InputError as `read_safetensors` does.
  explicit SafetensorsReader(std::shared_ptr<const MappedFile> file);

  const Header& header() const { return header_; }
  /// A view where the tensor is aligned, else a copy.
  Tensor tensor(const HeaderEntry& entry) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> data_;
  Header header_;
};

}  // namespace dydit::checkpoint
