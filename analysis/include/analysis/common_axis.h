// SPDX-License-Identifier: Apache-2.0
// Loss gaps of several processes on the axis that they share: times mean other things in each, the log of
// signal-to-noise does not.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/loss_gap.h"
#include "analysis/section.h"

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

/// Where the gap of a curve is largest: the place, and all places that the intervals leave possible (the
/// bounds).
Interval peak_place(const CommonCurve& curve);

/// The gap in percent at a place, linear between times; nothing outside of the curve.
std::optional<Interval> percent_at(const CommonCurve& curve, double log_snr);

/// Two curves held against each other.
struct Comparison {
  const CommonCurve *one, *other;
  Interval place, other_place;  ///< of their peaks
  Judgement same_place;         ///< do these lie within `near` of each other?
  Interval at, other_at;        ///< percent at the first one's peak; NaN where the other has none there
  Judgement larger;             ///< is the other's gap larger there?

  static constexpr double near = 2;  ///< in log signal-to-noise
};
Comparison compared(const CommonCurve& one, const CommonCurve& other);

/// The curves of two processes that a report compares first: of one kind, and of one model where both have
/// it. Nothing where there are none.
std::optional<Comparison> comparison(std::span<const CommonCurve> curves, const std::string& one,
                                     const std::string& other);

/// One row for each curve and time, the names last.
std::string to_csv(std::span<const CommonCurve> curves);

}  // namespace dydit::analysis
