// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace dydit {

// Lets the heap grow before it is used, so that one piece of advice covers it. The C library takes no larger block from
// there.
static void advise_huge_pages() {
  constexpr std::size_t block = 31 << 20;
  std::array<void*, 48> blocks{};  // below what is trimmed
  for (void*& each : blocks) each = std::malloc(block);
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(blocks.front()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(sbrk(0)) / page * page;
  // Only advice: where the system does not take it, or the blocks do not lie on the heap, nothing is lost.
  if (blocks.front() != nullptr && begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  for (void* each : blocks) std::free(each);
}

void prepare_memory() {
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the largest that glibc takes
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
  advise_huge_pages();
}

}  // namespace dydit
