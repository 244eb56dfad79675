// SPDX-License-Identifier: Apache-2.0
#include "analysis/statistics.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace dydit::analysis {

namespace {

/// How often each of n images is drawn, one row for each of the replicates first, first + 1, ...
void draw_counts(Eigen::MatrixXd& counts, std::uint64_t seed, int first) {
  const auto images = static_cast<std::uint64_t>(counts.cols());
  counts.setZero();
  for (Eigen::Index row = 0; row < counts.rows(); ++row) {
    Random random(seed, Purpose::bootstrap, static_cast<std::uint64_t>(first + row));
    for (std::uint64_t i = 0; i < images; ++i) counts(row, static_cast<Eigen::Index>(random.below(images))) += 1;
  }
}

/// P(a, x), the regularised lower incomplete gamma function, by its power series.
double incomplete_gamma(double a, double x) {
  double term = 1 / a, sum = term;
  for (double n = a + 1; term > sum * 1e-15; ++n) sum += term *= x / n;
  return sum * std::exp(a * std::log(x) - x - std::lgamma(a));
}

}  // namespace

double percentile(std::span<const double> sorted, double fraction) {
  const double position = fraction * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

std::vector<Interval> bootstrap_means(const Eigen::MatrixXd& values, std::uint64_t seed, int replicates) {
  const Eigen::Index images = values.rows(), columns = values.cols();
  if (images == 0) throw InputError("no image to take a mean over");
  // Blocks bound the memory for the counts and keep them in the cache.
  constexpr int block = 40;
  Eigen::MatrixXd means(replicates, columns);
  for (int first = 0; images > 1 && first < replicates; first += block) {
    Eigen::MatrixXd counts(std::min(block, replicates - first), images);
    draw_counts(counts, seed, first);
    means.middleRows(first, counts.rows()).noalias() = counts * values / static_cast<double>(images);
  }
  std::vector<Interval> intervals;
  for (Eigen::Index k = 0; k < columns; ++k) {
    const double mean = values.col(k).mean();
    intervals.push_back({mean, missing, missing});
    if (images == 1 || !std::isfinite(mean)) continue;
    const std::span<double> sorted(means.col(k).data(), static_cast<std::size_t>(replicates));
    std::sort(sorted.begin(), sorted.end());
    intervals.back().low = percentile(sorted, 0.025);
    intervals.back().high = percentile(sorted, 0.975);
  }
  return intervals;
}

Concentration concentration(std::vector<double> tokens) {
  const auto count = static_cast<double>(tokens.size());
  const double total = std::accumulate(tokens.begin(), tokens.end(), 0.0);
  if (total == 0) return {0, 0.2};
  if (!std::isfinite(total)) return {std::nan(""), std::nan("")};
  std::sort(tokens.begin(), tokens.end(), std::greater<>());
  double ranked = 0, hardest = 0, place = 0;
  for (const double token : tokens) {
    ranked += (count - 2 * place - 1) * token;
    hardest += std::clamp(0.2 * count - place, 0.0, 1.0) * token;
    ++place;
  }
  return {ranked / (count * total), hardest / total};
}

Concentration chance_concentration(std::int64_t count) {
  // The mean of squares is a gamma variable of this shape; its mass-weighted form has the shape plus one.
  const double shape = static_cast<double>(count) / 2;
  const double gini = std::exp(std::lgamma(shape + 0.5) - std::lgamma(shape + 1)) * std::numbers::inv_sqrtpi_v<double>;
  double low = 0, high = shape + 20 * std::sqrt(shape) + 20;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (incomplete_gamma(shape, middle) < 0.8 ? low : high) = middle;
  }
  return {gini, 1 - incomplete_gamma(shape + 1, low)};
}

std::vector<double> token_means(std::span<const float> map, std::int64_t height, std::int64_t width,
                                std::int64_t patch) {
  if (patch < 1 || height % patch != 0 || width % patch != 0)
    throw InputError("the patch does not divide the loss map", std::to_string(patch));
  std::vector<double> tokens(static_cast<std::size_t>((height / patch) * (width / patch)));
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      tokens[static_cast<std::size_t>(y / patch * (width / patch) + x / patch)] +=
          map[static_cast<std::size_t>(y * width + x)];
  for (double& token : tokens) token /= static_cast<double>(patch * patch);
  return tokens;
}

}  // namespace dydit::analysis
