// SPDX-License-Identifier: Apache-2.0
// Texts that come from files and commands, as messages and reports may show them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace dydit {

/// The text as one line of UTF-8: U+FFFD for bytes that are none, spaces for control characters, line separators and
/// what turns the direction of writing.
std::string one_line(std::string_view text);

/// With the second of a pair for each of its first; of several that begin at one place the pair that comes first.
std::string replaced(std::string_view text, std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

}  // namespace dydit
