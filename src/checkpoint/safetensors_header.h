// SPDX-License-Identifier: Apache-2.0
// The JSON header of a safetensors file, parsed event by event: {"name": {"dtype": "F32", "shape": [2, 3],
// "data_offsets": [begin, end]}, ..., "__metadata__": {"key": "text"}}.
#pragma once

#include <string_view>

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

/// Throws InputError, about the file `where`, for what is not JSON in UTF-8 of exactly this form: other
/// or missing fields, a name twice, numbers that are not integers of 63 bits, deeper nesting.
Header parse_header(std::string_view text, const std::string& where);

}  // namespace dydit::checkpoint
