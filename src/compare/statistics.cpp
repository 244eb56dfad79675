// SPDX-License-Identifier: Apache-2.0
#include "compare/statistics.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <unsupported/Eigen/SpecialFunctions>

namespace dydit::compare {

namespace {

constexpr double inner_level = 0.1;
constexpr int most_exact = 120;
// Of the slower side's runs as many share a score, if both have as many: more would make complete separation less
// clear.
constexpr double sharing = 0.7;

// at_least[s]: probability that `runs` of the scores, chosen by chance, add up to s or more.
std::vector<double> exact(const std::vector<int>& scores, int runs, int largest) {
  const auto k = static_cast<std::size_t>(runs), sums = static_cast<std::size_t>(largest) + 1;
  // chosen[i][s]: of the scores so far i are chosen and add up to s, as a share of all choices of i.
  std::vector<std::vector<double>> chosen(k + 1, std::vector<double>(sums, 0));
  chosen[0][0] = 1;
  for (std::size_t seen = 1; seen <= scores.size(); ++seen) {
    const auto score = static_cast<std::size_t>(scores[seen - 1]);
    for (std::size_t i = std::min(k, seen); i >= 1; --i) {
      // The newest is among the i with probability i / seen.
      const double in = static_cast<double>(i) / static_cast<double>(seen);
      for (std::size_t s = sums; s-- > 0;)
        chosen[i][s] = (1 - in) * chosen[i][s] + (s >= score ? in * chosen[i - 1][s - score] : 0);
    }
  }
  std::vector<double> at_least = std::move(chosen[k]);
  for (std::size_t s = sums - 1; s-- > 0;) at_least[s] += at_least[s + 1];
  return at_least;
}

// The sum of the scores of `of`, its times divided by exp(shift), when equal times of `others` count as faster or not.
int score_sum(const std::vector<double>& of, const std::vector<double>& others, double shift, bool equal_is_faster,
              const RankDistribution& distribution) {
  int sum = 0;
  std::size_t faster = 0;  // of the others
  for (std::size_t i = 0; i < of.size(); ++i) {
    // The difference is rounded as those of the pairs are.
    while (faster < others.size() &&
           (equal_is_faster ? of[i] - others[faster] >= shift : of[i] - others[faster] > shift))
      ++faster;
    sum += distribution.score(static_cast<int>(i + faster) + 1);
  }
  return sum;
}

}  // namespace

RankDistribution::RankDistribution(int runs, int others) {
  const int all = runs + others;
  highest_ = all + 1 - std::max(1, static_cast<int>(sharing * std::min(runs, others)));
  std::vector<int> scores;
  for (int rank = 1; rank <= all; ++rank) scores.push_back(score(rank));
  for (int rank = others + 1; rank <= all; ++rank) largest_ += score(rank);
  double sum = 0, squares = 0;
  for (const int one : scores) {
    sum += one;
    squares += static_cast<double>(one) * one;
  }
  const double middle = sum / all;
  mean_ = runs * sum / all;
  // Of a sum of numbers drawn without replacement.
  deviation_ = std::sqrt(static_cast<double>(runs) * others / std::max(1, all - 1) * (squares / all - middle * middle));
  if (all <= most_exact) at_least_ = exact(scores, runs, largest_);
}

double RankDistribution::at_least(int sum) const {
  if (sum > largest_) return 0;
  if (!at_least_.empty()) return at_least_[static_cast<std::size_t>(std::max(sum, 0))];
  return 1 - normal_below((sum - 0.5 - mean_) / deviation_);
}

double RankDistributions::smallest_level() const { return 2 * std::max(of_base.smallest(), of_candidate.smallest()); }

Shift::Shift(std::span<const double> base, std::span<const double> candidate, const RankDistributions& distributions)
    : distributions_(&distributions) {
  for (const double time : base) base_.push_back(std::log(time));
  for (const double time : candidate) candidate_.push_back(std::log(time));
  std::ranges::sort(base_);
  std::ranges::sort(candidate_);
  for (const double b : base_)
    for (const double c : candidate_) differences_.push_back(c - b);
  std::ranges::sort(differences_);
  // Where neither side's scores are above what they are without a change.
  const auto slower = std::ranges::partition_point(differences_, [&](double shift) {
    return score_sum(candidate_, base_, shift, false, distributions_->of_candidate) >
           distributions_->of_candidate.mean();
  });
  const auto faster = std::ranges::partition_point(differences_, [&](double shift) {
    return score_sum(candidate_, base_, shift, true, distributions_->of_candidate) >=
           distributions_->of_candidate.mean();
  });
  const double low = slower == differences_.end() ? differences_.back() : *slower;
  const double high = faster == differences_.begin() ? differences_.front() : *(faster - 1);
  value_ = (low + high) / 2;
}

double Shift::p_slower(double shift) const {
  const RankDistribution& distribution = distributions_->of_candidate;
  return distribution.at_least(score_sum(candidate_, base_, shift, false, distribution));
}

double Shift::p_faster(double shift) const {
  const RankDistribution& distribution = distributions_->of_base;
  return distribution.at_least(score_sum(base_, candidate_, -shift, false, distribution));
}

double Shift::p() const { return std::min(1.0, 2 * std::min(p_slower(0), p_faster(0))); }

std::array<double, 2> Shift::interval(double level) const {
  constexpr double infinite = std::numeric_limits<double>::infinity();
  std::array<double, 2> ends{-infinite, infinite};
  if (2 * distributions_->of_candidate.smallest() <= level)
    ends[0] = *std::ranges::partition_point(differences_, [&](double shift) { return 2 * p_slower(shift) <= level; });
  if (2 * distributions_->of_base.smallest() <= level)
    ends[1] =
        *(std::ranges::partition_point(differences_, [&](double shift) { return 2 * p_faster(shift) > level; }) - 1);
  return ends;
}

double Shift::error() const {
  const auto [low, high] = interval(inner_level);
  return (high - low) / 2 / normal_quantile(1 - inner_level / 2);
}

double normal_below(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

double normal_quantile(double probability) { return Eigen::numext::ndtri(probability); }

}  // namespace dydit::compare
