// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <utility>

namespace dydit {

/// A file descriptor that is closed with the object; -1 is none.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return value_; }
  /// Gives the descriptor away: the caller closes it.
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

}  // namespace dydit
