// SPDX-License-Identifier: Apache-2.0
#include "base/schema.h"

namespace dydit {

std::string any_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 < names.size() ? ", " : " or ") + names[i];
  return text;
}

void require_known(const std::string& value, const std::vector<std::string>& known, const std::string& where) {
  if (std::ranges::find(known, value) == known.end())
    throw UsageError("unknown name", where + " = " + shortened(value), "give " + any_of(known));
}

}  // namespace dydit
