// SPDX-License-Identifier: Apache-2.0
#include "base/keys.h"

#include "catch.h"

using Catch::Matchers::Contains;
using dydit::Keys;
using dydit::UsageError;
using Json = nlohmann::ordered_json;

TEST_CASE("keys are read by type and left at their default where absent") {
  const Json object{{"steps", 5}, {"rate", 1}, {"name", "a"}, {"on", true}, {"list", {1, 2}}};
  int steps = 0, absent = 7;
  double rate = 0;
  std::string name;
  bool on = false;
  std::vector<std::int64_t> list;
  Keys keys(object, "train");
  keys.read("steps", steps).read("rate", rate).read("name", name).read("on", on).read("list", list);
  keys.read("absent", absent).finish();
  CHECK(steps == 5);
  CHECK(rate == 1);
  CHECK(name == "a");
  CHECK(on);
  CHECK(list == std::vector<std::int64_t>{1, 2});
  CHECK(absent == 7);
}

template <typename T>
static void refuse(const Json& value) {
  INFO(value.dump());
  const Json object{{"key", value}};
  T read{};
  CHECK_THROWS_AS(Keys(object, "train").read("key", read), UsageError);
  CHECK_THROWS_WITH(Keys(object, "train").read("key", read), Contains("train.key"));
}

TEST_CASE("a number that would be cut or wrapped is of the wrong type") {
  refuse<std::int64_t>(2.7);
  refuse<std::int64_t>(2.0);
  refuse<std::int64_t>("2");
  refuse<std::int64_t>(true);
  refuse<std::int64_t>(~std::uint64_t{0});
  refuse<std::uint64_t>(-1);
  refuse<int>(std::int64_t{1} << 32);
  refuse<bool>(1);
  refuse<double>("1");
  refuse<std::string>(1);
  refuse<std::vector<std::int64_t>>(Json{1, 2.5});
  refuse<std::vector<std::int64_t>>(3);
}

TEST_CASE("a number that is not within its bounds is refused, and they are told") {
  const auto read = [](const Json& value, const auto& bounds) {
    const Json object{{"key", value}};
    auto number = bounds.least;
    Keys(object, "train").read("key", number, bounds).finish();
    return number;
  };
  const dydit::Bounds<std::int64_t> batch{1, 4000};
  const dydit::Bounds<double> share{0, 1};
  CHECK(read(4000, batch) == 4000);
  CHECK(read(1, share) == 1);
  for (const Json& bad : {Json(0), Json(-1), Json(4001), Json(~std::uint64_t{0}), Json(2.5), Json(2.0), Json("2"),
                          Json(true), Json(nullptr), Json::array({2}), Json::object()}) {
    CAPTURE(bad.dump());
    CHECK_THROWS_AS(read(bad, batch), UsageError);
    CHECK_THROWS_WITH(read(bad, batch),
                      Contains("train.key = " + bad.dump() + ": give a whole number from 1 to 4,000"));
  }
  for (const Json& bad : {Json(-0.1), Json(2), Json("1"), Json(true), Json::array({1})})
    CHECK_THROWS_WITH(read(bad, share), Contains("train.key = " + bad.dump() + ": give a number from 0 to 1"));
  const Json object{{"list", {1, 4000}}, {"bad", {1, 4001}}, {"one", 7}};
  std::vector<std::int64_t> list{9};
  Keys(object, "train").read("list", list, batch);
  CHECK(list == std::vector<std::int64_t>{1, 4000});
  CHECK_THROWS_WITH(Keys(object, "train").read("bad", list, batch), Contains("train.bad = 4001: give a whole number"));
  CHECK_THROWS_WITH(Keys(object, "train").read("one", list, batch), Contains("not a list: train.one"));
}

TEST_CASE("unknown keys and what is no table are refused") {
  const Json object{{"sed", 1}}, list = Json::array({1});
  int seed = 0;
  CHECK_THROWS_WITH(Keys(object, "profile").read("seed", seed).finish(),
                    Contains("profile.sed") && Contains("known are seed"));
  CHECK_THROWS_AS(Keys(list, "profile"), UsageError);
}
