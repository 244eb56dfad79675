// SPDX-License-Identifier: Apache-2.0
#include "base/schema.h"

#include "catch.h"

using namespace dydit;
using Catch::Matchers::Contains;
using Catch::Matchers::Equals;

namespace {

struct Settings {
  std::int64_t steps = 5;
  double rate = 0.5;
  std::uint64_t seed = 7;
  std::string decay = "none";
  std::string note = "";
  bool flip = true;
  std::vector<std::int64_t> batch{8};
  std::vector<double> at{0};
  std::vector<std::string> models{};
  std::optional<std::int64_t> heads{};

  bool operator==(const Settings&) const = default;
};

const Schema<Settings>& schema() {
  using S = Settings;
  static const auto schema =
      Schema<S>()
          .add("steps", &S::steps, Bounds<std::int64_t>{1, 10}, "of the optimizer")
          .add("rate", &S::rate, Bounds<double>{.least = 0, .most = 1, .least_excluded = true}, "of learning")
          .add("seed", &S::seed, Bounds<std::uint64_t>{0, 99}, "of noise")
          .add("decay", &S::decay, {"none", "cosine", "linear"}, "of the rate")
          .add("note", &S::note, {}, "for readers")
          .add("flip", &S::flip, "mirror images")
          .add("batch", &S::batch, Bounds<std::int64_t>{1, 64}, "images of a pass")
          .add("at", &S::at, Bounds<double>{0, 999}, "times")
          .add("models", &S::models, "of the profile")
          .add("heads", &S::heads, Bounds<std::int64_t>{1, 16}, "where a file does not tell");
  return schema;
}

Settings read(const Json& json) { return schema().from_json(json, "train"); }

void refuse(const Json& json, const std::string& line) {
  CAPTURE(json.dump());
  CHECK_THROWS_AS(read(json), UsageError);
  CHECK_THROWS_WITH(read(json), Contains(line));
}

const Option& option(const std::string& name) { return *std::ranges::find(schema().options(), name, &Option::name); }

}  // namespace

TEST_CASE("options are read by their names, and those that are absent stay as they were") {
  CHECK(read(Json::object()) == Settings());
  const Settings all = read({{"steps", 10},
                             {"rate", 1},
                             {"seed", 0},
                             {"decay", "linear"},
                             {"note", "any text"},
                             {"flip", false},
                             {"batch", {4, 64}},
                             {"at", {0, 0.5, 999}},
                             {"models", {"a", "b"}},
                             {"heads", 16}});
  CHECK(all == Settings{.steps = 10,
                        .rate = 1,
                        .seed = 0,
                        .decay = "linear",
                        .note = "any text",
                        .flip = false,
                        .batch = {4, 64},
                        .at = {0, 0.5, 999},
                        .models = {"a", "b"},
                        .heads = 16});
  const Settings started = schema().from_json({{"steps", 2}}, "train", all);
  CHECK(started.steps == 2);
  CHECK(started.heads == 16);
  CHECK(started.batch == all.batch);
}

TEST_CASE("options can be read beside keys of others, which are known only where those are read") {
  const Json json{{"steps", 3}, {"dynamic", true}};
  Keys keys(json, "train");
  bool dynamic = false;
  keys.read("dynamic", dynamic);
  Settings settings;
  schema().read(keys, settings);
  CHECK_NOTHROW(keys.finish());
  CHECK((dynamic && settings.steps == 3));
  refuse(json, "unknown key: train.dynamic: known are at, batch, decay, flip, heads, models, note, rate, seed, steps");
  refuse(Json::array({1}), "not a table of keys: train");
}

TEST_CASE("a number that is not within its bounds, or of another type, is refused with the bounds") {
  refuse({{"steps", 0}}, "value out of range: train.steps = 0: give a whole number from 1 to 10");
  refuse({{"steps", 11}}, "train.steps = 11");
  refuse({{"steps", 2.5}}, "not a whole number: train.steps = 2.5");
  refuse({{"steps", "2"}}, "not a whole number: train.steps");
  refuse({{"steps", nullptr}}, "not a whole number: train.steps = null");
  refuse({{"rate", 0}}, "train.rate = 0: give a number above 0, up to 1");
  refuse({{"rate", "fast"}}, "not a number: train.rate");
  refuse({{"seed", -1}}, "train.seed = -1: give a whole number from 0 to 99");
}

TEST_CASE("a text is one of the known ones, or any where none is known; a flag is true or false") {
  refuse({{"decay", "exponential"}}, "unknown name: train.decay = exponential: give none, cosine or linear");
  refuse({{"decay", ""}}, "unknown name: train.decay");
  refuse({{"decay", 1}}, "wrong type of value: train.decay: 1");
  refuse({{"note", 1}}, "wrong type of value: train.note: 1");
  refuse({{"flip", 1}}, "wrong type of value: train.flip: 1");
  refuse({{"flip", "true"}}, "wrong type of value: train.flip");
  const std::string longest(1000, 'x');
  CHECK_THROWS_WITH(read({{"decay", longest}}), Contains(longest.substr(0, 40) + "...: give") && !Contains(longest));
}

