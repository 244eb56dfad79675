// SPDX-License-Identifier: Apache-2.0
// What caches are called, and which passes they leave full.
#include "cache/spec.h"

#include <fstream>

#include "base/error.h"
#include "catch.h"
#include "temporary_folder.h"

using namespace dydit;
using cache::CacheSpec;

namespace {

std::vector<std::int64_t> full(const CacheSpec& spec, std::int64_t passes) {
  std::vector<std::int64_t> numbers;
  const auto flags = cache::full_passes(spec, passes);
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i]) numbers.push_back(static_cast<std::int64_t>(i));
  return numbers;
}

CacheSpec named(const std::string& text) { return cache::cache_named(text, "--cache").value(); }
CacheSpec of(const Json& json) { return cache::cache_from_json(json, "cache"); }

using Passes = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("each published cache has its full passes") {
  CHECK(full(named("fora:3"), 12) == Passes{0, 2, 5, 8, 11});
  CHECK(full(named("fora:5"), 12) == Passes{0, 1, 6, 11});
  CHECK(full(named("taylorseer:3,2"), 20) == Passes{0, 1, 4, 7, 10, 13, 16, 19});
  CHECK(full(named("taylorseer:4,1"), 20) == Passes{0, 1, 5, 9, 13, 17});
  CHECK(full(named("deepcache:2,1..2"), 5) == Passes{0, 2, 4});
  CHECK(full(named("teacache:0.1"), 6) == Passes{0, 5});  // the test decides about the others
  CHECK(full(named("firstblock:0.1"), 1) == Passes{0});
  for (const char* every : {"fora:1", "taylorseer:1,4", "deepcache:1,0..0"}) CHECK(full(named(every), 4).size() == 4);
  CHECK(full(named("taylorseer:3,0"), 1) == Passes{0});
}

TEST_CASE("full passes lie dense around a centre as DeepCache's own code has them") {
  const auto around = [](int interval, double centre) { return of({{"interval", interval}, {"centre", centre}}); };
  CHECK(full(around(5, 15), 50) == Passes{0, 5, 10, 14, 18, 22, 27, 32, 38, 44});
  CHECK(full(around(5, 0), 50) == Passes{0, 3, 7, 11, 16, 21, 27, 32, 38, 44});
  CHECK(full(around(2, 10), 50) ==
        Passes{0, 2, 4, 6, 7, 9, 10, 11, 13, 15, 16, 18, 20, 22, 24, 26, 29, 31, 33, 35, 38, 40, 42, 45, 47});
  CHECK(full(around(3, 5), 20) == Passes{0, 3, 5, 7, 10, 13, 16});
  CHECK_THROWS_AS(full(around(1, 5), 20), UsageError);   // no interval
  CHECK_THROWS_AS(full(around(2, 20), 20), UsageError);  // behind the end
  CHECK_THROWS_AS(full(around(2, 25), 50), UsageError);  // no power does
}

TEST_CASE("a cache is read from what it is printed as") {
  for (const char* text :
       {"fora:3", "taylorseer:4,2", "deepcache:2,3..8,anew", "firstblock:.08", "teacache:0.2,anew"}) {
    const Json json = cache::to_json(named(text));
    CHECK(cache::to_json(of(json)) == json);
    const test::TemporaryFolder folder;
    const std::string path = folder.path() / "cache.json";
    std::ofstream(path) << json;
    CHECK(cache::to_json(named(path)) == json);
    CHECK(cache::to_json(named(json.dump())) == json);
  }
  CHECK(full(of({{"full", {0, 3, 4}}}), 6) == Passes{0, 3, 4});
  CHECK(cache::cache_named("none", "--cache") == std::nullopt);
  CHECK(named("fora:2,anew").decisions == "anew");
}

TEST_CASE("what is no cache is refused") {
  for (const char* text : {"", "fora", "fora:", "fora:0", "fora:x", "fora:2,3", "taylorseer:3", "taylorseer:3,5",
                           "deepcache:2", "deepcache:2,3", "deepcache:2,5..3", "firstblock:-1", "teacache:nan", "lru:3",
                           "fora:2,anew,anew", "{", "{\"every\": 2}"}) {
    INFO(text);
    CHECK_THROWS_AS(cache::cache_named(text, "--cache"), UsageError);
  }
  for (const Json& json :
       std::initializer_list<Json>{{{"interval", 2}, {"full", {0}}},
                                   {{"test", "input"}},
                                   {{"threshold", 1}},
                                   {{"test", "input"}, {"threshold", 1}, {"interval", 2}},
                                   {{"first_block", 1}},
                                   {{"test", "first_block"}, {"threshold", 1}, {"keep", "blocks"}, {"first_block", 0}},
                                   {{"every", 2}}}) {
    INFO(json);
    CHECK_THROWS_AS(of(json), UsageError);
  }
  CHECK_THROWS_AS(cache::cache_named("missing.json", "--cache"), InputError);
  CHECK_THROWS_AS(full(of({{"full", {7}}}), 6), UsageError);
  CHECK_THROWS_AS(cache::blocks_of(named("deepcache:2,3..8"), 8), UsageError);
  CHECK(cache::blocks_of(named("firstblock:1"), 8).first == 1);
}
