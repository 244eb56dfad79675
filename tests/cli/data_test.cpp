// SPDX-License-Identifier: Apache-2.0
// What every command says of data that it reads in part.
#include "base/file.h"
#include "catch.h"
#include "test_folder.h"
#include "tiny_runs.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::run_dydit;

namespace fs = std::filesystem;

namespace {

const char* const left_out = "3 files of kinds that are not read were left out: 2 .bmp, 1 .tiff";

// Ten classes of four images in a folder, and what is not read.
void write_images(const fs::path& folder) {
  const auto formats = test::test_folder() / "golden" / "data" / "formats" / "images";
  for (int label = 0; label < 10; ++label)
    for (const char* name : {"png_rgb.png", "png_grey.png", "webp_lossy.webp", "jpeg_grey.JPG"}) {
      const auto path = folder / "set" / ("class" + std::to_string(label)) / name;
      fs::create_directories(path.parent_path());
      fs::copy_file(formats / name, path);
    }
  for (const char* name : {"class0/a.bmp", "class1/b.bmp", "class2/c.tiff"})
    write_atomically(folder / "set" / name, "");
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

void check_told(const test::Outcome& outcome, const fs::path& run = {}) {
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  CHECK(count_of(outcome.err, left_out) == 1);
  CHECK(count_of(outcome.err, "the classes are the folders in 'set/'") == 1);
  if (!run.empty()) CHECK(count_of(read_file(run / "log.txt"), left_out) == 1);
}

}  // namespace

TEST_CASE("each command counts once what it does not read, on stderr and in the log") {
  const test::TemporaryFolder place;
  const auto images = place.path() / "images", trained = place.path() / "trained", other = place.path() / "other";
  const auto studied = place.path() / "studied", swept = place.path() / "swept";
  write_images(images);
  check_told(run_dydit(test::training({"--steps", "2", "--lambda", "0.5", "--out", trained}, images)), trained);
  const std::string model = trained / "checkpoints" / "DiT-00000002.safetensors";
  check_told(run_dydit({"info", "--checkpoint", model, "--data", images, "--images", "20", "--timesteps", "2"}));

  // One of 41 images is broken: 2.4 % of them are too many.
  const auto link = images / "set" / "class3" / "link.png";
  fs::create_symlink("nowhere", link);
  const test::Outcome study = run_dydit({"study", "activation", "--model", "half=" + model, "--data", images, "--size",
                                         "8", "--timesteps", "2", "--device", "cpu", "--out", studied});
  CHECK(study.code == 3);
  CHECK_THAT(study.err, Contains("link.png") && Contains("too many broken"));
  CHECK_THAT(read_file(studied / "log.txt"), Contains(left_out) && Contains("link.png"));

  fs::remove(link);
  write_atomically(place.path() / "sweep.toml", R"(
data = { path = "images", size = 8 }
sweep = { trained = ["half"], trained_batch = [2], timesteps = 1, blocks = 1, engine = ["dense", "compact"] }
[[models]]
name = "half"
checkpoint = ")" + model + "\"\n");
  check_told(run_dydit({"sweep", place.path() / "sweep.toml", "--device", "cpu", "--threads", "1", "--out", swept}),
             swept);
}
