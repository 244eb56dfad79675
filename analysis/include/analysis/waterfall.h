// SPDX-License-Identifier: Apache-2.0
// Where the time goes between the theoretical time of a dynamic model and its measured one. The study records the
// times; the bars are derived here, so that another derivation needs no new measurement. docs/dynamic.md derives them,
// with an example in numbers.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

#include "analysis/statistics.h"
#include "record/record.h"

namespace dydit::analysis {

struct BarInfo {
  std::string_view name;         ///< in figures' CSV
  std::string_view label;        ///< for axes
  std::string_view description;  ///< for a reader of the report; in both, {} is the engine
};
/// A label or description of a bar of this engine.
std::string of_engine(std::string_view text, std::string_view engine);

inline constexpr BarInfo theoretical_bar{
    "theoretical_time", "theoretical time",
    "Time of the dense model times ρ: what is left when all of the skipped work becomes time."};

/// What lies between the theoretical and the measured time, in this order.
inline constexpr std::array<BarInfo, 7> waterfall_causes{{
    {"lost_to_fixed", "fixed parts",
     "What no mask skips (norms, residuals, embedders, adaLN, final layer) takes longer than its share of MACs, and "
     "the excess does not shrink with the products. From its times run by itself."},
    {"lost_to_attention", "attention",
     "Scores, softmax and mixing take longer than their share of MACs, and the excess shrinks less than the products. "
     "From their times run by themselves."},
    {"lost_to_narrow", "narrow products",
     "The products at the cell's shapes take longer than those of the dense model, shrunk like their MACs. From their "
     "times run by themselves."},
    {"lost_to_gather", "gather and scatter",
     "To find the rows of routed tokens and to work on them where they lie takes longer than to work on as many that "
     "lie together. From both run by themselves."},
    {"lost_to_path", "{} path",
     "The {} engine with everything on against the dense model, less what fixed parts and the search for rows, "
     "run by themselves, account for."},
    {"lost_to_routers", "routers",
     "The cell with its routers against the cell without them, beyond the routers' MACs. The only bar that is a "
     "removal; those before it are differences of parts run by themselves."},
    {"unexplained", "unexplained",
     "The rest. Parts run by themselves do not add up to the whole in the dense model either; what they miss there, "
     "the dense misfit, is contained in it with the opposite sign, shrunk like the products."},
}};

/// Of the dense model's MACs.
struct MacShares {
  double executed = 0;                       ///< rho
  double attention = 0, attention_left = 0;  ///< scores and mixing: in the dense model, and what is left of them
  double products = 0, products_left = 0;    ///< qkv, projection and MLP
  double routers = 0;
};

/// In one unit.
struct WaterfallTimes {
  double dense = 0;            ///< the dense model
  double cell = 0;             ///< the engine that skips
  double without_routers = 0;  ///< the same, routers skipped
  struct Parts {
    double fixed = 0, attention = 0, products = 0;
  };
  Parts dense_parts, parts;                ///< each run by itself, at the dense model's shapes and at the cell's
  double routed = 0, together = 0;         ///< routed tokens where they lie, and as many that lie together
  double path = 0;                         ///< the engine with everything on, routers skipped
  double path_fixed = 0, path_routed = 0;  ///< its parts
};

struct Bars {
  double theoretical = 0;
  std::array<double, waterfall_causes.size()> causes{};  ///< with the theoretical time they add up to the cell's
  double gap = 0;                                        ///< the cell's time less the theoretical one
  /// Of the gap; infinite where there is none.
  double unexplained_percent() const { return gap == 0 ? HUGE_VAL : 100 * causes.back() / gap; }
  double dense_misfit = 0;  ///< the dense time less the sum of its parts
};
Bars bars_of(const MacShares& shares, const WaterfallTimes& times);

/// Bars in ms: of the medians over the blocks, with 95 % intervals (see waterfall_of).
struct Waterfall {
  Interval theoretical;
  std::array<Interval, waterfall_causes.size()> causes;  ///< below zero: gained
  Interval gap, dense_misfit;
  Interval unexplained_percent;  ///< of the gap, which varies with it; where it is told

  /// Whether there is a gap: unless its interval excludes zero, what it consists of cannot be told.
  bool told() const { return gap.clear_of_zero(); }
  const Interval& unexplained() const { return causes.back(); }
};

/// Of a "speed" record; none where it has no times of parts. An interval goes from the 2.5th to the 97.5th percentile
/// of 1000 resamples of the blocks, which times keep in common (Efron & Tibshirani 1993); fewer than six blocks have
/// none. Throws InputError where a time or share is missing or impossible.
std::optional<Waterfall> waterfall_of(const record::Record& record);

}  // namespace dydit::analysis
