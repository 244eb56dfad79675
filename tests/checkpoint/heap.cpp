// SPDX-License-Identifier: Apache-2.0
#include "heap.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {
// Of the thread that runs the tests.
thread_local std::size_t in_use = 0, most_in_use = 0;
}  // namespace

void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  in_use += ::malloc_usable_size(memory);
  most_in_use = std::max(most_in_use, in_use);
  return memory;
}

// Of the library's temporary buffers; what it returns is freed below.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void operator delete(void* memory) noexcept {
  in_use -= ::malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }

namespace dydit::test {

HeapPeak::HeapPeak() : before_(in_use) { most_in_use = in_use; }

std::size_t HeapPeak::bytes() const { return most_in_use - before_; }

}  // namespace dydit::test
