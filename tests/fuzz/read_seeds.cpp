// SPDX-License-Identifier: Apache-2.0
// A fuzzer without libFuzzer: reads each file of a folder once, so that every build's tests run it.
#include <fmt/format.h>

#include "base/file.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  int count = 0;
  if (argc == 2)
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      const std::string input = dydit::read_file(entry.path());
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
      ++count;
    }
  fmt::print("{} inputs read\n", count);
  return count > 0 ? 0 : 1;
}
