// SPDX-License-Identifier: Apache-2.0
// Arrays in the formats of numpy.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace dydit::sample {

/// What stands before the elements in a .npy: `type` is numpy's, "|u1" or "<f4".
std::string npy_header(const std::string& type, const std::vector<std::int64_t>& shape);

/// A .npz as numpy.savez writes it, a zip of .npy files that are not compressed, of any size: written in one pass, so
/// that no array has to be in memory. Each entry's checksum follows it, and all sizes have 64 bits (APPNOTE.TXT of
/// PKWARE, 4.3 and 4.5.3).
class Npz {
 public:
  explicit Npz(const Append& append) : append_(append) {}

  /// The next array; its elements follow by write().
  void begin(const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape);
  void write(std::span<const std::byte> elements);
  /// After the last one.
  void finish();

 private:
  struct Entry {
    std::string name;
    std::uint64_t offset = 0, size = 0;
    std::uint32_t checksum = 0;
  };
  void put(std::string_view bytes);
  void end();

  const Append& append_;
  std::vector<Entry> entries_;  // the last one is being written
  std::uint64_t written_ = 0;
};

}  // namespace dydit::sample
