// SPDX-License-Identifier: Apache-2.0
#include "run/profile.h"

#include <fstream>

#include "base/error.h"
#include "catch.h"
#include "run/runner.h"
#include "temporary_folder.h"

using namespace dydit;

namespace {

class ProfileFile {
 public:
  explicit ProfileFile(const std::string& text) { std::ofstream(path()) << text; }
  std::filesystem::path path() const { return folder() / "tiny.toml"; }
  std::filesystem::path folder() const { return folder_.path(); }

 private:
  test::TemporaryFolder folder_;
};

run::Profile read(const std::filesystem::path& path) {
  return run::read_profile(path, run::standard_catalog().names());
}

// A JSON value as TOML writes it inline: keys stand bare before "=".
std::string toml(const Json& value) {
  if (!value.is_structured()) return value.dump();
  std::string inner;
  for (const auto& [key, element] : value.items())
    inner += (inner.empty() ? "" : ", ") + (value.is_object() ? key + " = " : "") + toml(element);
  return value.is_object() ? "{" + inner + "}" : "[" + inner + "]";
}

const std::string studies = R"(
seed = 7
history = "../old/history"
process = { noise_schedule = "cosine" }
note = "two models"
data = { path = "data/images.zip", size = 16 }
loss-gap = { timesteps = 25, images = 100, chunk = 10 }
[[models]]
name = "S"
checkpoint = "weights/S.pt"
weights = "model"
num_heads = 4
[[models]]
name = "XL"
checkpoint = "/absolute/XL.pt"
[loss-map]
timesteps = [0, 999]
models = ["S"]
normalise_each = true
)";

const std::string training = R"(
name = "pair"
[data]
path = "synthetic:40"
[held-out]
path = "test.zip"
size = 32
[train]
steps = 100
batch = 8
[[models]]
name = "small"
configuration = { name = "DiT-S/2" }
[[models]]
name = "large"
configuration = { name = "DiT-XL/2" }
train = { steps = 200 }
)";

}  // namespace

TEST_CASE("a profile of studies is resolved, with paths from its folder") {
  const ProfileFile file(studies);
  const auto profile = read(file.path());
  const auto in_folder = [&](const char* path) { return (file.folder() / path).lexically_normal().string(); };
  const Json expected = {
      {"name", "tiny"},
      {"seed", 7},
      {"data", {{"path", in_folder("data/images.zip")}, {"size", 16}, {"grain", 0.0}}},
      {"process", {{"name", "diffusion"}, {"noise_schedule", "cosine"}}},
      {"models",
       {{{"name", "S"}, {"checkpoint", in_folder("weights/S.pt")}, {"weights", "model"}, {"num_heads", 4}},
        {{"name", "XL"}, {"checkpoint", "/absolute/XL.pt"}, {"weights", "automatic"}}}},
      {"loss-gap", {{"timesteps", 25}, {"images", 100}, {"chunk", 10}, {"models", Json::array()}}},
      {"loss-map",
       {{"timesteps", {0, 999}},
        {"images", 10},
        {"draws", 8},
        {"shown", 6},
        {"normalise_each", true},
        {"models", {"S"}}}},
      {"history", in_folder("../old/history")},
      {"note", "two models"}};
  CHECK(run::to_json(profile) == expected);
  REQUIRE(profile.studies.size() == 2);
  CHECK((profile.studies[0].info.name == "loss-gap" && profile.studies[0].options.count == 25));
}

TEST_CASE("what is resolved reads back as the same profile") {
  for (const std::string gap : {"timesteps = 25", "timesteps = [7, 5, 900]", "images = 3"}) {
    const ProfileFile file("loss-gap = { " + gap + " }\n" + studies.substr(0, studies.find("loss-gap")) +
                           studies.substr(studies.find("[[models]]")));
    const Json resolved = run::to_json(read(file.path()));
    std::string text;
    for (const auto& [key, value] : resolved.items()) text += key + " = " + toml(value) + "\n";
    CHECK(run::to_json(read(ProfileFile(text).path())) == resolved);
  }
}

TEST_CASE("a list of timesteps is visited as it is") {
  const ProfileFile file("[loss-gap]\ntimesteps = [7, 5, 900]\n");
  CHECK(read(file.path()).studies.front().options.at == std::vector<double>{7, 5, 900});
}

TEST_CASE("a profile of a training: options of all models and of one") {
  const ProfileFile file(training);
  const auto profile = read(file.path());
  CHECK(profile.name == "pair");
  CHECK(profile.data.path == "synthetic:40");
  CHECK(profile.held_out->path == file.folder() / "test.zip");
  const auto small = run::train_options(profile, profile.models[0]),
             large = run::train_options(profile, profile.models[1]);
  CHECK(small.steps == 100);
  CHECK(large.steps == 200);
  CHECK(large.batch == 8);
  const Json json = run::to_json(profile);
  CHECK(json["models"][1]["train"] == train::to_json(large));
  CHECK(json["models"][1]["configuration"] == Json{{"name", "DiT-XL/2"}});
}

