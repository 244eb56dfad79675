// SPDX-License-Identifier: Apache-2.0
// What trajectories draw, side by side.
#include "analysis/sample_strip.h"

#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "made_up_sampling.h"
#include "made_up_speed.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::analysis;
using namespace dydit::test;

namespace {

// `count` images (C,2,4) of one value.
checkpoint::Tensor images(float value, std::int64_t count = 3, std::int64_t channels = 3, std::int64_t width = 4) {
  const std::vector<float> values(static_cast<std::size_t>(count * channels * 2 * width), value);
  return checkpoint::Tensor::of<float>(values, {count, channels, 2, width});
}

// A run of combinations whose records name tensors, by the number of the record.
struct Drawn {
  TemporaryFolder folder;
  std::vector<record::Run> runs;
  std::vector<SamplingStudy> studies;

  explicit Drawn(const std::function<std::optional<checkpoint::Tensor>(std::size_t)>& image) {
    auto records = combinations(0.95);
    for (std::size_t i = 0; i < records.size(); ++i)
      if (image(i)) records[i].tensors = {"strip-" + std::to_string(i)};
    runs = run_of(folder.path() / "run", records);
    std::filesystem::create_directories(folder.path() / "run" / "tensors");
    for (std::size_t i = 0; i < records.size(); ++i)
      if (const auto tensor = image(i))
        checkpoint::write_safetensors(folder.path() / "run" / "tensors" / (records[i].tensors[0] + ".safetensors"),
                                      {{"image", *tensor}});
    studies = sampling_studies(runs);
  }
  std::optional<Strip> strip(std::size_t most = 8) const { return strip_of(studies.at(0), runs, 2, most); }
};

std::string names(const Strip& strip) {
  std::string text;
  for (const StripRow& row : strip.rows) text += row.cell->name() + "; ";
  return text;
}

}  // namespace

TEST_CASE("a strip has the reference, each cache by its sampler, and the fastest of each engine") {
  const Drawn drawn([](std::size_t i) { return images(i == 0 ? 0.5F : 0.75F); });
  const auto strip = drawn.strip();
  REQUIRE(strip);
  CHECK(names(*strip) ==
        "dense + ddim 50; dense + fora:2 + ddim 50; compact + ddim 50; compact + fora:2 + ddim 50; "
        "dense + fora:2 + dpmpp 10; compact + fora:2 + dpmpp 10; ");
  CHECK(names(*drawn.strip(4)) ==
        "dense + ddim 50; dense + fora:2 + ddim 50; dense + fora:2 + dpmpp 10; compact + fora:2 + dpmpp 10; ");
  CHECK((strip->height == 2 && strip->width == 4));
  for (const StripRow& row : strip->rows) {
    CHECK(row.rgb.size() == 2);  // asked for
    CHECK(row.rgb[1] == std::vector<std::uint8_t>(24, row.cell->name() == "dense + ddim 50" ? 191 : 223));
    CHECK(row.distance == Approx(row.cell->name() == "dense + ddim 50" ? 0 : 0.5));
  }
  const Figure figure = strip_figure(*strip, "samples");
  CHECK(std::ranges::count(figure.csv, '\n') == 1 + 6 * 2 * (4 + 1));
  CHECK(figure.csv.find("0,0,0,12566463,12566463\n") != std::string::npos);
  CHECK(figure.plot.find("dense + fora:2 + dpmpp 10") != std::string::npos);
}

TEST_CASE("without the reference's pictures there is no strip; a cell without images has no row") {
  CHECK_FALSE(Drawn([](std::size_t) { return std::nullopt; }).strip());
  CHECK_FALSE(Drawn([](std::size_t) { return images(0.5F, 3, 4); }).strip());  // latents
  const auto some =
      Drawn([](std::size_t i) { return i % 2 == 0 ? std::optional(images(0.5F)) : std::nullopt; }).strip();
  REQUIRE(some);
  CHECK(some->rows.size() < 6);
  CHECK_THROWS_AS(Drawn([](std::size_t i) { return images(0.5F, 3, 3, i == 0 ? 4 : 6); }).strip(), InputError);
  Drawn gone([](std::size_t) { return images(0.5F); });
  std::filesystem::remove_all(gone.folder.path() / "run" / "tensors");
  CHECK_FALSE(gone.strip());  // a recorded run has no tensors
}

TEST_CASE("a strip of a front has the slowest complete model, and cells of all models down to the fastest") {
  std::vector<record::Record> records;
  for (const auto& [model, engine] : {std::pair{"large", "dense"}, {"half", "compact"}})
    for (const int steps : {50, 20, 19, 10}) {
      MadeSampling made{.engine = engine, .steps = steps, .model = model};
      made.frechet = 100.0 / steps - (std::string(model) == "half" ? 0.1 : 0);
      records.push_back(sampled(made));
      records.back().tensors = {"strip-" + std::to_string(records.size())};
    }
  const TemporaryFolder folder;
  const auto runs = run_of(folder.path() / "run", records);
  std::filesystem::create_directories(folder.path() / "run" / "tensors");
  for (const record::Record& record : records)
    checkpoint::write_safetensors(folder.path() / "run" / "tensors" / (record.tensors[0] + ".safetensors"),
                                  {{"image", images(0.5F, record.tensors[0] == "strip-6" ? 1 : 3)}});
  const auto fronts = quality_fronts(sampling_studies(runs));
  const auto of = [&](std::size_t most) {
    const auto strip = strip_of(fronts.at(0), runs, 2, most);
    REQUIRE(strip);
    std::string text;
    for (const StripRow& row : strip->rows) CHECK(row.rgb.size() == 1);  // as many as the cell with the fewest has
    for (const StripRow& row : strip->rows) text += row.name + "; ";
    return text;
  };
  CHECK(of(8) ==
        "large + ddim 50; half + ddim 50; half + ddim 20; half + ddim 19; "
        "half + ddim 10; ");
  CHECK(of(4) == "large + ddim 50; half + ddim 50; half + ddim 20; half + ddim 10; ");
}
