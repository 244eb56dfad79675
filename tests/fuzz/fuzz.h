// SPDX-License-Identifier: Apache-2.0
// What the fuzzers share: the input as a file, and a limit on the memory that reading it may take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace dydit::fuzz {

/// The folder of this process for its input; put TMPDIR into memory. It goes with the process.
const std::filesystem::path& folder();

/// Replaces the file `name` of the folder.
std::filesystem::path write_input(const char* name, std::string_view bytes);

/// Ends the process, which is a finding, when at the end of its life the heap once held more than 4 bytes for
/// each of the input and `constant` on top of what it held at the beginning.
class HeapLimit {
 public:
  HeapLimit(std::size_t input, std::size_t constant);
  ~HeapLimit();
  HeapLimit(const HeapLimit&) = delete;
  HeapLimit& operator=(const HeapLimit&) = delete;

 private:
  std::size_t most_;
};

/// Calls `read`; an Error is its right to throw, anything else is a finding.
template <typename Read>
void expect_error_or_success(Read&& read) {
  try {
    read();
  } catch (const Error&) {
  }
}

}  // namespace dydit::fuzz
