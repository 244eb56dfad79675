// SPDX-License-Identifier: Apache-2.0
#include "agreement.h"

#include <cmath>

#include "base/error.h"
#include "catch.h"

using namespace dydit;
using torch::Tensor;

TEST_CASE("two outputs agree where rounding explains their difference, in each image") {
  const Tensor reference = torch::ones({2, 3, 4, 4});
  const auto changed = [&](double by, std::int64_t images) {
    Tensor output = reference.clone();
    output.narrow(0, 0, images) += by;
    return output;
  };
  const auto agrees = [&](const Tensor& output) {
    try {
      study::require_agreement(output, reference, 0.01);
      return true;
    } catch (const RunError&) {
      return false;
    }
  };
  CHECK(agrees(reference));
  CHECK(agrees(changed(0.009, 2)));
  CHECK(!agrees(changed(0.011, 2)));
  CHECK(!agrees(changed(0.011, 1)));  // in the mean over the images it would pass
  CHECK(!agrees(changed(NAN, 1)));
  CHECK(!agrees(changed(INFINITY, 2)));
  CHECK(!agrees(reference.narrow(0, 0, 1)));
  const Tensor zeros = torch::zeros_like(reference);
  CHECK_NOTHROW(study::require_agreement(zeros, zeros, 0.01));
  CHECK_THROWS_AS(study::require_agreement(reference, zeros, 0.01), RunError);
  CHECK_THROWS_WITH(study::require_agreement(changed(0.5, 1), reference, 0.01),
                    Catch::Matchers::Contains("differs from the masked engine's") &&
                        Catch::Matchers::Contains("by 0.5 of its norm, where rounding explains 0.01"));
  CHECK_THROWS_WITH(study::require_agreement(changed(NAN, 1), reference, 0.01),
                    Catch::Matchers::Contains("it is not a number"));
}

TEST_CASE("decisions of an image may differ in one of a hundred and what chance adds to it, or in one") {
  const auto masks = [](std::int64_t units, std::int64_t tokens_off) {
    engine::Masks all{torch::ones({2, 3, 4}, torch::kBool), torch::ones({2, 3, 4}, torch::kBool),
                      torch::ones({2, 3, 100}, torch::kBool)};
    all[0][1].flatten().narrow(0, 0, units).fill_(false);
    all[2][1].flatten().narrow(0, 0, tokens_off).fill_(false);
    return all;
  };
  const auto reference = masks(0, 0);
  const std::vector<model::UnitAxis> units{{"heads", "heads"}, {"channels", "channel groups"}, {"tokens", "tokens"}};
  CHECK_NOTHROW(study::require_same_decisions(masks(1, 9), reference, units));
  CHECK_THROWS_WITH(study::require_same_decisions(masks(2, 0), reference, units),
                    Catch::Contains("over heads: 2 of 12 decisions differ, where rounding explains 1"));
  CHECK_THROWS_WITH(study::require_same_decisions(masks(0, 10), reference, units),
                    Catch::Contains("over tokens: 10 of 300 decisions differ, where rounding explains 9"));
}

TEST_CASE("what rounding explains follows from the type of numbers and the number of roundings") {
  CHECK(study::tolerance_of(torch::kFloat32, 8) == 16 * std::pow(2.0, -23));
  CHECK(study::tolerance_of(torch::kBFloat16, 8) == 16 * std::pow(2.0, -7));
  CHECK(study::tolerance_of(torch::kFloat16, 8) == 16 * std::pow(2.0, -10));
}
