// SPDX-License-Identifier: Apache-2.0
#include "strided.h"

#include <cstring>

namespace dydit::checkpoint {

/// Distance of the last element from the first; nothing when a stride is negative or the sum does not fit.
static std::optional<std::int64_t> reach_of(const Strided& strided) {
  std::int64_t reach = 0;
  for (std::size_t i = 0; i < strided.shape.size(); ++i) {
    std::int64_t part = 0;
    if (strided.strides[i] < 0 || __builtin_mul_overflow(strided.shape[i] - 1, strided.strides[i], &part) ||
        __builtin_add_overflow(reach, part, &reach))
      return std::nullopt;
  }
  return reach;
}

std::optional<std::string> fault_of(const Strided& strided) {
  if (strided.shape.size() != strided.strides.size()) return "has sizes and strides that do not agree";
  if (!bytes_of(strided.type, strided.shape)) return "has sizes that no file can hold";
  const auto stored = static_cast<std::int64_t>(strided.storage.size() / size_of(strided.type));
  if (strided.offset < 0 || strided.offset > stored) return "begins outside its storage";
  const std::int64_t elements = *elements_of(strided.shape);
  if (elements == 0) return std::nullopt;
  const auto reach = reach_of(strided);
  if (!reach || *reach >= stored - strided.offset) return "reaches outside its storage";
  if (elements > stored) return "is expanded: it has more elements than its storage";
  return std::nullopt;
}

bool contiguous(const Strided& strided) {
  if (*elements_of(strided.shape) == 0) return true;  // the other sizes may have any product
  std::int64_t expected = 1;
  for (std::size_t i = strided.shape.size(); i-- > 0;) {
    if (strided.shape[i] != 1 && strided.strides[i] != expected) return false;
    expected *= strided.shape[i];
  }
  return true;
}

void gather(const Strided& strided, std::byte* out) {
  struct Dimension {
    std::int64_t size, stride, index;
  };
  std::vector<Dimension> dimensions;  // without those of size 1, whose stride means nothing
  for (std::size_t i = 0; i < strided.shape.size(); ++i)
    if (strided.shape[i] != 1) dimensions.push_back({strided.shape[i], strided.strides[i], 0});
  const std::size_t size = size_of(strided.type);
  std::int64_t position = strided.offset;
  for (std::int64_t remaining = *elements_of(strided.shape); remaining > 0; --remaining, out += size) {
    std::memcpy(out, strided.storage.data() + static_cast<std::size_t>(position) * size, size);
    for (auto dimension = dimensions.rbegin(); dimension != dimensions.rend(); ++dimension) {
      position += dimension->stride;
      if (++dimension->index < dimension->size) break;
      position -= dimension->size * dimension->stride;
      dimension->index = 0;
    }
  }
}

}  // namespace dydit::checkpoint
