// SPDX-License-Identifier: Apache-2.0
// A safetensors file of which one tensor after another can be taken: the others are neither copied nor read.
#pragma once

#include <string_view>

#include "base/file.h"
#include "checkpoint/tensor.h"

namespace dydit::checkpoint {

/// One tensor of a header. The offsets count from the end of the header and are not yet checked.
struct HeaderEntry {
  std::optional<DType> type;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<std::vector<std::int64_t>> offsets;
};

struct Header {
  std::map<std::string, HeaderEntry> entries;  ///< every field is there, with two offsets
  Metadata metadata;
};

inline constexpr const char* metadata_key = "__metadata__";

/// The JSON header, parsed event by event: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
/// "__metadata__": {"key": "text"}}. Throws InputError, about the file `where`, for what is not JSON in UTF-8 of exactly
/// this form: other or missing fields, a name twice, numbers that are not integers of 63 bits, deeper nesting.
Header parse_header(std::string_view text, const std::string& where);

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
