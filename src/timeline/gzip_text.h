// SPDX-License-Identifier: Apache-2.0
// Text of any length into a gzip file, compressed as it comes.
#pragma once

#include <fmt/format.h>
#include <zlib.h>

#include <iterator>
#include <new>

#include "base/file.h"

namespace dydit::timeline {

class GzipText {
 public:
  explicit GzipText(const Append& append) : append_(append) {
    constexpr int window_bits = 15, gzip = 16, memory_level = 8;
    if (::deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits + gzip, memory_level,
                       Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~GzipText() { ::deflateEnd(&stream_); }
  GzipText(const GzipText&) = delete;
  GzipText& operator=(const GzipText&) = delete;

  template <typename... T>
  void print(fmt::format_string<T...> form, T&&... values) {
    fmt::format_to(std::back_inserter(text_), form, std::forward<T>(values)...);
    if (text_.size() >= block) compress(Z_NO_FLUSH);
  }
  /// Nothing is printed after it.
  void finish() { compress(Z_FINISH); }

 private:
  static constexpr std::size_t block = 1 << 16;

  void compress(int flush) {
    std::byte out[1 << 14];
    stream_.next_in = reinterpret_cast<Bytef*>(text_.data());
    stream_.avail_in = static_cast<uInt>(text_.size());
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out);
      stream_.avail_out = sizeof out;
      ::deflate(&stream_, flush);  // fails for a wrong stream alone
      append_({out, sizeof out - stream_.avail_out});
    } while (stream_.avail_out == 0);
    text_.clear();
  }

  const Append& append_;
  z_stream stream_{};
  std::string text_;
};

}  // namespace dydit::timeline
