// SPDX-License-Identifier: Apache-2.0
// All that is asked of a set of generated images, against a reference.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "quality/set.h"

namespace dydit::quality {

enum class Metric { frechet, frechet_spatial, kernel, inception_score, precision, recall };
/// As JSON and the command line have them: "frechet", "frechet_spatial" ...
const std::array<const char*, 6>& metric_names();

struct JudgeOptions {
  std::vector<Metric> metrics = {};  ///< empty: all that are possible
  std::int64_t neighbours = 3;       ///< of precision and recall
  std::int64_t parts = 0;  ///< of the inception score, equal ones; 0: of 5,000 images, the last of the rest, as ADM's
  std::int64_t subsets = 100;  ///< of the kernel distance
  std::int64_t subset_size = 1000;
  std::int64_t resamples = 0;  ///< of the bootstrap; 0: no intervals
  bool extrapolate = false;    ///< the Frechet distance to unlimited images
  std::uint64_t seed = 0;
  /// Called with what was done, of all that is to do.
  std::function<void(std::int64_t done, std::int64_t all)> progress = {};

  /// Whether moments of the sets are not enough.
  bool needs_images() const;
};

struct Judged {
  Metric metric;
  double value = 0;
  /// 95 % of what the same number of images would have, bias of few images included: value plus the quantiles about
  /// their mean of values of resampled images (of both sets, where their features are there), for copies by themselves
  /// make a Frechet distance larger. Of Frechet distances and the inception score.
  std::optional<std::pair<double, double>> ci95 = {};
  /// Of the resampled images: draw r is the same of every two sets of as many images, so that values can be paired.
  std::vector<double> resampled = {};
};

struct Judgement {
  std::vector<Judged> values;
  /// The Frechet distance of as many images as one likes: a line through those of parts of the generated set, over
  /// 1 / N (Chong and Forsyth 2020, arXiv:1911.07023).
  std::optional<double> frechet_unlimited;
  std::optional<double> kernel_deviation;  ///< between subsets; none where there is one
  std::vector<std::string> notes;          ///< of what was not possible, and why
};

/// Judges generated sets against one reference. What follows from the reference alone is computed once and kept: the
/// balls, the kernel's means, and the Gaussians of resampled images where all of them take 256 MiB at most.
class Judge {
 public:
  Judge(Set reference, JudgeOptions options);
  ~Judge();

  const Set& reference() const;
  /// Throws UsageError for a metric that was asked for and is not possible.
  Judgement judge(const Set& generated);

 private:
  struct Kept;
  std::unique_ptr<Kept> kept_;
};

}  // namespace dydit::quality
