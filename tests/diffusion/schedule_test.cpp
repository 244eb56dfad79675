// SPDX-License-Identifier: Apache-2.0
// Schedules, tables and respacing against the official code, in float64.
#include "diffusion/schedule.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <numbers>

#include "base/error.h"
#include "catch.h"
#include "golden.h"

using dydit::UsageError;
using dydit::diffusion::betas;
using dydit::diffusion::even_timesteps;
using dydit::diffusion::NoiseSchedule;
using dydit::diffusion::respaced_timesteps;
using dydit::diffusion::Tables;
using dydit::test::Golden;

using Numbers = std::vector<double>;

static void check_numbers(const Numbers& actual, const dydit::checkpoint::Tensor& golden) {
  const auto expected = golden.as<double>();
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i)
    if (!(std::abs(actual[i] - expected[i]) <= 1e-12 * std::abs(expected[i])))
      FAIL(fmt::format("entry {}: {}, expected {}", i, actual[i], expected[i]));
}

static std::map<std::string, Numbers> by_name(const Tables& t) {
  return {{"betas", t.betas},
          {"alphas_cumprod", t.alphas_cumprod},
          {"alphas_cumprod_prev", t.alphas_cumprod_prev},
          {"alphas_cumprod_next", t.alphas_cumprod_next},
          {"sqrt_alphas_cumprod", t.sqrt_alphas_cumprod},
          {"sqrt_one_minus_alphas_cumprod", t.sqrt_one_minus_alphas_cumprod},
          {"log_one_minus_alphas_cumprod", t.log_one_minus_alphas_cumprod},
          {"sqrt_recip_alphas_cumprod", t.sqrt_recip_alphas_cumprod},
          {"sqrt_recipm1_alphas_cumprod", t.sqrt_recipm1_alphas_cumprod},
          {"posterior_variance", t.posterior_variance},
          {"posterior_log_variance_clipped", t.posterior_log_variance_clipped},
          {"posterior_mean_coef1", t.posterior_mean_coef1},
          {"posterior_mean_coef2", t.posterior_mean_coef2}};
}

TEST_CASE("the tables of the linear schedule are the official ones") {
  const Golden golden("diffusion_arrays_linear");
  const auto tables = by_name(Tables(betas(NoiseSchedule::linear, 1000)));
  CHECK(golden.tensors.size() == tables.size());
  for (const auto& [name, expected] : golden.tensors) {
    INFO(name);
    check_numbers(tables.at(name), expected);
  }
}

TEST_CASE("respacing keeps the official timesteps and betas") {
  const Golden golden("diffusion_respacing");
  const Tables original(betas(NoiseSchedule::linear, 1000));
  for (const auto& [key, expected] : golden.tensors) {  // <array>.<respacing>.<schedule>
    INFO(key);
    const auto first = key.find('.'), last = key.rfind('.');
    const std::string array = key.substr(0, first), spec = key.substr(first + 1, last - first - 1);
    REQUIRE(key.substr(last + 1) == "linear");
    const auto timesteps = respaced_timesteps(1000, spec);
    if (array == "timestep_map") {
      const auto kept = expected.as<std::int64_t>();
      CHECK(timesteps == std::vector<std::int64_t>(kept.begin(), kept.end()));
    } else {
      check_numbers(by_name(Tables(dydit::diffusion::respaced_betas(original, timesteps))).at(array), expected);
    }
  }
}

TEST_CASE("the cosine schedule follows its cumulative product down to the largest beta") {
  const Tables tables(betas(dydit::diffusion::noise_schedule("cosine"), 1000));
  const auto alpha_bar = [](double u) { return std::pow(std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2), 2); };
  for (std::size_t t = 0; t < 999; ++t) {
    const double expected = alpha_bar((static_cast<double>(t) + 1) / 1000) / alpha_bar(0);
    if (!(std::abs(tables.alphas_cumprod[t] - expected) <= 1e-10 * expected)) FAIL(fmt::format("timestep {}", t));
  }
  CHECK(tables.betas.back() == 0.999);
}

TEST_CASE("the linear schedule keeps its end points for any number of steps") {
  const auto linear = betas(dydit::diffusion::noise_schedule("linear"), 100);
  CHECK(linear.front() == Approx(1e-3));
  CHECK(linear.back() == Approx(0.2));
  CHECK(betas(NoiseSchedule::linear, 1).size() == 1);
  CHECK_THROWS_AS(dydit::diffusion::noise_schedule("sigmoid"), UsageError);
  CHECK_THROWS_AS(Tables({}), UsageError);
}

TEST_CASE("a respacing that cannot be met is refused") {
  CHECK(respaced_timesteps(1000, "").size() == 1000);
  CHECK(respaced_timesteps(1000, "1") == std::vector<std::int64_t>{0});
  for (const char* spec :
       {"abc", "0", "-5", "+5", " 5", "2.5", "10,", ",10", "10,,20", "1001", "600,10", "99999999999999999999", "ddim",
        "ddim0", "ddim-5", "ddim999", "ddim1001", "DDIM50", "ddim50,50"}) {
    INFO(spec);
    CHECK_THROWS_AS(respaced_timesteps(1000, spec), UsageError);
  }
}

TEST_CASE("even timesteps are the middles of equal sections") {
  CHECK(even_timesteps(1000, 4) == std::vector<std::int64_t>{125, 375, 625, 875});
  CHECK(even_timesteps(1000, 1) == std::vector<std::int64_t>{500});
  for (std::int64_t count = 1; count <= 1000; ++count) {
    const auto kept = even_timesteps(1000, count);
    bool inside = static_cast<std::int64_t>(kept.size()) == count;
    for (std::int64_t k = 0; inside && k < count; ++k) {
      const auto t = kept[static_cast<std::size_t>(k)];
      inside = t * count < (k + 1) * 1000 && (t + 1) * count > k * 1000;
    }
    if (!inside) FAIL(fmt::format("{} timesteps", count));
  }
  CHECK(even_timesteps(1000, 1000) == respaced_timesteps(1000, ""));
  CHECK_THROWS_AS(even_timesteps(1000, 0), UsageError);
  CHECK_THROWS_AS(even_timesteps(1000, 1001), UsageError);
}
