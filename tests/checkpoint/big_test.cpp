// SPDX-License-Identifier: Apache-2.0
// Training files of several GiB: the optimizer's state and the model are holes of sparse files, which take no
// room on the disk, and the EMA is 16 bytes behind them.
#include <fstream>

#include "base/error.h"
#include "catch.h"
#include "limits.h"
#include "pickle_writer.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using dydit::test::dict, dydit::test::inner_dict, dydit::test::little, dydit::test::Outcome, dydit::test::protocol,
    dydit::test::storage, dydit::test::text, dydit::test::vector_in;

namespace {

constexpr std::uint64_t gib = 1 << 30;
constexpr std::uint64_t opt_elements = 9 * gib / 16 + 3,
                        model_elements = 17 * gib / 16 + 5;  // 2.25 and 4.25 GiB
const std::string ema = "the EMA weights!", last = "last";

std::string zeros(std::size_t count) { return std::string(count, '\0'); }

/// Written piece by piece, with holes between.
class SparseFile {
 public:
  explicit SparseFile(const std::filesystem::path& path) : path_(path), out_(path, std::ios::binary) {}
  ~SparseFile() {
    out_.close();
    std::filesystem::resize_file(path_, position_);
  }
  void write(const std::string& bytes) {
    out_.seekp(static_cast<std::streamoff>(position_)).write(bytes.data(), std::streamsize(bytes.size()));
    position_ += bytes.size();
  }
  void skip(std::uint64_t bytes) { position_ += bytes; }
  std::uint64_t position() const { return position_; }

 private:
  std::filesystem::path path_;
  std::ofstream out_;
  std::uint64_t position_ = 0;
};

/// {"model": {"w"}, "ema": {"w"}, "opt": {"w"}} with the storages 0, 1 and 2. `view` as in `storage`.
std::string training_pickle(const std::string& view = "", std::size_t padding = 0) {
  const auto section = [&](const char* name, const char* key, std::uint64_t elements) {
    return text(name) + inner_dict(text("w") + vector_in(storage(key, elements, view), elements));
  };
  return dict(section("model", "0", model_elements) + section("ema", "1", 4) + section("opt", "2", opt_elements) +
              text("padding") + text(std::string(padding, ' ')));
}

/// One entry of a zip after another, aligned as PyTorch does; the sizes and offsets are in zip64 fields.
class SparseZip {
 public:
  explicit SparseZip(SparseFile& file) : file_(file) {}
  void begin(const std::string& name, std::uint64_t size) {
    constexpr std::uint64_t local_header = 30, alignment = 64;
    if (entries_ > 0) file_.skip(-(file_.position() + local_header + name.size()) % alignment);
    const std::string in_zip64 = little(0xffffffff, 4);
    directory_ += "PK\1\2" + zeros(16) + in_zip64 + in_zip64 + little(name.size(), 2) + little(28, 2) + zeros(10) +
                  in_zip64 + name + little(1, 2) + little(24, 2) + little(size, 8) + little(size, 8) +
                  little(file_.position(), 8);
    file_.write("PK\3\4" + zeros(14) + in_zip64 + in_zip64 + little(name.size(), 2) + little(0, 2) + name);
    ++entries_;
  }
  void finish() {
    const std::uint64_t begin = file_.position(), end = begin + directory_.size();
    file_.write(directory_ + "PK\6\6" + little(44, 8) + zeros(12) + little(entries_, 8) + little(entries_, 8) +
                little(directory_.size(), 8) + little(begin, 8));
    file_.write("PK\6\7" + little(0, 4) + little(end, 8) + little(1, 4));
    file_.write("PK\5\6" + little(0, 4) + little(0xffffffff, 4) + little(~0ULL, 8) + little(0, 2));
  }

