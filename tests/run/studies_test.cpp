// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "base/error.h"
#include "catch.h"
#include "support.h"

using namespace dydit;

namespace {

struct Fixture {
  Fixture() {
    test::write_checkpoint(path("small.safetensors"), 1);
    test::write_checkpoint(path("large.safetensors"), 2);
    profile.name = "tiny";
    profile.data = {.path = "synthetic:20", .size = 8};
    profile.models = {{.name = "small", .checkpoint = path("small.safetensors")},
                      {.name = "large", .checkpoint = path("large.safetensors")}};
    profile.studies = {test::study_named("loss-gap"), test::study_named("loss-map")};
    gap().count = 3;
    gap().images = 10;
    gap().chunk = 5;
    map().at = {500};
    map().images = 4;
    map().draws = 2;
  }
  study::Options& gap() { return profile.studies.front().options; }
  study::Options& map() { return profile.studies.back().options; }
  std::string path(const char* name) const { return (folder.path() / name).string(); }
  // Beside the others a dynamic model, and a sweep of it alone.
  void add_sweep() {
    Json dynamic = test::tiny_configuration();
    dynamic["dynamic"] = true;
    test::write_checkpoint(path("half.safetensors"), 3, dynamic);
    profile.models.push_back({.name = "half", .checkpoint = path("half.safetensors")});
    profile.studies.clear();
    profile.sweep = study::SpeedSpec{.models = {}, .trained = {"half"}, .trained_batch = {2}};
    for (const study::Axis& axis : test::catalog().axes) profile.sweep->axes.emplace_back(axis.name, axis.values);
    profile.sweep->engine = {"dense"};
    profile.sweep->timesteps = profile.sweep->blocks = 1;
  }
  run::Finished study(const char* out, const record::OpenOptions& open = {}) const {
    auto settings = test::settings(path(out));
    settings.open = open;
    return run::run_studies(profile, settings);
  }

  test::TemporaryFolder folder;
  run::Profile profile;
};

}  // namespace

TEST_CASE("the studies of a profile make a run that explains itself") {
  const Fixture f;
  const auto outcome = f.study("run");
  CHECK(outcome.failed == 0);
  const auto run = record::read_run(outcome.path);
  CHECK(run.records.size() == 2 * 2 + 1);  // two chunks of two models, and the map of the reference
  CHECK(run.records.back().axes["model"] == "large");
  auto resolved = f.profile;
  resolved.process = diffusion::ProcessSpec();  // no file says it
  CHECK(run.manifest["profile"] == run::to_json(resolved));
  CHECK(run.manifest["process"] == diffusion::to_json(*resolved.process));
  CHECK(run.manifest["engines"].size() == 5);
  CHECK(run.manifest["models"][0]["checkpoint"] == "small.safetensors");
  CHECK(run.manifest["models"][0]["weights"] == "model (bare)");
  CHECK(run.manifest["models"][0]["parameters"] > 1000);
  CHECK(run.manifest["data"]["images"] == 20);
  CHECK(run.manifest["end"].is_string());
}

TEST_CASE("a run goes on only with the profile, weights and data it began with") {
  Fixture f;
  f.study("run");
  const auto refused = [&](const char* named) {
    CHECK_THROWS_AS(f.study("run"), UsageError);
    CHECK_THROWS_WITH(f.study("run"), Catch::Contains(named) && Catch::Contains("where the run has"));
  };
  CHECK_NOTHROW(f.study("run"));
  SECTION("profile") {
    f.gap().count = 4;
    refused("/profile/loss-gap/timesteps: 4");
  }
  SECTION("weights") {
    test::write_checkpoint(f.path("small.safetensors"), 3);
    refused("/weights/small");
    CHECK_NOTHROW(f.study("run", {.force = true}));
    CHECK(record::read_run(f.path("run")).records.size() ==
          5);  // the chunks of `small` once more, those of the old weights dropped
  }
  SECTION("seed") {
    f.profile.seed = 1;
    refused("/profile/seed: 1");
  }
  SECTION("data") {
    f.profile.data.path = "synthetic:30";
    refused("/profile/data/path: \"synthetic:30\"");
  }
}

TEST_CASE("the number of heads that is told is part of a cell") {
  Fixture f;
  f.study("run");
  const auto cell = [&] { return record::read_run(f.path("run")).records.front().cell; };
  const std::string before = cell();
  for (run::ModelSpec& model : f.profile.models) model.num_heads = 2;
  CHECK_THROWS_AS(f.study("run"), UsageError);
  CHECK_NOTHROW(f.study("run", {.force = true}));
  CHECK(cell() != before);
}

TEST_CASE("a cell of a trained model's sweep is that of its images and noise schedule") {
  Fixture f;
  f.add_sweep();
  const auto cell = [&] {
    f.study("run", {.force = true});
    const auto records = record::read_run(f.path("run")).records;
    REQUIRE(records.size() == 1);
    return records.front().cell;
  };
  std::set<std::string> cells{cell()};
  f.profile.data.path = "synthetic:30";
  cells.insert(cell());
  f.profile.sweep->trained_batch = {2, 3};  // of which the images are spread otherwise
  const auto run = f.study("run", {.force = true});
  for (const record::Record& record : record::read_run(run.path).records) cells.insert(record.cell);
  f.profile.sweep->trained_batch = {2};
  f.profile.process = diffusion::ProcessSpec{.noise_schedule = "cosine"};
  cells.insert(cell());
  CHECK(cells.size() == 5);
}

