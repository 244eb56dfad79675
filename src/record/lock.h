// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/descriptor.h"

namespace dydit::record {

/// The lock of a run directory; the system gives it back when the process ends, however it ends.
class Lock {
 public:
  /// Throws RunError when somebody else holds it or the file cannot be made.
  explicit Lock(const std::filesystem::path& run);

 private:
  Descriptor file_;
};

}  // namespace dydit::record
