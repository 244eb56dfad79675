// SPDX-License-Identifier: Apache-2.0
// A safetensors file; or, where the input begins with a brace, a header for which length and data are made
// up.
#include <algorithm>
#include <array>

#include "checkpoint/safetensors.h"
#include "checkpoint/stored_zip.h"
#include "weights.h"

static void read(const std::string& bytes) {
  using namespace dydit;
  fuzz::read_weights(bytes);
  const fuzz::HeapLimit limit(bytes.size(), 32 << 20);
  fuzz::expect_error_or_success([&] {
    const auto file = checkpoint::read_safetensors(fuzz::folder() / "input");
    for (const auto& [name, tensor] : file.tensors)
      if (tensor.type == checkpoint::DType::boolean) tensor.as<bool>();
    // What was read can be written, and is the same when it is read again.
    const auto again = fuzz::folder() / "again";
    checkpoint::write_safetensors(again, file.tensors, file.metadata);
    const auto copy = checkpoint::read_safetensors(again);
    const auto equal = [](const auto& a, const auto& b) {
      return a.first == b.first && a.second.type == b.second.type && a.second.shape == b.second.shape &&
             std::ranges::equal(a.second.bytes, b.second.bytes);
    };
    if (!std::ranges::equal(copy.tensors, file.tensors, equal) || copy.metadata != file.metadata) __builtin_trap();
  });
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (!input.starts_with('{')) {
    read(input);
    return 0;
  }
  const std::size_t bytes = std::array{0, 4, 64}[size % 3];
  read(dydit::test::little(size, 8) + input + std::string(bytes, '\1'));
  return 0;
}
