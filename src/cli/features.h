// SPDX-License-Identifier: Apache-2.0
// What commands share that see features in images.
#pragma once

#include "common.h"
#include "quality/images.h"

namespace dydit::cli {

/// --features, --image-size, --batch
struct FeatureOptions {
  std::string network;
  std::optional<std::int64_t> size;
  std::int64_t batch = 64;

  void add_to(CLI::App& app);
};

/// The network of --features, and sets of images by it.
class FeaturesOf {
 public:
  /// Throws UsageError where there is no --features, InputError.
  FeaturesOf(const FeatureOptions& options, const run::RunSettings& settings);
  /// Tells on stderr what was left out. The others are as quality::Seeing has them.
  quality::Seen operator()(const std::string& path, bool moments, bool spatial, bool logits) const;

 private:
  FeatureOptions options_;
  int threads_;
  bool quiet_;
  std::string hash_;
  std::unique_ptr<quality::FeatureNetwork> network_;
};

}  // namespace dydit::cli
