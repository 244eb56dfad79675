// SPDX-License-Identifier: Apache-2.0
#include "record/manifest.h"

#include <regex>
#include <set>

#include "catch.h"
#include "record/metric.h"

using namespace dydit::record;

TEST_CASE("the machine is described without its name") {
  const Json machine = machine_description();
  CHECK(machine["cores"].get<int>() >= 1);
  CHECK(machine["memory_gib"].get<double>() > 0.1);
  CHECK(!machine["system"].get<std::string>().empty());
  CHECK(!machine.contains("hostname"));
}

TEST_CASE("the build is described") {
  const Json build = build_description();
  CHECK(std::regex_match(build["revision"].get<std::string>(), std::regex("[0-9a-f]{40,64}|unknown")));
  CHECK(std::regex_match(build["tree"].get<std::string>(), std::regex("clean|modified|unknown")));
  CHECK(std::regex_search(build["compiler"].get<std::string>(), std::regex("[0-9]+\\.[0-9]+")));
}

TEST_CASE("times are ISO 8601 in UTC") {
  CHECK(std::regex_match(utc_now(), std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ)")));
}

TEST_CASE("the catalog names each metric once and describes it") {
  std::set<std::string_view> names;
  for (const MetricInfo& info : metrics) {
    CHECK(names.insert(info.name).second);
    CHECK(info.description.back() == '.');
  }
  static_assert(metric("held_out_vb").unit == "bits/dim");
  CHECK_THROWS_AS(metric("none"), std::out_of_range);
}
