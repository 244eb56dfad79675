// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace dydit::test {

/// The most memory from operator new that was in use at once since the object was made, beyond what was then.
class HeapPeak {
 public:
  HeapPeak();
  std::size_t bytes() const;

 private:
  std::size_t before_;
};

}  // namespace dydit::test
