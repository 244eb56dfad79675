// SPDX-License-Identifier: Apache-2.0
#include "analysis/statistics.h"

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"

using namespace dydit;
using namespace dydit::analysis;
using Eigen::MatrixXd;

static MatrixXd normals(std::uint64_t seed, Eigen::Index images, Eigen::Index columns) {
  std::vector<float> values(static_cast<std::size_t>(images * columns));
  Random(seed, Purpose::synthetic, 0).fill_normal(values);
  return Eigen::Map<const Eigen::MatrixXf>(values.data(), images, columns).cast<double>();
}

TEST_CASE("a bootstrap of two images has three tradeoffs") {
  // Means of two draws of {0, 1} are 0, 0.5, 1 with chances 1/4, 1/2, 1/4.
  const MatrixXd values = (MatrixXd(2, 2) << 0, 10, 1, 30).finished();
  const auto intervals = bootstrap_means(values, 1);
  CHECK(intervals[0].mean == 0.5);
  CHECK(intervals[0].low == 0);
  CHECK(intervals[0].high == 1);
  CHECK(intervals[1].mean == 20);
  CHECK(intervals[1].low == 10);
  CHECK(intervals[1].high == 30);
  CHECK(!intervals[0].clear_of_zero());
  CHECK(intervals[1].clear_of_zero());
}

TEST_CASE("equal values have no width, one image no interval, none is refused") {
  const auto equal = bootstrap_means(MatrixXd::Constant(50, 1, 3.0), 1).front();
  CHECK(equal.low == Approx(3));
  CHECK(equal.high == Approx(3));
  const auto one = bootstrap_means(MatrixXd::Constant(1, 1, 3.0), 1).front();
  CHECK(one.mean == 3);
  CHECK(std::isnan(one.low));
  CHECK(!one.clear_of_zero());
  CHECK_THROWS_AS(bootstrap_means(MatrixXd(0, 3), 1), InputError);
}

TEST_CASE("the interval has the width of the normal approximation") {
  const MatrixXd values = normals(3, 400, 1);
  const auto interval = bootstrap_means(values, 1).front();
  const double deviation = std::sqrt((values.array() - values.mean()).square().mean());
  CHECK(interval.half_width() == Approx(1.96 * deviation / 20).epsilon(0.06));
}

TEST_CASE("a column's interval does not depend on the other columns or on the number of replicates before it") {
  const MatrixXd values = normals(4, 60, 3);
  const auto together = bootstrap_means(values, 9), alone = bootstrap_means(values.col(2), 9);
  CHECK(together[2].low == Approx(alone[0].low).epsilon(1e-12));
  CHECK(together[2].high == Approx(alone[0].high).epsilon(1e-12));
  CHECK(bootstrap_means(values, 10)[2].low != together[2].low);
}

TEST_CASE("95 % intervals cover the true mean in about 95 % of 300 sets") {
  int covered = 0;
  for (std::uint64_t set = 0; set < 300; ++set) {
    // Squared normals: skewed, as losses are; their mean is 1.
    const MatrixXd values = normals(100 + set, 100, 1).array().square();
    const auto interval = bootstrap_means(values, set, 500).front();
    covered += interval.low <= 1 && interval.high >= 1;
  }
  // 0.93 expected for this skew and size; three binomial standard deviations around it.
  CHECK(covered >= 0.89 * 300);
  CHECK(covered <= 0.975 * 300);
}

TEST_CASE("a missing value leaves the mean and the interval empty") {
  MatrixXd values = normals(5, 10, 2);
  values(3, 0) = std::nan("");
  const auto intervals = bootstrap_means(values, 1);
  CHECK(std::isnan(intervals[0].mean));
  CHECK(!intervals[0].clear_of_zero());
  CHECK(std::isfinite(intervals[1].low));
}

TEST_CASE("concentration of known distributions") {
  const Concentration even = concentration(std::vector<double>(7, 3.0));
  CHECK(even.gini == Approx(0).margin(1e-12));
  CHECK(even.hardest_share == Approx(0.2));
  const Concentration one = concentration({0, 0, 5, 0, 0, 0, 0, 0, 0, 0});
  CHECK(one.gini == Approx(0.9));
  CHECK(one.hardest_share == Approx(1));
  // 1 ... 10: Gini (n^2 - 1) / (6 n mean) = 0.3; the hardest two hold 19 of 55.
  const Concentration ramp = concentration({3, 1, 2, 10, 4, 9, 5, 8, 6, 7});
  CHECK(ramp.gini == Approx(0.3));
  CHECK(ramp.hardest_share == Approx(19.0 / 55));
  CHECK(concentration({0, 0}).gini == 0);
  CHECK(concentration({0, 0}).hardest_share == 0.2);
}

TEST_CASE("chance concentration is that of means of squared normals") {
  // Two squares: an exponential distribution, Gini 1/2, hardest fifth 0.2 (1 + ln 5).
  CHECK(chance_concentration(2).gini == Approx(0.5));
  CHECK(chance_concentration(2).hardest_share == Approx(0.2 * (1 + std::log(5.0))));
  const MatrixXd squares = normals(6, 48, 20'000).array().square();
  const Eigen::VectorXd tokens = squares.colwise().mean();
  const Concentration simulated = concentration({tokens.begin(), tokens.end()});
  CHECK(chance_concentration(48).gini == Approx(simulated.gini).epsilon(0.02));
  CHECK(chance_concentration(48).hardest_share == Approx(simulated.hardest_share).epsilon(0.01));
  CHECK(chance_concentration(100'000).hardest_share == Approx(0.2).epsilon(0.02));
}

TEST_CASE("tokens are means over patches") {
  const std::vector<float> map = {1, 2, 3, 4,  //
                                  5, 6, 7, 8};
  CHECK(token_means(map, 2, 4, 2) == std::vector<double>{3.5, 5.5});
  CHECK(token_means(map, 2, 4, 1).size() == 8);
  CHECK_THROWS_AS(token_means(map, 2, 4, 3), InputError);
  CHECK_THROWS_AS(token_means(map, 2, 4, 0), InputError);
}