TEST_CASE("what is wrong in a profile is named") {
  const auto [text, named] = GENERATE(table<std::string, std::string>({
      {"sed = 1", "tiny.toml.sed"},
      {"seed = \"one\"", "tiny.toml.seed"},
      {"seed = -1", "tiny.toml.seed"},
      {"seed = 1.5", "tiny.toml.seed"},
      {"seed = nan", "tiny.toml.seed"},
      {"data = \"images.zip\"", "tiny.toml: data"},
      {"data = { pth = \"images.zip\" }", "tiny.toml: data.pth"},
      {"data = { size = \"32\" }", "tiny.toml: data.size"},
      {"held-out = { sizes = 32 }", "tiny.toml: held-out.sizes"},
      {"process = { noise_schedule = \"quadratic\" }", "tiny.toml: process.noise_schedule = quadratic"},
      {"process = { name = \"flow\", noise_schedule = \"linear\" }", "tiny.toml: process.noise_schedule"},
      {"process = \"flow\"", "tiny.toml: process"},
      {"[[models]]\ncheckpoint = \"a.pt\"", "tiny.toml: models[0]"},
      {"[[models]]\nname = \"a\"\n[[models]]\nname = \"a\"", "two models of the same name: tiny.toml: a"},
      {"[[models]]\nname = \"a\"\n[[models]]\nnam = \"a\"", "tiny.toml: models[1].nam"},
      {"[[models]]\nname = \"a\"\nnum_heads = \"6\"", "tiny.toml: models[0].num_heads"},
      {"[[models]]\nname = \"a\"\nweights = \"best\"", "best"},
      {"models = \"a\"", "tiny.toml: models[0]"},
      {"[loss-gap]\ntimesteps = 0", "tiny.toml: loss-gap.timesteps"},
      {"[loss-gap]\ntimesteps = 1001", "tiny.toml: loss-gap.timesteps"},
      {"[loss-gap]\ntimesteps = [3, 1000]", "tiny.toml: loss-gap.timesteps"},
      {"[loss-gap]\ntimesteps = 2.5", "tiny.toml: loss-gap.timesteps"},
      {"[loss-gap]\nchunk = 0", "tiny.toml: loss-gap.chunk"},
      {"[loss-gap]\ndraws = 3", "tiny.toml: loss-gap.draws"},
      {"[loss-map]\ntimesteps = []", "tiny.toml: loss-map.timesteps"},
      {"[loss-map]\ntimesteps = [1, 1]", "tiny.toml: loss-map.timesteps"},
      {"[loss-map]\ndraws = 0", "tiny.toml: loss-map"},
      {"[loss-map]\nmodels = [\"a\"]", "tiny.toml: loss-map.models: a"},
      {"[[models]]\nname = \"a\"\ntrain = 3", "tiny.toml: models[0].train"},
      {"train = 3\n[[models]]\nname = \"a\"", "tiny.toml.train"},
      {"[activation]\nmodels = [\"a\"]", "tiny.toml: activation.models: a"},
      {"[sweep]\ntrained = [\"a\"]", "tiny.toml: sweep.trained: a"},
      {"[train]\nstep = 3\n[[models]]\nname = \"a\"", "train.step"},
      {"seed = 1\nseed = 2", "tiny.toml:2"},
      {"\n\n[data", "tiny.toml:3"},
  }));
  CAPTURE(text);
  const ProfileFile file(text);
  CHECK_THROWS_AS(read(file.path()), UsageError);
  CHECK_THROWS_WITH(read(file.path()), Catch::Contains(named));
}

