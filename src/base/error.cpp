// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include "base/text.h"

namespace dydit {

static std::string joined(const std::string& what, const std::string& where, const std::string& remedy) {
  std::string line = what;
  for (const std::string* part : {&where, &remedy})
    if (!part->empty()) line += ": " + *part;
  return one_line(line);
}

Error::Error(ExitCode code, const std::string& what, const std::string& where, const std::string& remedy)
    : std::runtime_error(joined(what, where, remedy)), code_(code) {}

}  // namespace dydit
