// SPDX-License-Identifier: Apache-2.0
#include "diffusion/draws.h"

#include <numbers>
#include <numeric>

#include "catch.h"

using dydit::Purpose;
using torch::Tensor;
using Numbers = std::vector<std::int64_t>;

static Tensor rows(const Numbers& images, const Numbers& draws, std::uint64_t seed = 5,
                   Purpose purpose = Purpose::noise) {
  return dydit::diffusion::normal_rows(seed, purpose, images, draws, {4, 9, 7});
}

TEST_CASE("a row of noise does not depend on its batch") {
  const Numbers images{3, 0, 41, 3}, draws{0, 2, 1, 2};
  const Tensor batch = rows(images, draws);
  CHECK(batch.sizes() == torch::IntArrayRef({4, 4, 9, 7}));
  for (std::size_t i = 0; i < images.size(); ++i)
    CHECK(torch::equal(batch[static_cast<std::int64_t>(i)], rows({images[i]}, {draws[i]})[0]));
  CHECK(torch::equal(batch.flip(0), rows({3, 41, 0, 3}, {2, 1, 2, 0})));
  CHECK(rows({}, {}).sizes() == torch::IntArrayRef({0, 4, 9, 7}));
}

TEST_CASE("a row of noise changes with seed, purpose, image and draw") {
  const Tensor base = rows({3}, {2});
  CHECK_FALSE(torch::equal(base, rows({4}, {2})));
  CHECK_FALSE(torch::equal(base, rows({3}, {3})));
  CHECK_FALSE(torch::equal(base, rows({3}, {2}, 6)));
  CHECK_FALSE(torch::equal(base, rows({3}, {2}, 5, Purpose::timestep)));
  CHECK_FALSE(torch::equal(base, rows({2}, {3})));
}

TEST_CASE("differences of Gumbel variables are logistic, finite, and independent of their batch") {
  const auto logistic = [](const Numbers& images, const Numbers& draws) {
    return dydit::diffusion::logistic_rows(5, Purpose::gumbel, images, draws, {3, 40});
  };
  Numbers images(2000);
  const Numbers draws(images.size(), 7);
  std::iota(images.begin(), images.end(), 0);
  const Tensor batch = logistic(images, draws);
  // Of 240,000 values the mean has a standard error of .004, the variance one of .012.
  CHECK(batch.mean().item<double>() == Approx(0).margin(0.02));
  CHECK(batch.var().item<double>() == Approx(std::numbers::pi * std::numbers::pi / 3).margin(0.06));
  CHECK(batch.isfinite().all().item<bool>());
  CHECK(logistic({167790}, {7}).isfinite().all().item<bool>());  // 0 of [0, 1) is among its bits
  CHECK(torch::equal(batch[1234], logistic({1234}, {7})[0]));
  CHECK_FALSE(torch::equal(batch[1234], logistic({1234}, {8})[0]));
}

TEST_CASE("noise does not depend on the number of threads") {
  const int before = at::get_num_threads();
  Numbers images(64), draws(64, 1);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::int64_t>(i);
  at::set_num_threads(1);
  const Tensor serial = rows(images, draws);
  at::set_num_threads(4);
  CHECK(torch::equal(rows(images, draws), serial));
  at::set_num_threads(before);
  CHECK(torch::equal(serial[63], rows({63}, {1})[0]));
}
