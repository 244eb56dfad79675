// SPDX-License-Identifier: Apache-2.0
// A small residual network, trained on the data at hand, whose features compare images where the inception network's
// are not to be had. A distance by it is no FID: numbers of two classifiers are not comparable.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/schema.h"
#include "checkpoint/checkpoint.h"
#include "data/dataset.h"
#include "quality/network.h"

namespace dydit::quality {

/// As its file tells it.
struct ClassifierConfiguration {
  std::int64_t classes = 10;
  std::int64_t size = 32;   ///< side of the images it was trained on; others are resized (bilinear, antialiased)
  std::int64_t width = 28;  ///< channels of the first layer; eight times as many are its features
};

class Classifier final : public FeatureNetwork {
 public:
  /// Throws InputError naming `where` for weights that are not those of a classifier.
  Classifier(const checkpoint::Tensors& tensors, const checkpoint::Metadata& metadata, const std::string& where,
             torch::Device device);
  /// Whether a file with these metadata is one.
  static bool recognises(const checkpoint::Metadata& metadata);

  Features operator()(const torch::Tensor& images) const override;

 private:
  struct Layer {
    torch::Tensor weight, bias;
  };
  ClassifierConfiguration configuration_;
  std::map<std::string, Layer> layers_;
};

struct ClassifierTraining {
  std::int64_t epochs = 60;
  std::int64_t batch = 256;
  double learning_rate = 0.01;  ///< its highest, after a fifth of the steps; then down to 0
  double weight_decay = 0.1;
  std::int64_t width = 28;
  std::uint64_t seed = 0;
};
const Schema<ClassifierTraining>& classifier_training_schema();

struct Trained {
  double accuracy;  ///< share of the held-out images that are classified rightly, by the weights in the file
  std::int64_t images;
};

/// AdamW with a warmed-up cosine on `images`, shifted by up to an eighth and mirrored, bfloat16 autocast; writes
/// `path`, a .safetensors with weights in float16. State is kept in `path`.training after each epoch, and resumed from
/// there. Throws UsageError where that is of another training or the two sets do
/// not fit, InputError for broken images, RunError where the loss
/// is not finite, Interrupted.
Trained train_classifier(const std::shared_ptr<const data::Dataset>& images,
                         const std::shared_ptr<const data::Dataset>& held_out, const std::filesystem::path& path,
                         const ClassifierTraining& training, torch::Device device, int threads, bool quiet);

}  // namespace dydit::quality
