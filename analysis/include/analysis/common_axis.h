// SPDX-License-Identifier: Apache-2.0
// Loss gaps of several processes on the axis that they share: times mean other things in each, the log of
// signal-to-noise does not.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "analysis/loss_gap.h"
#include "analysis/statistics.h"

namespace dydit::analysis {

/// How much more a model loses than its reference, over ascending log signal-to-noise.
struct CommonCurve {
  std::string process, model, reference;
  bool dynamic = false;  ///< against the dense model of its size; else a smaller model against the largest
  std::vector<double> times, log_snr;
  std::vector<Interval> percent;  ///< of the reference's loss at this time, which is taken as known
  std::vector<Interval> noise;    ///< difference in squared error of the noise; empty where it is not known

  std::string name() const { return process + ": " + model; }
};

/// Of one process; nothing where its records do not say what signal-to-noise its times have. Times without or
/// with infinite signal are left out.
std::vector<CommonCurve> common_curves(const std::string& process, const LossGap& gap);

/// At how many of the places of `one` that lie within those of `other`, the other's percentage is clearly larger or
/// smaller: its interval, interpolated linearly, is beyond this one's.
struct Difference {
  std::size_t larger, smaller, places;
};
Difference difference(const CommonCurve& one, const CommonCurve& other);

/// One row for each curve and time, the names last.
std::string to_csv(std::span<const CommonCurve> curves);

}  // namespace dydit::analysis
