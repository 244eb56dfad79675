// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <xxhash.h>

#include "base/file.h"

namespace dydit {

static std::string hash_bytes(const void* data, std::size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(data, size);
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

std::string hash_of(std::string_view text) { return hash_bytes(text.data(), text.size()); }

std::string hash_of_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  return hash_bytes(file.bytes().data(), file.bytes().size());
}

}  // namespace dydit
