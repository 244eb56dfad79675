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

constexpr double inner_level = 0.1, most_pairs = 10'000;

// Probabilities of U = 0, 1, ..., n m: the largest value is of either side, so
// P(u; n, m) = n / (n + m) P(u - m; n - 1, m) + m / (n + m) P(u; n, m - 1)   (Mann & Whitney 1947).
std::vector<double> exact(std::size_t n, std::size_t m) {
  std::vector<std::vector<double>> row(m + 1);  // of the n before, for each m
  for (std::size_t j = 0; j <= m; ++j) row[j] = {1};
  for (std::size_t i = 1; i <= n; ++i) {
    std::vector<std::vector<double>> next(m + 1);
    next[0] = {1};
    for (std::size_t j = 1; j <= m; ++j) {
      next[j].assign(i * j + 1, 0);
      const auto all = static_cast<double>(i + j);
      for (std::size_t u = 0; u < row[j].size(); ++u) next[j][u + j] += static_cast<double>(i) / all * row[j][u];
      for (std::size_t u = 0; u < next[j - 1].size(); ++u) next[j][u] += static_cast<double>(j) / all * next[j - 1][u];
    }
    row = std::move(next);
  }
  return row[m];
}

}  // namespace

RankDistribution::RankDistribution(int n, int m) : n_(n), m_(m) {
  if (static_cast<double>(n) * m > most_pairs) return;
  below_ = exact(static_cast<std::size_t>(n), static_cast<std::size_t>(m));
  for (std::size_t u = 1; u < below_.size(); ++u) below_[u] += below_[u - 1];
}

double RankDistribution::at_most(int pairs) const {
  if (pairs < 0) return 0;
  if (!below_.empty()) return below_[std::min(static_cast<std::size_t>(pairs), below_.size() - 1)];
  const double n = n_, m = m_;
  return normal_below((pairs + 0.5 - n * m / 2) / std::sqrt(n * m * (n + m + 1) / 12));
}

int RankDistribution::critical(double level) const {
  int low = -1, high = n_ * m_;  // 2 at_most(low) <= level < 2 at_most(high)
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (2 * at_most(middle) <= level ? low : high) = middle;
  }
  return low;
}

Shift::Shift(std::span<const double> base, std::span<const double> candidate, const RankDistribution& distribution)
    : distribution_(&distribution) {
  differences_.reserve(base.size() * candidate.size());
  for (const double b : base)
    for (const double c : candidate) differences_.push_back(std::log(c / b));
  std::ranges::sort(differences_);
}

double Shift::value() const {
  const std::size_t half = differences_.size() / 2;
  return differences_.size() % 2 == 1 ? differences_[half] : (differences_[half - 1] + differences_[half]) / 2;
}

double Shift::p() const {
  const auto not_above = std::ranges::upper_bound(differences_, 0.0) - differences_.begin();
  const auto not_below = differences_.end() - std::ranges::lower_bound(differences_, 0.0);
  return std::min(1.0, 2 * distribution_->at_most(static_cast<int>(std::min(not_above, not_below))));
}

std::array<double, 2> Shift::interval(double level) const {
  const int critical = distribution_->critical(level);
  constexpr double infinite = std::numeric_limits<double>::infinity();
  if (critical < 0) return {-infinite, infinite};
  const auto skipped = static_cast<std::size_t>(critical);  // at each end
  return {differences_[skipped], differences_[differences_.size() - 1 - skipped]};
}

double Shift::error() const {
  const auto [low, high] = interval(inner_level);
  return (high - low) / 2 / normal_quantile(1 - inner_level / 2);
}

double normal_below(double z) { return std::erfc(-z / std::sqrt(2.0)) / 2; }

double normal_quantile(double probability) { return Eigen::numext::ndtri(probability); }

}  // namespace dydit::compare
