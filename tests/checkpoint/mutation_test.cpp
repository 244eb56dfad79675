// SPDX-License-Identifier: Apache-2.0
// Good files cut off at every byte and with single bytes changed.
#include <fstream>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "limits.h"
#include "support.h"
#include "temporary_folder.h"

using dydit::test::fixtures;

/// False when the file is refused.
static bool opens(const std::filesystem::path& path) {
  try {
    dydit::test::open_and_read(path);
    return true;
  } catch (const dydit::InputError&) {
    return false;
  }
}

TEST_CASE("a file that is cut off anywhere is refused") {
  const std::string name = GENERATE("small.safetensors", "sound.safetensors", "small.pt", "sound.pt",
                                    "zip64.pt", "legacy.pt", "legacy_train.pt", "python2.pt");
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  std::filesystem::copy_file(fixtures / name, path);
  CHECK(opens(path));
  std::size_t opened = 0;
  for (auto size = std::filesystem::file_size(path); size-- > 0;) {
    std::filesystem::resize_file(path, size);
    opened += opens(path);
  }
  CAPTURE(name);
  CHECK(opened == 0);
}

TEST_CASE("a file with a changed byte is refused or opened, and nothing else happens") {
  const std::string name =
      GENERATE("small.safetensors", "sound.safetensors", "small.pt", "sound.pt", "protocol4.pt", "zip64.pt",
               "train.pt", "legacy.pt", "legacy_train.pt", "python2.pt");
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  const std::string good = dydit::read_file(fixtures / name);
  std::filesystem::copy_file(fixtures / name, path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](std::size_t at, char byte) {
    file.seekp(static_cast<std::streamoff>(at)).put(byte).flush();
  };
  dydit::Random random(1, dydit::Purpose::synthetic, 0);
  constexpr int mutations = 10'000;
  int opened = 0;
  for (int i = 0; i < mutations; ++i) {
    const std::size_t at = random.below(good.size());
    put(at, static_cast<char>(good[at] ^ static_cast<char>(1 + random.below(255))));
    opened += opens(path);
    put(at, good[at]);
  }
  CHECK(opens(path));
  CAPTURE(name);
  CHECK((opened > 0 && opened < mutations));
}
