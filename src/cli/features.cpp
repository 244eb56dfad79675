// SPDX-License-Identifier: Apache-2.0
#include "features.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace dydit::cli {

void FeatureOptions::add_to(CLI::App& app) {
  app.add_option("--features", network,
                 "network that sees features in images: a classifier of ours, the inception network of Frechet "
                 "distances (a state dict), or any TorchScript module");
  add_number(app, "--image-size", run::bounds::size, into(size), "side to which images are cropped (theirs)");
  add_number(app, "--batch", Bounds<std::int64_t>{1, 65'536}, into(batch), "images that are read at once (64)");
}

FeaturesOf::FeaturesOf(const FeatureOptions& options, const run::RunSettings& settings)
    : options_(options), threads_(settings.threads), quiet_(settings.quiet) {
  if (options.network.empty())
    throw UsageError("images are judged by features", "--features", "name the network that sees them");
  hash_ = hash_of_file(options.network);
  network_ = quality::load_network(options.network, settings.device);
}

quality::Seen FeaturesOf::operator()(const std::string& path, bool moments, bool spatial, bool logits) const {
  torch::InferenceMode inference;
  quality::Seen seen = quality::see(path, *network_,
                                    {.size = options_.size,
                                     .batch = options_.batch,
                                     .threads = threads_,
                                     .moments = moments,
                                     .spatial = spatial,
                                     .logits = logits,
                                     .quiet = quiet_});
  seen.set.network = hash_;
  if (!quiet_)
    for (const std::string& note : seen.notes) fmt::print(stderr, "dydit: {}\n", note);
  return seen;
}

}  // namespace dydit::cli
