// SPDX-License-Identifier: Apache-2.0
// The .pt from before PyTorch 1.6, written by hand: what is read, and what is refused.
#include "base/error.h"
#include "catch.h"
#include "limits.h"
#include "pickle_writer.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using Catch::Matchers::Contains;
using dydit::test::dict, dydit::test::integer, dydit::test::little, dydit::test::protocol, dydit::test::storage,
    dydit::test::text, dydit::test::vector_in;

namespace {

const std::string magic = protocol + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
                  version = protocol + "M\xe9\x03.";

struct Parts {
  std::string front = magic + version;
  std::string machine = dict(text("little_endian") + "\x88");
  std::string value = dict(text("w") + vector_in(storage("7", 4, "N"), 4));
  std::string keys = protocol + "]" + text("7") + "a.";
  std::string data = little(4, 8) + "abcdefghijklmnop";
};

class LegacyFile {
 public:
  explicit LegacyFile(const Parts& parts) {
    dydit::write_atomically(path(), parts.front + parts.machine + parts.value + parts.keys + parts.data);
  }
  std::filesystem::path path() const { return folder_.path() / "t.pt"; }
  std::string bytes_of(const std::string& name) const {
    const auto opened = open_checkpoint(path());
    const auto& bytes = opened.tensors.at(name).bytes;
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  dydit::test::TemporaryFolder folder_;
};

std::string view(std::uint64_t offset, std::uint64_t length) {
  return fmt::format("({}{}{}t", text("8"), integer(offset), integer(length));
}

}  // namespace

TEST_CASE("a legacy file written by hand is read") {
  CHECK(LegacyFile({}).bytes_of("w") == "abcdefghijklmnop");
  CHECK(LegacyFile({.value = dict(text("w") + vector_in(storage("7", 4, "N"), 2, 2, 1))}).bytes_of("w") == "efghmnop");
  CHECK(LegacyFile({.value = dict(text("w") + vector_in(storage("7", 4, view(1, 3)), 2, 1, 1))}).bytes_of("w") ==
        "ijklmnop");
}

TEST_CASE("broken legacy files are refused with the reason") {
  const auto holding = [](const std::string& tensor) { return dict(text("w") + tensor); };
  const std::string twice = protocol + "](" + text("7") + text("7") + "e.", four = little(4, 8);
  const auto [parts, reason] = GENERATE_COPY(table<Parts, std::string>({
      {{.front = magic + protocol + "M\xea\x03."}, "unknown version"},
      {{.front = protocol + "]" + text(magic) + "a." + version}, "not a .pt file"},
      {{.machine = dict(text("little_endian") + "\x89")}, "not little-endian"},
      {{.machine = protocol + "N."}, "not little-endian"},
      {{.value = protocol + "]."}, "no tensor refers to"},
      {{.value = protocol + "].", .keys = protocol + "].", .data = ""}, "no dict"},
      {{.value = holding(vector_in(storage("7", 4, "N"), 5))}, "reaches outside its storage"},
      {{.value = holding(vector_in(storage("7", 4, view(1, 3)), 4))}, "reaches outside its storage"},
      {{.value = holding(vector_in(storage("7", 4, view(1, 4)), 1))}, "no storage"},
      {{.value = holding(vector_in(storage("7", 4, view(5, 0)), 0))}, "no storage"},
      {{.value = holding(vector_in(storage("7", 4, view(1, 1ULL << 63)), 1))}, "no storage"},
      {{.value = holding(vector_in(storage("7", 4, "K\1"), 1))}, "no storage"},
      {{.value = holding(vector_in(storage("7", 4, "NN"), 1))}, "no storage"},
      {{.value = holding(vector_in(storage("../7", 4, "N"), 1))}, "no storage"},
      {{.value = holding(vector_in(storage("7", 4, "N"), 1) + text("v") + vector_in(storage("7", 3, "N"), 1))},
       "two things"},
      {{.value = holding(vector_in(storage("7", 1ULL << 62, "N"), 1)), .data = little(1ULL << 62, 8)},
       "another length"},
      {{.value = holding(vector_in(storage("7", 1ULL << 60, "N"), 1)), .data = little(1ULL << 60, 8)},
       "ends too early"},
      {{.keys = protocol + "N."}, "no list of storages"},
      {{.keys = protocol + "]" + text("8") + "a."}, "no tensor refers to"},
      {{.keys = protocol + "]K\7a."}, "no tensor refers to"},
      {{.keys = twice, .data = four + std::string(16, 'x') + four + std::string(16, 'x')}, "storage 7 twice"},
      {{.keys = protocol + "].", .data = ""}, "storage 7, which is not in the file"},
      {{.data = little(5, 8) + std::string(20, 'x')}, "another length"},
      {{.data = four + std::string(17, 'x')}, "goes on after the last storage"},
      {{.data = four + std::string(15, 'x')}, "ends too early"},
  }));
  CAPTURE(reason);
  const LegacyFile file(parts);
  CHECK_THROWS_WITH(open_checkpoint(file.path()), Contains(reason));
  CHECK(dydit::test::outcome_within(file.path(), {.seconds = 2, .memory = 8 << 20}) == dydit::test::Outcome::refused);
}

TEST_CASE("the length of a file does not buy its pickles memory") {
  const LegacyFile file({.value = protocol + dydit::test::many(")0", 8'000'000)});  // tuples: a byte, a node
  std::filesystem::resize_file(file.path(), 1 << 30);
  CHECK(dydit::test::outcome_within(file.path(), {.seconds = 5, .memory = 64 << 20}) == dydit::test::Outcome::refused);
}
