// SPDX-License-Identifier: Apache-2.0
#include "model/architecture.h"

#include "catch.h"

using namespace dydit::model;

namespace {

// Two axes of two layers and one of a single layer.
const std::vector<UnitAxis> units{{"heads", "heads", 2, 3, true, Scope::timestep},
                                  {"tokens", "tokens", 2, 4, false, Scope::token},
                                  {"experts", "experts", 1, 8, false, Scope::timestep}};

}  // namespace

TEST_CASE("the activity of one image has the products of axes with as many layers") {
  const auto activity = Activity::of_one({{1, 2}, {4, 3}, {5}});
  CHECK(activity.on == std::vector<std::vector<double>>{{1, 2}, {4, 3}, {5}});
  REQUIRE(activity.both.size() == 3);
  CHECK(activity.both[0] == std::vector<std::vector<double>>{{1, 4}, {4, 6}, {}});
  CHECK(activity.both[1] == std::vector<std::vector<double>>{{4, 6}, {16, 9}, {}});
  CHECK(activity.both[2] == std::vector<std::vector<double>>{{}, {}, {25}});
}

TEST_CASE("activities that are mixed in turn are their mean, also the products, which the means do not tell") {
  Activity mean;
  const std::vector<std::vector<std::vector<double>>> images{{{1, 2}, {4, 0}}, {{3, 0}, {0, 4}}, {{2, 1}, {2, 2}}};
  for (std::size_t i = 0; i < images.size(); ++i) mean.mix(Activity::of_one(images[i]), 1 / static_cast<double>(i + 1));
  const std::vector<std::vector<double>> on{{2, 1}, {2, 2}};
  const std::vector<double> product{(4 + 0 + 4) / 3.0, (0 + 0 + 2) / 3.0};
  for (std::size_t layer = 0; layer < 2; ++layer) {
    CHECK(mean.on[0][layer] == Approx(on[0][layer]));
    CHECK(mean.on[1][layer] == Approx(on[1][layer]));
    CHECK(mean.both[0][1][layer] == Approx(product[layer]));
    CHECK(mean.both[1][0][layer] == Approx(product[layer]));
  }
}

TEST_CASE("of a complete model every unit is on, of a dense one there are none") {
  const auto activity = complete(units);
  CHECK(activity.on == std::vector<std::vector<double>>{{3, 3}, {4, 4}, {8}});
  CHECK(activity.both[0][1] == std::vector<double>{12, 12});
  CHECK(complete({}).on.empty());
  CHECK(complete({}).both.empty());
  Architecture architecture;
  CHECK(!architecture.dynamic());
  architecture.units = units;
  CHECK(architecture.dynamic());
}

TEST_CASE("a router decides about all units but one that is always on") {
  CHECK(units[0].routed() == 2);
  CHECK(units[1].routed() == 4);
}

TEST_CASE("records tell the unit axes") {
  const auto json = to_json(units);
  REQUIRE(json.size() == 3);
  CHECK(json[0].dump() ==
        R"({"name":"heads","label":"heads","layers":2,"units":3,"first_on":true,"scope":"timestep"})");
  CHECK(json[1].at("scope") == "token");
  CHECK(to_json(std::vector<UnitAxis>()).dump() == "[]");
}