 private:
  SparseFile& file_;
  std::string directory_;
  std::uint64_t entries_ = 0;
};

void write_zip(const std::filesystem::path& path) {
  SparseFile file(path);
  SparseZip zip(file);
  const std::string pickle = training_pickle();
  zip.begin("a/data.pkl", pickle.size());
  file.write(pickle);
  zip.begin("a/data/2", 4 * opt_elements);
  file.skip(4 * opt_elements);
  file.skip(-file.position() % 64);  // the writer aligns entries by a field of their headers; a gap does as well
  zip.begin("a/data/0", 4 * model_elements);
  file.skip(4 * model_elements - last.size());
  file.write(last);
  zip.begin("a/data/1", ema.size());
  file.write(ema);
  zip.finish();
}

void write_legacy(const std::filesystem::path& path) {
  SparseFile file(path);
  const std::string front = protocol + "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + protocol + "M\xe9\x03." +
                            dict(text("little_endian") + "\x88");
  const std::string keys = protocol + "](" + text("2") + text("0") + text("1") + "e.";
  const std::size_t length = front.size() + training_pickle("N").size() + keys.size();
  file.write(front + training_pickle("N", -length % 4) + keys + little(opt_elements, 8));
  file.skip(4 * opt_elements);
  file.write(little(model_elements, 8));
  file.skip(4 * model_elements - last.size());
  file.write(last + little(4, 8) + ema);
}

void write_safetensors_sparse(const std::filesystem::path& path, std::size_t alignment) {
  SparseFile file(path);
  const auto entry = [](const char* name, std::uint64_t first, std::uint64_t elements) {
    return fmt::format(R"("{}":{{"dtype":"F32","shape":[{}],"data_offsets":[{},{}]}})", name, elements, 4 * first,
                       4 * (first + elements));
  };
  std::string header =
      fmt::format("{{{},{},{}}}", entry("opt.w", 0, opt_elements), entry("model.w", opt_elements, model_elements),
                  entry("ema.w", opt_elements + model_elements, 4));
  while (header.size() % 8 != alignment) header += ' ';
  file.write(little(header.size(), 8) + header);
  file.skip(4 * (opt_elements + model_elements) - last.size());
  file.write(last + ema);
}

std::string end_of(const Tensor& tensor, std::size_t bytes) {
  const auto end = tensor.bytes.last(bytes);
  return {reinterpret_cast<const char*>(end.data()), end.size()};
}

}  // namespace

TEST_CASE("of a training file of 6 GiB only the weights asked for are read") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  const std::string form = GENERATE("zip", "legacy", "safetensors", "safetensors, not aligned");
  CAPTURE(form);
  if (form == "zip") write_zip(path);
  if (form == "legacy") write_legacy(path);
  if (form.starts_with("safetensors")) write_safetensors_sparse(path, form == "safetensors" ? 0 : 1);
  REQUIRE(std::filesystem::file_size(path) > 6 * gib);
  CHECK(dydit::test::outcome_within(path, {.seconds = 5, .memory = 8 << 20, .resident = 16 << 20}) == Outcome::opened);
  CHECK(end_of(open_checkpoint(path).tensors.at("w"), ema.size()) == ema);
  if (form != "safetensors, not aligned") {
    const auto model = open_checkpoint(path, Weights::model).tensors.at("w");
    CHECK(model.bytes.size() == 4 * model_elements);
    CHECK(model.elements() == std::int64_t{model_elements});
    CHECK(end_of(model, last.size()) == last);
  }
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  CHECK_THROWS_AS(open_checkpoint(path), dydit::InputError);
}

TEST_CASE("the limit on resident memory is in force") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  constexpr std::uint64_t elements = gib / 64;  // 64 MiB, all of it asked for
  {
    SparseFile file(path);
    const std::string pickle = dict(text("w") + vector_in(storage("0", elements), elements));
    SparseZip zip(file);
    zip.begin("a/data.pkl", pickle.size());
    file.write(pickle);
    zip.begin("a/data/0", 4 * elements);
    file.skip(4 * elements);
    zip.finish();
  }
  const auto outcome = [&](std::int64_t resident) {
    return dydit::test::outcome_within(path, {.seconds = 5, .memory = 128 << 20, .resident = resident});
  };
  CHECK(outcome(128 << 20) == Outcome::opened);
  CHECK(outcome(16 << 20) == Outcome::failed);
}