TEST_CASE("every number of a profile is within bounds, which are told where it is not") {
  struct Key {
    std::string text;  // of the profile, with a value for @
    std::string where, within;
    std::vector<std::string> beyond, neither = {"2.5", "\"5\"", "true", "[[1]]"};
  };
  const std::vector<std::string> not_numbers{"\"0.5\"", "true", "[[1]]"};
  const std::string model = "[[models]]\nname = \"a\"\n";
  std::vector<Key> keys{
      {"seed = @", "tiny.toml.seed", "from 0 to 18,446,744,073,709,551,615", {"-1"}},
      {"data = { size = @ }", "tiny.toml: data.size", "from 1 to 16,384", {"0", "-1", "16385"}},
      {"data = { grain = @ }", "tiny.toml: data.grain", "from 0 to 255", {"-1", "256.5", "1e300"}, not_numbers},
      {"held-out = { size = @ }", "tiny.toml: held-out.size", "from 1 to 16,384", {"0"}},
      {model + "num_heads = @", "tiny.toml: models[0].num_heads", "from 1 to 65,536", {"0", "-4", "65537"}},
      {"[sweep]\ntimesteps = @", "tiny.toml: sweep.timesteps", "from 1 to 1,000", {"0", "1001"}},
      {"[sweep]\nkeep = [@]", "tiny.toml: sweep.keep", "above 0, up to 1", {"0", "-0.5", "1.01"}, not_numbers},
      {"[sweep]\nbatch = [4, @]", "tiny.toml: sweep.batch", "from 1 to 1,000,000", {"0", "-1", "1000001"}},
      {"[sweep]\ntrained_batch = [@]", "tiny.toml: sweep.trained_batch", "from 1 to 1,000,000", {"0"}},
      {"[sweep]\ninput_size = @", "tiny.toml: sweep.input_size", "from 1 to 8,192", {"0", "8193"}},
      {"[sweep]\nblocks = @", "tiny.toml: sweep.blocks", "from 1 to 1,000", {"0", "-1", "100000"}},
      {"[sweep]\nseconds = @", "tiny.toml: sweep.seconds", "from 0 to 3,600", {"-1", "3601"}, not_numbers}};
  for (const std::string study : {"loss-gap", "activation"}) {
    const std::string table = "[" + study + "]\n", where = "tiny.toml: " + study;
    keys.push_back(
        {table + "timesteps = @", where + ".timesteps", "from 1 to 1,000", {"0", "-1", "1001"}, {"2.5", "true"}});
    keys.push_back({table + "timesteps = [@]", where + ".timesteps", "from 0 to 999", {"-1", "1000"}, not_numbers});
    keys.push_back({table + "images = @", where + ".images", "from 0 to 1,000,000,000", {"-5", "1000000001"}});
    keys.push_back({table + "chunk = @", where + ".chunk", "from 1 to 1,000,000", {"0", "-1", "1000001"}});
  }
  for (const std::string study : {"loss-map", "compute-map"}) {
    const std::string table = "[" + study + "]\n", where = "tiny.toml: " + study;
    keys.push_back({table + "timesteps = [5, @]", where + ".timesteps", "from 0 to 999", {"-1", "1000"}, not_numbers});
    keys.push_back({table + "images = @", where + ".images", "from 0 to 1,000,000,000", {"-5"}});
    keys.push_back({table + "draws = @", where + ".draws", "from 1 to 1,000,000", {"0", "-1"}});
    keys.push_back({table + "shown = @", where + ".shown", "from 1 to 1,000", {"0", "-1"}});
  }
  for (const Key& key : keys)
    for (const auto& [values, huge] :
         {std::pair{key.beyond, false}, {key.neither, false}, {{"9223372036854775807"}, true}})
      for (const std::string& value : values) {
        if (huge && key.where == "tiny.toml.seed") continue;  // is one
        std::string text = key.text;
        text.replace(text.find('@'), 1, value);
        CAPTURE(text);
        const ProfileFile file(text);
        CHECK_THROWS_AS(read(file.path()), UsageError);
        CHECK_THROWS_WITH(read(file.path()), Catch::Contains(key.where + " = ") && Catch::EndsWith(key.within));
      }
  for (const char* text : {"seed = 9223372036854775808", "data = { grain = nan }", "sweep = { keep = [inf] }",
                           "seed = 1e3", "seed = \"\"", "data = { size = 0x1_0000 }"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(read(ProfileFile(text).path()), UsageError);
  }
}

TEST_CASE("a profile that is not there is a missing file") { CHECK_THROWS_AS(read("nowhere/tiny.toml"), InputError); }

TEST_CASE("letters outside ASCII are text in strings and comments, and an error elsewhere") {
  const auto note_of = [](const std::string& text) { return read(ProfileFile(text).path()).note; };
  CHECK(note_of("# grün\nnote = 'grün' # ü") == "grün");
  CHECK(note_of("note = \"\"\"ü \\\n  ü\"\"\"") == "ü ü");
  for (const char* text : {"ü = 1", "seed = 1ü", "note = ü", "note = 'ü' ü", "note = 1\"\"\"ü"})
    CHECK_THROWS_WITH(note_of(text), Catch::Contains("not a TOML profile"));
}

TEST_CASE("a profile whose keys nest deep, or that is far too large, is refused") {
  const auto key_of = [](int parts) {
    std::string key = "a";
    for (int i = 1; i < parts; ++i) key += ".a";
    return key + " = 1\n";
  };
  const auto read_text = [](const std::string& text) { return read(ProfileFile(text).path()); };
  CHECK_THROWS_WITH(read_text(key_of(60)), Catch::Contains("unknown key"));
  CHECK_THROWS_WITH(read_text(key_of(10'000)), Catch::Contains("nest too deep"));
  CHECK_THROWS_WITH(read_text(key_of(20'000)), Catch::Contains("far larger"));
  CHECK_THROWS_WITH(read_text("\nseed = 1979-05-27"), Catch::Contains("tiny.toml.seed"));
  CHECK_THROWS_WITH(read_text("data = { grain = inf }"), Catch::Contains("tiny.toml.data.grain"));
}
