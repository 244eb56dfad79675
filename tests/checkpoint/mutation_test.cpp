// SPDX-License-Identifier: Apache-2.0
// Good checkpoints of every form cut off at every byte and with single bytes changed: refused or opened,
// within ten seconds and four times the memory of the file.
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "heap.h"
#include "limits.h"
#include "support.h"
#include "temporary_folder.h"

using dydit::test::fixtures;
namespace fs = std::filesystem;

namespace {

/// Opens checkpoints under watch.
class Opener {
 public:
  ~Opener() { ::alarm(0); }

  /// False when it is refused.
  bool opens(const fs::path& path) {
    ::alarm(10);  // whose signal ends the program
    const dydit::test::HeapPeak heap;
    bool opened = false;
    try {
      dydit::test::open_and_read(path);
      opened = true;
    } catch (const dydit::InputError&) {
    }
    most_ = std::max(most_, heap.bytes());
    return opened;
  }
  /// The most memory that one of them took.
  std::size_t most() const { return most_; }

 private:
  std::size_t most_ = 0;
};

/// What four times a file leave beside its mapping, and a page or two for what any file takes: a good legacy
/// file of 2.8 KB needs 28 KB for the program in it.
std::size_t most_for(std::size_t file) { return 3 * file + (32 << 10); }

/// A file in which single bytes are changed.
class Mutable {
 public:
  explicit Mutable(const fs::path& path)
      : good_(dydit::read_file(path)), file_(path, std::ios::in | std::ios::out | std::ios::binary) {}
  std::size_t size() const { return good_.size(); }
  void change(std::size_t at, unsigned by) { put(at, static_cast<char>(good_[at] ^ static_cast<char>(by))); }
  void restore(std::size_t at) { put(at, good_[at]); }

 private:
  void put(std::size_t at, char byte) { file_.seekp(static_cast<std::streamoff>(at)).put(byte).flush(); }
  std::string good_;
  std::fstream file_;
};

/// Changes one byte of one of the files at a time; `path` is what is opened.
void survives_changes(const fs::path& path, const std::vector<fs::path>& files) {
  std::vector<std::unique_ptr<Mutable>> changing;
  std::size_t size = 0;
  for (const fs::path& file : files) size += changing.emplace_back(std::make_unique<Mutable>(file))->size();
  dydit::Random random(1, dydit::Purpose::synthetic, 0);
  constexpr int mutations = 10'000;
  int opened = 0;
  Opener opener;
  for (int i = 0; i < mutations; ++i) {
    Mutable& file = *changing[random.below(changing.size())];
    const std::size_t at = random.below(file.size());
    file.change(at, 1 + static_cast<unsigned>(random.below(255)));
    opened += opener.opens(path);
    file.restore(at);
  }
  CHECK(opener.opens(path));
  CHECK((opened > 0 && opened < mutations));
  CHECK(opener.most() <= most_for(size));
}

}  // namespace

TEST_CASE("a file that is cut off anywhere is refused") {
  const std::string name = GENERATE("small.safetensors", "sound.safetensors", "small.pt", "sound.pt", "zip64.pt",
                                    "legacy.pt", "legacy_train.pt", "python2.pt");
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  fs::copy_file(fixtures / name, path);
  Opener opener;
  CHECK(opener.opens(path));
  std::size_t opened = 0;
  const auto whole = fs::file_size(path);
  for (auto size = whole; size-- > 0;) {
    fs::resize_file(path, size);
    opened += opener.opens(path);
  }
  CAPTURE(name);
  CHECK(opened == 0);
  CHECK(opener.most() <= most_for(whole));
}

TEST_CASE("a file with a changed byte is refused or opened, and nothing else happens") {
  const std::string name = GENERATE("small.safetensors", "sound.safetensors", "small.pt", "sound.pt", "protocol4.pt",
                                    "zip64.pt", "train.pt", "legacy.pt", "legacy_train.pt", "python2.pt");
  CAPTURE(name);
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  fs::copy_file(fixtures / name, path);
  survives_changes(path, {path});
}

TEST_CASE("a folder with a changed byte is refused or opened, and nothing else happens") {
  const std::string name = GENERATE("single", "sharded", "sharded_bin", "pipeline");
  CAPTURE(name);
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  fs::copy(dydit::test::golden / "diffusers" / name, path, fs::copy_options::recursive);
  survives_changes(path, dydit::checkpoint::files_of(path));
}
