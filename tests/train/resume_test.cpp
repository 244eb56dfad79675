// SPDX-License-Identifier: Apache-2.0
// A training that breaks off and is started again ends in the bytes of an undisturbed one.
#include <atomic>
#include <cstring>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "dit/weights.h"
#include "support.h"

using namespace dydit;

namespace {

const train::TrainOptions options{.steps = 8,
                                  .batch = 8,
                                  .learning_rate = 1e-3,
                                  .warmup_steps = 2,
                                  .decay = "cosine",
                                  .weight_decay = 0.1,
                                  .record_every = 3,
                                  .checkpoint_every = 2,
                                  .held_out_images = 10};

// Reading the image at the given place fails in a way that is not the image's.
train::Job breaking_at_step(std::int64_t step) {
  auto job = test::tiny_job(options);
  job.threads = 1;  // reads in order
  const auto images = std::make_shared<test::AlteredData>(40);
  images->alter = [step, reads = std::make_shared<std::atomic<std::int64_t>>(0)](std::int64_t, std::span<float>) {
    if ((*reads)++ == step * options.batch) throw std::runtime_error("the disk fell off");
  };
  job.images = images;
  return job;
}

// What must agree: everything but times.
std::vector<record::Json> results(const std::filesystem::path& run) {
  std::vector<record::Json> all;
  for (record::Record record : record::read_run(run).records) {
    record.metrics.erase("images_per_second");
    record.metrics.erase("seconds");
    record.process.clear();
    record.machine.clear();
    all.push_back(record::Json::parse(record::to_line(record)));
  }
  return all;
}

}  // namespace

TEST_CASE("an interrupted training resumed is the same as one in one go") {
  const test::TemporaryFolder folder;
  const auto whole = folder.path() / "whole";
  test::train_in(whole, test::tiny_job(options));
  REQUIRE(results(whole).size() == 3);
  // Before the first checkpoint; at one; after a record whose checkpoint is missing.
  for (const std::int64_t step : {1, 4, 7}) {
    CAPTURE(step);
    const auto path = folder.path() / std::to_string(step);
    CHECK_THROWS_WITH(test::train_in(path, breaking_at_step(step)), "the disk fell off");
    REQUIRE(train::newest_checkpoint(path, "tiny").has_value() == (step > 1));
    if (step > 1) CHECK(train::newest_checkpoint(path, "tiny") == train::checkpoint_path(path, "tiny", step / 2 * 2));
    test::train_in(path, test::tiny_job(options));
    CHECK((test::checkpoint_bytes(path, 8) == test::checkpoint_bytes(whole, 8)));
    CHECK(results(path) == results(whole));
  }
}

TEST_CASE("the time of a training goes on from its last checkpoint") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  const auto total = [&] { return record::read_run(path).records.back().metrics.at("seconds").value; };
  // Records at 3 and 6, checkpoints at 2 and 4: resumed at 4, one step after the last record.
  CHECK_THROWS_WITH(test::train_in(path, breaking_at_step(5)), "the disk fell off");
  {
    record::RunDirectory run(path, {{"identity", "test"}});
    REQUIRE(run.manifest()["spent"]["tiny"]["step"] == 4);
    CHECK(run.manifest()["spent"]["tiny"]["seconds"].get<double>() >= total());
    run.describe("spent", {{"tiny", {{"step", 4}, {"seconds", 1000}}}});
  }
  test::train_in(path, test::tiny_job(options));
  CHECK(total() > 1000);
  CHECK(total() < 1100);
}

TEST_CASE("a finished training started again does nothing") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  test::train_in(path, test::tiny_job(options));
  const std::string before = read_file(path / "results.jsonl");
  test::train_in(path, test::tiny_job(options));
  CHECK(read_file(path / "results.jsonl") == before);
}

TEST_CASE("a checkpoint of another seed, start or data is set aside, and the training begins anew") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  auto job = test::tiny_job(options), other = job;
  const auto started = [&](train::Job& one, const char* hash) {
    dit::DiT dit(one.configuration);
    dit->initialise(3);
    one.start = {.checkpoint = folder.path() / "start.safetensors", .hash = hash};
    dit::save_dit(one.start.checkpoint, dit, torch::kFloat32);
  };
  SECTION("seed") { other.seed = 1; }
  SECTION("data") { other.images = std::make_shared<test::AlteredData>(41); }
  SECTION("a start where there was none") { started(other, "3"); }
  SECTION("no start where there was one") { started(job, "3"); }
  SECTION("another start") {
    started(job, "2");
    started(other, "3");
  }
  test::train_in(folder.path() / "whole", other);
  test::train_in(path, job);
  const std::string before = test::checkpoint_bytes(path, 8);
  test::train_in(path, other);
  CHECK((test::checkpoint_bytes(path, 8) == test::checkpoint_bytes(folder.path() / "whole", 8)));
  CHECK((read_file(path / "earlier" / "tiny-00000008.safetensors") == before));
  CHECK_THAT(read_file(path / "log.txt"),
             Catch::Contains("tiny-00000008.safetensors is of another seed, start, data or process"));
}

TEST_CASE("a training that was ended with other options is not taken for this one's end") {
  const test::TemporaryFolder folder;
  auto job = test::tiny_job(options);
  test::train_in(folder.path(), job);
  SECTION("another rate") { job.options.learning_rate = 2e-3; }
  SECTION("fewer steps") { job.options.steps = 6; }
  CHECK_THROWS_AS(test::train_in(folder.path(), job), UsageError);
  CHECK_THROWS_WITH(test::train_in(folder.path(), job), Catch::Contains("tiny-00000008.safetensors"));
  job.options.steps = 9;
  CHECK_NOTHROW(test::train_in(folder.path(), job));
}

