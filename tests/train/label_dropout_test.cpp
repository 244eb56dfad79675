// SPDX-License-Identifier: Apache-2.0
// The share of labels replaced by "no class", seen from outside: where every image has a class of its own,
// a row of the label table moves only when its label was kept.
#include "catch.h"
#include "dit/weights.h"
#include "support.h"

using namespace dydit;

namespace {

constexpr std::int64_t batch = 400, images = 3 * batch;

class OneImagePerClass final : public data::Dataset {
 public:
  std::int64_t size() const override { return images; }
  std::int64_t classes() const override { return images; }
  data::Shape shape() const override { return {1, 4, 4}; }
  std::int64_t label(std::int64_t index) const override { return index; }
  std::string name(std::int64_t index) const override { return std::to_string(index); }
  std::string hash() const override { return "one image per class"; }
  void read(std::int64_t index, bool, std::span<float> out) const override {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(index % 7) / 7 - 0.1F * static_cast<float>(i % 3);
  }
};

// (images + 1), true for the rows of the table that training moved. The gradient reaches the table at the
// third step only: adaLN and the last layer begin at zero.
torch::Tensor moved_rows(double share) {
  const test::TemporaryFolder folder;
  auto job =
      test::tiny_job({.steps = 3, .batch = batch, .learning_rate = 1e-2, .label_dropout = share, .held_out_images = 1});
  job.configuration = dit::from_json({{"input_size", 4},
                                      {"patch_size", 4},
                                      {"in_channels", 1},
                                      {"hidden_size", 16},
                                      {"depth", 1},
                                      {"num_heads", 2},
                                      {"num_classes", images}});
  job.images = job.held_out = std::make_shared<OneImagePerClass>();
  test::train_in(folder.path() / "run", job);
  const auto trained =
      dit::load_dit(train::checkpoint_path(folder.path() / "run", "tiny", 3), checkpoint::Weights::model);
  dit::DiT fresh(job.configuration);
  fresh->initialise(job.seed);
  return (trained->y_embedder->embedding_table->weight != fresh->y_embedder->embedding_table->weight).any(1);
}

}  // namespace

TEST_CASE("labels are dropped at the share asked for") {
  for (const double share : {0.0, 0.25, 1.0}) {
    CAPTURE(share);
    const auto moved = moved_rows(share);
    CHECK(moved[images].item<bool>() == (share > 0));
    const auto kept = moved.narrow(0, 0, images).sum().item<double>() / batch;
    // Five standard deviations of a share among 400.
    CHECK(std::abs(kept - (1 - share)) <= 5 * std::sqrt(share * (1 - share) / batch));
  }
}
