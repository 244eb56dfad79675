// SPDX-License-Identifier: Apache-2.0
// Faults as others tell of them, made one line: signals that would end the process without a word, exceptions
// that are not our own.
#pragma once

#include <exception>
#include <string>
#include <string_view>

namespace dydit {

/// A file over the size limit becomes an error of write() like a full disk (SIGXFSZ). A mapped file that was
/// cut short, or that the disk no longer gives, ends the process with one line that names it and the exit
/// code of bad input (SIGBUS). Called once, by main.
void handle_faults();

/// The text up to its first line break.
std::string first_line(std::string_view text);

/// What an exception says, as one line: LibTorch adds a stack trace, and the standard library says no more of
/// a lack of memory than the name of a class.
std::string one_line(const std::exception& error);

}  // namespace dydit
