// SPDX-License-Identifier: Apache-2.0
// Against the ADM evaluator and pytorch-fid (golden/metrics), and on sets whose distances are known.
#include "quality/metrics.h"

#include <torch/torch.h>

#include "base/error.h"
#include "catch.h"
#include "golden.h"
#include "quality/gaussian.h"

using namespace dydit;
using namespace dydit::quality;
using dydit::test::Golden;
using torch::Tensor;

namespace {

Gaussian gaussian_of(const Tensor& features) {
  Moments moments(features.size(1));
  moments.add(features);
  return moments.gaussian();
}

Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn(sizes, torch::kFloat64);
}

struct PrecisionRecall {
  double precision, recall;
};
PrecisionRecall precision_recall(const Tensor& real, const Tensor& generated, std::int64_t neighbours) {
  const Tensor middle = real.to(torch::kFloat64).mean(0);
  const WithinBalls within = within_balls(balls_of(real, neighbours, middle), balls_of(generated, neighbours, middle));
  const auto share = [](const Tensor& on) { return on.to(torch::kFloat64).mean().item<double>(); };
  return {share(within.generated), share(within.real)};
}

}  // namespace

TEST_CASE("distances are those of the published evaluators") {
  const Golden golden("metrics");
  const auto& expected = golden.entry["config"]["values"];
  const Tensor reference = golden["ref"], sample = golden["sample"];
  const Gaussian a = gaussian_of(reference), b = gaussian_of(sample);
  CHECK(torch::allclose(a.mean, golden["mu_ref"], 1e-12, 1e-12));
  CHECK(torch::allclose(a.covariance, golden["sigma_ref"], 1e-10, 1e-12));
  CHECK(torch::allclose(b.covariance, golden["sigma_sample"], 1e-10, 1e-12));
  CHECK(frechet_distance(a, b) == Approx(expected["frechet_distance"].get<double>()).epsilon(1e-9));
  const auto both = precision_recall(reference, sample, golden.entry["config"]["k"].get<int>());
  CHECK(both.precision == expected["precision"].get<double>());
  CHECK(both.recall == expected["recall"].get<double>());
  const Tensor logits = golden["logits"];
  CHECK(inception_score({logits}) == Approx(expected["inception_score"]["split_5000"].get<double>()).epsilon(1e-6));
  CHECK(inception_score(logits.tensor_split(5)) ==
        Approx(expected["inception_score"]["split_40"].get<double>()).epsilon(1e-6));
}

TEST_CASE("the Frechet distance of Gaussians that commute is that of each axis") {
  // Diagonal covariances: sum of (m_a - m_b)^2 + (s_a - s_b)^2; with and without axes that have no extent.
  const Tensor m = normal({6}, 1), s = normal({6}, 2).abs(), zero = torch::tensor({1, 1, 1, 0, 0, 1}, torch::kFloat64);
  for (const Tensor& of_b : {torch::ones({6}, torch::kFloat64), zero}) {
    const Tensor r = of_b * 2;
    const Gaussian a{torch::zeros({6}, torch::kFloat64), torch::diag(s * s)}, b{m, torch::diag(r * r)};
    const double expected = (m.square() + (s - r).square()).sum().item<double>();
    CHECK(frechet_distance(a, b) == Approx(expected).epsilon(1e-12));
    CHECK(frechet_distance(b, a) == Approx(expected).epsilon(1e-12));
    CHECK(std::abs(frechet_distance(b, b)) <= 1e-12);
  }
}

TEST_CASE("fewer images than dimensions have a distance, which does not depend on where features lie") {
  const Tensor x = normal({10, 40}, 3), y = normal({12, 40}, 4);
  const double near = frechet_distance(gaussian_of(x), gaussian_of(y));
  CHECK(near > 0);
  // tr (A B)^(1/2) is the sum of the singular values of the centered products.
  const Tensor cross = (x - x.mean(0)).mm((y - y.mean(0)).t()) / std::sqrt(9.0 * 11.0);
  const double expected = ((x.mean(0) - y.mean(0)).square().sum() + x.var(0).sum() + y.var(0).sum() -
                           2 * std::get<1>(torch::linalg_svd(cross)).sum())
                              .item<double>();
  CHECK(near == Approx(expected).epsilon(1e-6));
  CHECK(frechet_distance(gaussian_of(x + 1e4), gaussian_of(y + 1e4)) == Approx(near).epsilon(1e-6));
}

