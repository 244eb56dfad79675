// SPDX-License-Identifier: Apache-2.0
#include "fuzz.h"

#include <fmt/format.h>
#ifdef DYDIT_FUZZ
#include <sanitizer/allocator_interface.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "temporary_folder.h"

namespace dydit::fuzz {

namespace {

#ifdef DYDIT_FUZZ
// The readers run on one thread.
std::size_t held = 0, peak = 0;

void on_malloc(const volatile void*, std::size_t size) {
  held += size;
  peak = std::max(peak, held);
}

void on_free(const volatile void* pointer) { held -= __sanitizer_get_allocated_size(pointer); }

const bool hooked = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) != 0;
#else
// Without the sanitizers' hooks nothing is counted.
std::size_t held = 0, peak = 0;
const bool hooked = true;
#endif

}  // namespace

const std::filesystem::path& folder() {
  static const test::TemporaryFolder folder;
  return folder.path();
}

std::filesystem::path write_input(const char* name, std::string_view bytes) {
  auto path = folder() / name;
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), std::ptrdiff_t(bytes.size()));
  return path;
}

HeapLimit::HeapLimit(std::size_t input, std::size_t constant) {
  if (!hooked) std::abort();
  peak = held;
  most_ = held + 4 * input + constant;
}

HeapLimit::~HeapLimit() {
  if (peak <= most_) return;
  fmt::print(stderr, "the heap held {} bytes more than it may\n", peak - most_);
  std::abort();
}

}  // namespace dydit::fuzz