TEST_CASE("the newest checkpoint is that of the model and whole") {
  const test::TemporaryFolder folder;
  CHECK(!train::newest_checkpoint(folder.path(), "a"));
  std::filesystem::create_directories(folder.path() / "checkpoints");
  for (const auto& [model, step] :
       std::vector<std::pair<std::string, int>>{{"a", 5}, {"a", 40}, {"a", 300}, {"a-b", 900}})
    write_atomically(train::checkpoint_path(folder.path(), model, step), "");
  write_atomically(train::checkpoint_path(folder.path(), "a", 500).string() + ".77.part", "");
  CHECK(train::newest_checkpoint(folder.path(), "a") == train::checkpoint_path(folder.path(), "a", 300));
  CHECK(train::newest_checkpoint(folder.path(), "a-b") == train::checkpoint_path(folder.path(), "a-b", 900));
  CHECK(!train::newest_checkpoint(folder.path(), "b"));
}

TEST_CASE("a checkpoint that does not fit is refused by its name") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  auto job = test::tiny_job(options);
  test::train_in(path, job);
  job.configuration.hidden_size = 32;
  job.options.steps = 10;
  CHECK_THROWS_AS(test::train_in(path, job), InputError);
  CHECK_THROWS_WITH(test::train_in(path, job), Catch::Contains("tiny-00000008.safetensors"));
}

TEST_CASE("a checkpoint whose state is no number of steps, or of another file's, is refused by its name") {
  const test::TemporaryFolder folder;
  const auto job = test::tiny_job(options);
  test::train_in(folder.path(), job);
  const auto path = train::checkpoint_path(folder.path(), "tiny", options.steps);
  const auto good = checkpoint::read_safetensors(path);
  const std::string key = "dydit.training";
  REQUIRE(good.metadata.contains(key));
  for (const record::Json& change : std::vector<record::Json>{{{"steps", "8"}},
                                                              {{"steps", 9}},
                                                              {{"steps", -1}},
                                                              {{"steps", nullptr}},
                                                              {{"summed", "x"}},
                                                              {{"summed", -1}}}) {
    CAPTURE(change.dump());
    auto metadata = good.metadata;
    record::Json state = record::Json::parse(metadata.at(key));
    state.update(change);
    metadata[key] = state.dump();
    checkpoint::write_safetensors(path, good.tensors, metadata);
    CHECK_THROWS_AS(test::train_in(folder.path(), job), InputError);
    CHECK_THROWS_WITH(test::train_in(folder.path(), job), Catch::Contains(path.filename().string()));
  }
}

TEST_CASE(
    "a checkpoint with a changed byte in its header is refused by its name or resumed, and nothing else "
    "happens") {
  const test::TemporaryFolder folder;
  const auto job = test::tiny_job(options);
  test::train_in(folder.path(), job);
  const auto path = train::checkpoint_path(folder.path(), "tiny", options.steps);
  const std::string good = read_file(path);
  std::uint64_t header = 0;
  std::memcpy(&header, good.data(), sizeof header);
  Random random(1, Purpose::synthetic, 0);
  int refused = 0;
  constexpr int mutations = 100;
  for (int i = 0; i < mutations; ++i) {
    std::string changed = good;
    changed[random.below(sizeof header + header)] ^= static_cast<char>(1 + random.below(255));
    write_atomically(path, changed);
    try {
      test::train_in(folder.path(), job);
    } catch (const InputError& error) {
      CHECK_THAT(error.what(), Catch::Contains(path.string()));
      ++refused;
    }
  }
  CHECK((refused > 0 && refused < mutations));
}

TEST_CASE("a checkpoint with a value that is not finite is not gone on from") {
  const test::TemporaryFolder folder;
  const auto run = folder.path() / "run";
  const auto job = test::tiny_job(options);
  test::train_in(run, job);
  const auto path = train::checkpoint_path(run, "tiny", 8);
  const auto file = checkpoint::read_safetensors(path);
  for (const char* name :
       {"model.blocks.0.attn.qkv.bias", "ema.x_embedder.proj.weight", "opt.exp_avg_sq.final_layer.linear.weight"}) {
    CAPTURE(name);
    checkpoint::Tensors spoilt = file.tensors;
    const torch::Tensor value = model::to_torch(spoilt.at(name)).clone();
    value.view(-1)[1] = INFINITY;
    spoilt[name] = model::from_torch(value);
    checkpoint::write_safetensors(path, spoilt, file.metadata);
    const std::string named = std::string(name).substr(std::string(name).find('.') + 1);
    CHECK_THROWS_AS(test::train_in(run, job), InputError);
    CHECK_THROWS_WITH(test::train_in(run, job), Catch::Contains("not finite") &&
                                                    Catch::Contains(": " + path.string() + ": ") &&
                                                    Catch::Contains(named));
  }
}

TEST_CASE("weights that are not finite are not saved") {
  const test::TemporaryFolder folder;
  auto job = test::tiny_job(options);
  job.options.learning_rate = 1e30;
  job.options.warmup_steps = 0;
  job.options.decay = "none";
  job.options.record_every = 8;
  CHECK_THROWS_AS(test::train_in(folder.path() / "run", job), RunError);
  CHECK(!train::newest_checkpoint(folder.path() / "run", "tiny"));
}
