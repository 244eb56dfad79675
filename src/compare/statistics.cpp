// SPDX-License-Identifier: Apache-2.0
#include "compare/statistics.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <unsupported/Eigen/SpecialFunctions>

namespace dydit::compare {

namespace {

constexpr double inner_level = 0.1;
constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr std::size_t most_exact =
    60;  // runs of the smaller side; of more the normal distribution stands for the exact one

double mean_of(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median_of_all(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return values.size() % 2 == 1 ? *middle : std::midpoint(*middle, *std::max_element(values.begin(), middle));
}

}  // namespace

std::vector<double> distribution_of_sum(std::span<const int> scores, std::size_t chosen) {
  std::vector<int> highest(scores.begin(), scores.end());
  std::ranges::sort(highest, std::greater());
  // Of i of the scores so far and their sum: the share of all choices of i. Row i holds the sums that it can have.
  std::vector<std::vector<double>> share(chosen + 1);
  std::size_t sums = 1;
  for (std::size_t i = 0; i <= chosen; ++i) {
    share[i].assign(sums, 0.0);
    if (i < highest.size()) sums += static_cast<std::size_t>(highest[i]);
  }
  share[0][0] = 1;
  for (std::size_t seen = 1; seen <= scores.size(); ++seen) {
    const auto score = static_cast<std::size_t>(scores[seen - 1]), left = scores.size() - seen;
    // Rows of fewer than all that can still be chosen lead nowhere.
    for (std::size_t i = std::min(chosen, seen); i >= 1 && i + left >= chosen; --i) {
      // The newest is among the i with probability i / seen.
      const double in = static_cast<double>(i) / static_cast<double>(seen), out = 1 - in;
      const std::vector<double>& without = share[i - 1];
      std::vector<double>& row = share[i];
      const std::size_t below = std::min(score, row.size()), both = std::min(row.size(), score + without.size());
      for (std::size_t s = 0; s < below; ++s) row[s] *= out;
      for (std::size_t s = below; s < both; ++s) row[s] = out * row[s] + in * without[s - score];
      for (std::size_t s = std::max(below, both); s < row.size(); ++s) row[s] *= out;
    }
  }
  return std::move(share[chosen]);
}

double smallest_level(std::size_t base, std::size_t candidate) {
  const auto n = static_cast<double>(base), m = static_cast<double>(candidate);
  return std::min(1.0, 2 * std::exp(std::lgamma(n + 1) + std::lgamma(m + 1) - std::lgamma(n + m + 1)));
}

Shift::Shift(std::span<const double> base, std::span<const double> candidate) {
  for (const double time : base) base_.push_back(std::log(time));
  for (const double time : candidate) candidate_.push_back(std::log(time));
  const auto [fastest, slowest] = std::ranges::minmax(base_);
  const auto [candidate_fastest, candidate_slowest] = std::ranges::minmax(candidate_);
  // So far apart that no score is on both sides.
  const double beyond = 1e-9 + (slowest - fastest + candidate_slowest - candidate_fastest) / 4;
  least_ = candidate_fastest - slowest - beyond;
  most_ = candidate_slowest - fastest + beyond;
  // Where the candidate's scores are what they would be without a change: of equal times, the middle of such shifts.
  const double now = excess(0);
  const auto end_of = [&](bool last) {
    double slower = std::min(least_, 0.0), faster = std::max(most_, 0.0);
    for (int halving = 0; halving < 60; ++halving) {
      const double middle = std::midpoint(slower, faster), of_middle = excess(middle);
      (of_middle > 0 || (last && of_middle == 0) ? slower : faster) = middle;
    }
    return std::midpoint(slower, faster);
  };
  value_ = now == 0 ? 0 : std::midpoint(end_of(false), end_of(true));
  if (now != 0 && (value_ > 0) != (now > 0)) value_ = 0;
  // Of normal noise the edges are about a standard deviation away.
  normal_error_ = 1.2 * edge_of(centred(value_)) *
                  std::sqrt(1 / static_cast<double>(base.size()) + 1 / static_cast<double>(candidate.size()));
}

// The base's runs, then the candidate's divided by exp(shift), from their median.
std::vector<double> Shift::centred(double shift) const {
  std::vector<double> values = base_;
  for (const double time : candidate_) values.push_back(time - shift);
  const double middle = median_of_all(values);
  for (double& value : values) value -= middle;
  return values;
}

// The distance within which half of all runs lie, and up to half as much again with more runs: on timings that finds
// the most (bench/verdicts).
double Shift::edge_of(const std::vector<double>& centred) const {
  std::vector<double> far;
  for (const double value : centred) far.push_back(std::abs(value));
  const auto middle = far.begin() + std::ssize(far) / 2;
  std::ranges::nth_element(far, middle);
  return *middle * std::clamp(std::sqrt(static_cast<double>(fewer()) / 10), 1.0, 1.5);
}

// From -1 to 1, the edges, and a little more by rank: where a side is much smaller than the disturbed runs of the
// other, or all of one side lie close together, the order of those beyond the edge still counts.
std::vector<double> Shift::scores(double shift) const {
  constexpr double by_rank = 0.2;
  std::vector<double> values = centred(shift);
  const double edge = edge_of(values);
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  for (double& value : values) {
    const auto equal = std::ranges::equal_range(sorted, value);
    const auto before = equal.begin() - sorted.begin(), others = std::ssize(equal) - 1;
    const double rank = static_cast<double>(2 * before + others) / 2 / static_cast<double>(sorted.size());
    const double clipped = edge > 0 ? std::clamp(value / edge, -1.0, 1.0) : value == 0 ? 0 : std::copysign(1, value);
    value = clipped + by_rank * rank;
  }
  return values;
}

// How much higher the candidate's scores are than the base's.
double Shift::excess(double shift) const {
  const std::vector<double> values = scores(shift);
  const std::span all(values);
  const double excess = mean_of(all.subspan(base_.size())) - mean_of(all.first(base_.size()));
  constexpr double rounding = 1e-12;
  return std::abs(excess) < rounding ? 0 : excess;
}

const Shift::Tails& Shift::tails(double shift) const {
  const auto [known, is_new] = known_.try_emplace(shift);
  if (!is_new) return known->second;
  const std::size_t fewer = this->fewer(), all = base_.size() + candidate_.size();
  // As fine as keeps the operations few, and no finer than that neighbours differ.
  const double steps =
      std::clamp(1e6 / static_cast<double>(fewer * fewer * all), 20.0, 10.0 * static_cast<double>(all));
  std::vector<int> scores;
  for (const double value : this->scores(shift))
    scores.push_back(static_cast<int>(std::lround((value + 1) / 2 * steps)));
  // Of the smaller side, which takes fewer operations.
  const bool of_candidate = candidate_.size() == fewer;
  const auto side = of_candidate ? std::span(scores).last(fewer) : std::span(scores).first(fewer);
  const int sum = std::accumulate(side.begin(), side.end(), 0);
  double high = 0, low = 0;  // probability of as much or more, of as much or less
  if (fewer <= most_exact) {
    const std::vector<double> probability = distribution_of_sum(scores, fewer);
    const auto at = probability.begin() + sum;
    high = std::min(1.0, std::accumulate(at, probability.end(), 0.0));
    low = std::min(1.0, std::accumulate(probability.begin(), at + 1, 0.0));
  } else {
    double mean = 0, squares = 0;
    for (const int score : scores) mean += score, squares += static_cast<double>(score) * score;
    mean /= static_cast<double>(all);
    // Of a sum of numbers drawn without replacement.
    const double deviation =
        std::sqrt(static_cast<double>(base_.size() * candidate_.size()) / static_cast<double>(all - 1) *
                  std::max(0.0, squares / static_cast<double>(all) - mean * mean));
    const double z = deviation > 0 ? (sum - static_cast<double>(fewer) * mean) / deviation : 0;
    high = deviation > 0 ? normal_below(0.5 / deviation - z) : 1;
    low = deviation > 0 ? normal_below(0.5 / deviation + z) : 1;
  }
  // A level that is just reached is not to be missed by rounding.
  constexpr double rounding = 1 - 1e-10;
  high *= rounding, low *= rounding;
  known->second = of_candidate ? Tails{high, low} : Tails{low, high};
  return known->second;
}

double Shift::p() const { return std::min(1.0, 2 * std::min(tails(0).slower, tails(0).faster)); }

// Between a shift that the test does not reject and one that it does, by the regula falsi (Illinois) on normal
// quantiles, of which those of the tails are almost linear.
double Shift::end(double level, bool low) const {
  const double limit = normal_quantile(level / 2);
  const auto above = [&](double shift) {
    const double quantile = normal_quantile(low ? tails(shift).slower : tails(shift).faster);
    return std::clamp(quantile, -40.0, 40.0) - limit;  // <= 0: rejected
  };
  double inner = value_, outer = low ? least_ : most_;
  double of_inner = above(inner), of_outer = above(outer);
  const double of_none = above(0);  // which side of it the end lies on is to be what p() says
  if (of_inner <= 0) return of_none > 0 && (low ? 0 < value_ : value_ < 0) ? 0 : value_;
  if (low ? outer < 0 && 0 < inner : inner < 0 && 0 < outer) {
    (of_none > 0 ? inner : outer) = 0;
    (of_none > 0 ? of_inner : of_outer) = of_none;
  }
  if (of_outer > 0) return low ? -infinite : infinite;
  // As far from the estimate as in normal noise, and a little more.
  const double near = value_ + (low ? 1.2 : -1.2) * limit * normal_error_;
  if (low ? outer < near && near < inner : inner < near && near < outer) {
    const double of_near = above(near);
    (of_near > 0 ? inner : outer) = near;
    (of_near > 0 ? of_inner : of_outer) = of_near;
  }
  int kept = 0;  // which end was: twice the same counts half
  for (int step = 0; step < 100 && std::abs(outer - inner) > 1e-3 * std::abs(inner - value_) + 1e-12; ++step) {
    const double next = inner + (outer - inner) * std::clamp(of_inner / (of_inner - of_outer), 0.05, 0.95);
    const double of_next = above(next);
    const int keeps = of_next > 0 ? 1 : -1;
    if (keeps > 0)
      inner = next, of_inner = of_next, of_outer /= kept == keeps ? 2 : 1;
    else
      outer = next, of_outer = of_next, of_inner /= kept == keeps ? 2 : 1;
    kept = keeps;
  }
  return inner;
}

std::array<double, 2> Shift::interval(double level) const { return {end(level, true), end(level, false)}; }

bool Shift::within(double limit, double level) const {
  return tails(-limit).slower <= level / 2 && tails(limit).faster <= level / 2;
}

double Shift::error() const {
  const auto [low, high] = interval(inner_level);
  return (high - low) / 2 / normal_quantile(1 - inner_level / 2);
}

double normal_below(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

double normal_quantile(double probability) { return Eigen::numext::ndtri(probability); }

}  // namespace dydit::compare