TEST_CASE("moments do not depend on the parts that they come in, and weights count") {
  const Tensor x = normal({5000, 7}, 5).to(torch::kFloat32);
  const Gaussian whole = gaussian_of(x);
  Moments parts(7);
  for (const Tensor& part : x.split(777)) parts.add(part);
  CHECK(parts.count() == 5000);
  CHECK(torch::allclose(parts.gaussian().covariance, whole.covariance, 1e-12, 1e-14));
  CHECK(torch::allclose(whole.covariance, torch::cov(x.t().to(torch::kFloat64)), 1e-12, 1e-14));
  Moments weighted(7);
  weighted.add(x.narrow(0, 0, 100), torch::full({100}, 2.0, torch::kFloat64));
  CHECK(torch::allclose(weighted.gaussian().covariance,
                        gaussian_of(torch::cat({x.narrow(0, 0, 100), x.narrow(0, 0, 100)})).covariance, 1e-12, 1e-14));
}

TEST_CASE("the kernel distance is that of all pairs, and none of a set's own images") {
  const Tensor x = normal({30, 5}, 6), y = normal({40, 5}, 7) + 1;
  const auto mean = [](const Tensor& a, const Tensor& b, bool different) {
    double sum = 0, count = 0;
    for (std::int64_t i = 0; i < a.size(0); ++i)
      for (std::int64_t j = 0; j < b.size(0); ++j) {
        if (different && i == j) continue;
        sum += std::pow(a[i].dot(b[j]).item<double>() / 5 + 1, 3);
        ++count;
      }
    return sum / count;
  };
  const KernelDistance all = KernelDistances(x, 100, 1000, 0).to(y);
  CHECK(all.mean == Approx(mean(x, x, true) + mean(y, y, true) - 2 * mean(x, y, false)).epsilon(1e-12));
  CHECK(all.deviation == 0);  // there is one such subset
  KernelDistances distances(x, 50, 20, 3);
  const KernelDistance some = distances.to(y), again = distances.to(y);
  CHECK(some.mean == again.mean);
  CHECK(some.mean == Approx(all.mean).margin(4 * some.deviation / std::sqrt(50.0)));
  CHECK(some.deviation > 0);
}

TEST_CASE("copies are precise, and recall what they are copies of") {
  const Tensor real = normal({2000, 8}, 8);
  const auto copies = precision_recall(real, real.narrow(0, 0, 1000), 3);
  CHECK(copies.precision == 1);
  CHECK(copies.recall > 0.9);
  const auto far = precision_recall(real, real + 100, 3);
  CHECK(far.precision == 0);
  CHECK(far.recall == 0);
  // All images alike: the third neighbour is as far as the first, at 0.
  const Tensor one = torch::ones({5, 8}, torch::kFloat64);
  CHECK(precision_recall(one, one, 3).precision == 1);
  const Tensor same = normal({1, 2048}, 11), many = same.repeat({64, 1});
  for (const std::int64_t copies_of : {7, 64}) {  // by products of matrices, which round in other ways
    const auto alike = precision_recall(many, same.repeat({copies_of, 1}), 3);
    CHECK(alike.precision == 1);
    CHECK(alike.recall == 1);
  }
  // A copy of the third neighbour lies on the ball's edge, and so within it.
  const Tensor line = torch::tensor({0.0, 1.0, 2.0, 3.0}, torch::kFloat64).unsqueeze(1);
  CHECK(precision_recall(line, line.narrow(0, 3, 1).repeat({4, 1}), 3).precision == 1);
}

TEST_CASE("sets that have no such distance are refused") {
  const Tensor x = normal({3, 4}, 9);
  CHECK_THROWS_AS(precision_recall(x, x, 3), UsageError);
  CHECK_THROWS_AS(KernelDistances(x, 1, 10, 0).to(x.narrow(0, 0, 1)), UsageError);
  CHECK_THROWS_AS(gaussian_of(x.narrow(0, 0, 1)), UsageError);
  CHECK_THROWS_AS(frechet_distance(gaussian_of(x), gaussian_of(normal({3, 5}, 10))), InputError);
  Tensor broken = x.clone();
  broken[1][2] = NAN;
  CHECK_THROWS_AS(gaussian_of(broken), NotFinite);
}