TEST_CASE("data that do not fit a model are refused before anything is written") {
  Fixture f;
  const auto refused = [&](const char* what) {
    CHECK_THROWS_AS(f.study("run"), UsageError);
    CHECK_THROWS_WITH(f.study("run"), Catch::Contains(what) && Catch::Contains("large"));
    CHECK(!std::filesystem::exists(f.path("run")));
  };
  SECTION("classes") {
    test::write_checkpoint(f.path("large.safetensors"), 2, test::tiny_configuration(7));
    refused("the data have 10, the model 7");
  }
  SECTION("size") {
    f.profile.models.erase(f.profile.models.begin());
    f.profile.data.size = 16;
    refused("samples are 3x16x16, the model takes 3x8x8");
  }
}

TEST_CASE("models whose files say other processes are not run together, nor one that is silent beside a flow") {
  const diffusion::ProcessSpec flow{.name = "flow"}, cosine{.noise_schedule = "cosine"}, linear;
  const std::vector<std::string> names{"a", "b"};
  CHECK(run::process_of({}, {{}, {}}, names) == linear);
  CHECK(run::process_of({}, {linear, {}}, names) == linear);
  CHECK(run::process_of({}, {flow, flow}, names) == flow);
  CHECK(run::process_of(flow, {flow, {}}, names) == flow);
  CHECK_THROWS_WITH(run::process_of({}, {flow, linear}, names), Catch::Contains("b is of another process than a"));
  CHECK_THROWS_WITH(run::process_of(cosine, {{}, linear}, names), Catch::Contains("than what is asked for"));
  CHECK_THROWS_WITH(run::process_of({}, {{}, flow}, names), Catch::Contains("a does not say its process, b does"));
  CHECK_THROWS_AS(run::process_of({}, {cosine, {}}, names), UsageError);
}

TEST_CASE("what a study lacks is said") {
  Fixture f;
  SECTION("no model") { f.profile.models.clear(); }
  SECTION("no weights") { f.profile.models[0].checkpoint.clear(); }
  SECTION("no study") { f.profile.studies.clear(); }
  SECTION("no data") { f.profile.data.path.clear(); }
  SECTION("no time of the process") { f.map().at = {2.5}; }
  SECTION("more images than there are") { f.gap().images = 21; }
  CHECK_THROWS_AS(f.study("run"), UsageError);
  CHECK(!std::filesystem::exists(f.path("run")));
}

TEST_CASE("a missing checkpoint is a bad input") {
  Fixture f;
  f.profile.models[1].checkpoint = f.path("gone.safetensors");
  CHECK_THROWS_AS(f.study("run"), InputError);
  CHECK_THROWS_WITH(f.study("run"), Catch::Contains("gone.safetensors"));
}

TEST_CASE("a dry run names every missing file and writes nothing") {
  Fixture f;
  CHECK_NOTHROW(run::dry_run(f.profile, test::settings(f.path("run"))));
  f.profile.data.path = f.path("no-data.zip");
  f.profile.models[0].checkpoint = f.path("no-small.pt");
  f.profile.models[1].checkpoint = f.path("no-large.pt");
  f.profile.history = f.path("no-history");
  const auto try_it = [&] { run::dry_run(f.profile, test::settings(f.path("run"))); };
  CHECK_THROWS_AS(try_it(), InputError);
  CHECK_THROWS_WITH(try_it(), Catch::Contains("4 of") && Catch::Contains("no-data.zip") &&
                                  Catch::Contains("no-small.pt") && Catch::Contains("no-large.pt") &&
                                  Catch::Contains("no-history"));
  CHECK(!std::filesystem::exists(f.path("run")));
}

TEST_CASE("a dry run of a sweep of trained models looks for their weights and images") {
  Fixture f;
  f.add_sweep();
  const auto try_it = [&] { run::dry_run(f.profile, test::settings(f.path("run"))); };
  CHECK_NOTHROW(try_it());
  SECTION("images") {
    f.profile.sweep->trained_batch = {21};
    CHECK_THROWS_WITH(try_it(), Catch::Contains("fewer images"));
  }
  SECTION("routers") {
    f.profile.sweep->trained = {"large"};
    CHECK_THROWS_WITH(try_it(), Catch::Contains("sweep.trained: large"));
  }
  SECTION("weights") {
    f.profile.models.back().checkpoint = f.path("no-half.pt");
    CHECK_THROWS_AS(try_it(), InputError);
    CHECK_THROWS_WITH(try_it(), Catch::Contains("no-half.pt"));
  }
}

TEST_CASE("a dry run of nothing is refused as the run is") {
  Fixture f;
  f.profile.studies.clear();
  CHECK_THROWS_AS(run::dry_run(f.profile, test::settings(f.path("run"))), UsageError);
}
