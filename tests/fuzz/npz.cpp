// SPDX-License-Identifier: Apache-2.0
// A .npz; or a .npy, as the array of a sound one.
#include <zlib.h>

#include <array>

#include "checkpoint/stored_zip.h"
#include "data/npz.h"
#include "fuzz.h"

namespace {

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

void read(std::string_view zip) {
  using namespace dydit;
  constexpr std::size_t constant = 600 << 20;  // an array is read, and copied
  const auto path = fuzz::write_input("input.npz", zip);
  const fuzz::HeapLimit limit(zip.size(), constant);
  fuzz::expect_error_or_success([&] {
    const data::Npz npz(path);
    for (const char* name : {"arr_0", "mu"}) {
      fuzz::expect_error_or_success([&] {
        data::NpzArray array = npz.open(name);
        std::array<std::byte, 100> row;
        for (int i = 0; i < 64; ++i) array.read(row);
      });
      fuzz::expect_error_or_success([&] {
        const checkpoint::Tensor whole = npz.read(name);
        if (checkpoint::bytes_of(whole.type, whole.shape) != static_cast<std::int64_t>(whole.bytes.size()))
          __builtin_trap();
      });
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  read(input.starts_with("PK") ? input : dydit::test::stored_zip({{"arr_0.npy", input}}, checksum));
  return 0;
}
