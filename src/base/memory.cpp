// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <malloc.h>

#include <limits>

namespace dydit {

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest that glibc takes
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

}  // namespace dydit
