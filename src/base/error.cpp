// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

namespace dydit {

static std::string one_line(const std::string& what, const std::string& where, const std::string& remedy) {
  std::string line = what;
  for (const std::string* part : {&where, &remedy})
    if (!part->empty()) line += ": " + *part;
  for (char& c : line)
    if (c == '\n' || c == '\r') c = ' ';
  return line;
}

Error::Error(ExitCode code, const std::string& what, const std::string& where, const std::string& remedy)
    : std::runtime_error(one_line(what, where, remedy)), code_(code) {}

}  // namespace dydit
