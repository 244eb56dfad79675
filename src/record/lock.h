// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace dydit::record {

/// A file held open; with it, what the system ties to it.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }

 private:
  int value_;
};

/// The lock of a run directory; the system gives it back when the process ends, however it ends.
class Lock {
 public:
  /// Throws RunError when somebody else holds it or the file cannot be made.
  explicit Lock(const std::filesystem::path& run);

 private:
  Descriptor file_;
};

}  // namespace dydit::record
