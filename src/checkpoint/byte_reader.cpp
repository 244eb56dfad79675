// SPDX-License-Identifier: Apache-2.0
#include "byte_reader.h"

#include "base/error.h"

namespace dydit::checkpoint {

void refuse(const std::string& what, const std::string& where, const std::string& remedy) {
  throw InputError(what, where, remedy);
}

std::string printable(std::string_view text) {
  constexpr std::size_t limit = 100;
  std::string shown = "'";
  for (const char c : text.substr(0, limit)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > limit ? "...'" : "'");
}

}  // namespace dydit::checkpoint
