// SPDX-License-Identifier: Apache-2.0
#include "quality/metrics.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/random.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

// `size` of n numbers in random order, as a pure function of all that is given.
Tensor drawn(std::int64_t n, std::int64_t size, std::uint64_t seed, std::int64_t subset, std::uint64_t set) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  Random(seed, Purpose::bootstrap, static_cast<std::uint64_t>(subset), set).shuffle(std::span(numbers));
  return torch::tensor(numbers).narrow(0, 0, size);
}

Tensor kernel(const Tensor& x, const Tensor& y) {
  Tensor sums = x.mm(y.t()).div_(static_cast<double>(x.size(1))).add_(1);
  return sums.square().mul_(sums);
}

double of_different(const Tensor& kernels) {  // the mean but for the diagonal
  const auto n = static_cast<double>(kernels.size(0));
  return (kernels.sum() - kernels.trace()).item<double>() / (n * (n - 1));
}

constexpr std::int64_t rows_at_once = 1024;
// Of a squared distance: that to a copy of a neighbour is the neighbour's, although both were computed otherwise.
constexpr double rounding = 1e-10, rounding_of_squares = 1e-12;

// Of each row of x the squared distance to its k-th neighbour among the others.
Tensor radii_of(const Tensor& x, std::int64_t k) {
  std::vector<Tensor> radii;
  for (std::int64_t first = 0; first < x.size(0); first += rows_at_once) {
    stop_if_interrupted("before the sets were judged");
    const std::int64_t rows = std::min(rows_at_once, x.size(0) - first);
    Tensor distances = torch::cdist(x.narrow(0, first, rows), x).square_();
    distances.diagonal(first).fill_(HUGE_VAL);
    radii.push_back(std::get<0>(distances.kthvalue(k, 1)));
  }
  return torch::cat(radii);
}

// Which rows of x lie within the ball of any center.
Tensor within(const Tensor& x, const Balls& balls) {
  const Tensor& centers = balls.centers;
  const Tensor reach = balls.radii * (1 + rounding) + rounding_of_squares * centers.square().sum(1);
  std::vector<Tensor> parts;
  for (std::int64_t first = 0; first < x.size(0); first += rows_at_once) {
    stop_if_interrupted("before the sets were judged");
    const Tensor rows = x.narrow(0, first, std::min(rows_at_once, x.size(0) - first));
    const Tensor own = rounding_of_squares * rows.square().sum(1, true);
    parts.push_back((torch::cdist(rows, centers).square_() <= reach + own).any(1));
  }
  return torch::cat(parts);
}

Tensor double_of(const Tensor& features) { return features.to(torch::kFloat64); }

}  // namespace

KernelDistances::KernelDistances(Tensor reference, std::int64_t subsets, std::int64_t size, std::uint64_t seed)
    : reference_(std::move(reference)), subsets_(subsets), size_(size), seed_(seed) {}

KernelDistance KernelDistances::to(const Tensor& other) {
  const std::int64_t of_a = std::min(size_, reference_.size(0)), of_b = std::min(size_, other.size(0));
  if (std::min(of_a, of_b) < 2)
    throw UsageError("a kernel distance needs two images of each set",
                     fmt::format("{} and {}", reference_.size(0), other.size(0)));
  std::vector<double> distances;
  for (std::int64_t subset = 0; subset < subsets_; ++subset) {
    stop_if_interrupted("before the sets were judged");
    const Tensor x = double_of(reference_.index_select(0, drawn(reference_.size(0), of_a, seed_, subset, 0))),
                 y = double_of(other.index_select(0, drawn(other.size(0), of_b, seed_, subset, 1)));
    if (std::ssize(within_) == subset) within_.push_back(of_different(kernel(x, x)));
    distances.push_back(within_[static_cast<std::size_t>(subset)] + of_different(kernel(y, y)) -
                        2 * kernel(x, y).mean().item<double>());
    if (of_a == reference_.size(0) && of_b == other.size(0)) break;  // each further one is the same
  }
  const Tensor all = torch::tensor(distances, torch::kFloat64);
  return {all.mean().item<double>(), all.size(0) > 1 ? all.std().item<double>() : 0};
}

double inception_score(const std::vector<Tensor>& parts) {
  double sum = 0;
  for (const Tensor& part : parts) {
    const Tensor logs = torch::log_softmax(double_of(part), 1), probabilities = logs.exp();
    const Tensor mean = torch::logsumexp(logs, 0, true) - std::log(static_cast<double>(part.size(0)));
    sum += (probabilities * (logs - mean)).sum(1).mean().exp().item<double>();
  }
  return sum / static_cast<double>(parts.size());
}

Balls balls_of(const Tensor& features, std::int64_t neighbours, const Tensor& middle) {
  if (neighbours < 1 || features.size(0) <= neighbours)
    throw UsageError("precision and recall need more images than neighbours",
                     fmt::format("{} images, {} neighbours", features.size(0), neighbours));
  Tensor centers = double_of(features) - middle;
  Tensor radii = radii_of(centers, neighbours);
  return {std::move(centers), std::move(radii)};
}

WithinBalls within_balls(const Balls& real, const Balls& generated) {
  return {.real = within(real.centers, generated), .generated = within(generated.centers, real)};
}

}  // namespace dydit::quality
