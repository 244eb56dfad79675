// SPDX-License-Identifier: Apache-2.0
// Reading numbers and text from bytes that a stranger wrote: every read is checked against what is left.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dydit::checkpoint {

/// Throws InputError: the content of the file `where` is malformed, or asks for what is not allowed.
[[noreturn]] inline void refuse(const std::string& what, const std::string& where,
                                const std::string& remedy = "copy or save the file again") {
  throw InputError(what, where, remedy);
}

/// Text from a file as a message may show it: in quotes, short, control characters replaced.
inline std::string printable(std::string_view text) {
  constexpr std::size_t limit = 100;
  std::string shown = "'";
  for (const char c : text.substr(0, limit)) shown += c >= ' ' && c <= '~' ? c : '?';
  return shown + (text.size() > limit ? "...'" : "'");
}

class ByteReader {
 public:
  /// `part` names what is read ("zip directory") in the errors about the file `where`.
  ByteReader(std::span<const std::byte> bytes, std::string part, std::string where)
      : bytes_(bytes), part_(std::move(part)), where_(std::move(where)) {}

  std::size_t left() const { return bytes_.size(); }

  /// The next `count` bytes, not copied. Throws InputError when fewer are left.
  std::span<const std::byte> take(std::uint64_t count) {
    if (count > bytes_.size()) fail("ends too early");
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  std::string_view text(std::uint64_t count) {
    const auto taken = take(count);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  /// What is left of a line, without its end. Throws InputError when it has no end.
  std::string_view line() {
    const auto end = std::find(bytes_.begin(), bytes_.end(), std::byte{'\n'});
    if (end == bytes_.end()) fail("ends too early");
    const auto found = text(static_cast<std::uint64_t>(end - bytes_.begin()));
    take(1);
    return found;
  }
  /// The next number, little-endian (as every machine that LibTorch runs on).
  template <std::unsigned_integral T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }

  /// Throws InputError: "<part>: <what>".
  [[noreturn]] void fail(const std::string& what) const { refuse(part_ + " " + what, where_); }

 private:
  std::span<const std::byte> bytes_;
  std::string part_, where_;
};

}  // namespace dydit::checkpoint
