// SPDX-License-Identifier: Apache-2.0
// A .pt file of either form; or, where the input begins as neither, the pickle of one in a sound zip, so that
// lengths and offsets of an archive do not stand in the way.
#include "checkpoint/stored_zip.h"
#include "weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool legacy = input.starts_with("\x80\x02\x8a\x0a");  // the magic number comes first
  if (input.starts_with("PK") || legacy)
    dydit::fuzz::read_weights(input);
  else
    dydit::fuzz::read_weights(dydit::test::stored_zip(
        {{"a/data.pkl", std::string(input)}, {"a/data/0", std::string(64, '\1')}, {"a/data/1", ""}}));
  return 0;
}