TEST_CASE("a list of numbers has one at least, each once and within the bounds; texts may be none") {
  refuse({{"batch", Json::array()}}, "an empty list: train.batch: give one entry at least");
  refuse({{"at", Json::array()}}, "an empty list: train.at");
  refuse({{"batch", {4, 8, 4}}}, "an entry given twice: train.batch: give it once");
  refuse({{"at", {1, 1.0}}}, "an entry given twice: train.at");
  refuse({{"batch", {4, 65}}}, "train.batch = 65: give a whole number from 1 to 64");
  refuse({{"batch", 4}}, "not a list: train.batch");
  refuse({{"models", "a"}}, "wrong type of value: train.models");
  refuse({{"models", {1}}}, "wrong type of value: train.models");
  CHECK(read({{"models", Json::array()}}).models.empty());
}

TEST_CASE("a list that is given takes the place of the one that was there") {
  Settings before;
  before.batch = {1, 2, 3};
  before.models = {"old"};
  const Settings after = schema().from_json({{"batch", {5}}, {"models", {"new"}}}, "train", before);
  CHECK(after.batch == std::vector<std::int64_t>{5});
  CHECK(after.models == std::vector<std::string>{"new"});
}

TEST_CASE("a number that need not be there is held to its bounds where it is") {
  CHECK(!read(Json::object()).heads.has_value());
  CHECK(read({{"heads", 1}}).heads == 1);
  refuse({{"heads", 17}}, "train.heads = 17: give a whole number from 1 to 16");
  refuse({{"heads", "4"}}, "not a whole number: train.heads");
}

TEST_CASE("what is written is read back the same, and in the order of the options") {
  Settings settings{.steps = 3,
                    .rate = 0.1,
                    .seed = 42,
                    .decay = "cosine",
                    .note = "naïve \"text\"",
                    .flip = false,
                    .batch = {1, 2},
                    .at = {0.25},
                    .models = {"a", "a"},
                    .heads = 6};
  CHECK(read(schema().to_json(settings)) == settings);
  const Json json = schema().to_json(settings);
  std::vector<std::string> written, known;
  for (const auto& [key, value] : json.items()) written.push_back(key);
  for (const Option& each : schema().options()) known.push_back(each.name);
  CHECK(written == known);
  settings.heads.reset();
  CHECK(!schema().to_json(settings).contains("heads"));
  settings.at = {0};
  CHECK(read(schema().to_json(settings)) == settings);
}

TEST_CASE("an option tells the command line what it may be and what it is for") {
  using Kind = Option::Kind;
  const auto is = [](const std::string& name, Kind kind, const std::string& words) {
    CAPTURE(name, option(name).words);
    return option(name).kind == kind && option(name).words == words;
  };
  CHECK(is("steps", Kind::value, "from 1 to 10"));
  CHECK(is("rate", Kind::value, "above 0, up to 1"));
  CHECK(is("decay", Kind::value, "none, cosine or linear"));
  CHECK(is("note", Kind::value, "TEXT"));
  CHECK(is("flip", Kind::flag, ""));
  CHECK(is("batch", Kind::list, "from 1 to 64"));
  CHECK(is("models", Kind::list, "TEXT"));
  CHECK(is("heads", Kind::value, "from 1 to 16"));
  CHECK(option("steps").help == "of the optimizer");
}

TEST_CASE("texts of the command line are parsed as the profile's values are read") {
  const auto parse = [](const std::string& name, const std::string& text) {
    return option(name).parse(text, "--" + name);
  };
  CHECK(parse("steps", "10").dump() == "10");
  CHECK(parse("rate", "5e-1").dump() == "0.5");
  CHECK(parse("seed", "99").dump() == "99");
  CHECK(parse("decay", "cosine") == "cosine");
  CHECK(parse("note", "") == "");
  CHECK(parse("batch", "64").dump() == "64");  // an entry
  CHECK(parse("models", "a") == "a");
  CHECK(parse("heads", "4").dump() == "4");
  const auto refused = [&](const std::string& name, const std::string& text, const std::string& line) {
    CHECK_THROWS_AS(parse(name, text), UsageError);
    CHECK_THROWS_WITH(parse(name, text), Equals(line));
  };
  refused("steps", "11", "value out of range: --steps 11: give a whole number from 1 to 10");
  refused("steps", "ten", "not a whole number: --steps ten: give a whole number from 1 to 10");
  refused("batch", "0", "value out of range: --batch 0: give a whole number from 1 to 64");
  refused("heads", "", "not a whole number: --heads '': give a whole number from 1 to 16");
  refused("decay", "exponential", "unknown name: --decay = exponential: give none, cosine or linear");
}

TEST_CASE("names are joined as a reader says them") {
  CHECK(any_of({"a"}) == "a");
  CHECK(any_of({"a", "b"}) == "a or b");
  CHECK(any_of({"a", "b", "c"}) == "a, b or c");
  CHECK_NOTHROW(require_known("b", {"a", "b"}, "--letter"));
}
