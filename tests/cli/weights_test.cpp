// SPDX-License-Identifier: Apache-2.0
// Which of a checkpoint's weights were taken: said by every command that loads one, and recorded.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "catch.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "golden_weights.h"
#include "record/run_directory.h"
#include "test_folder.h"
#include "tiny_runs.h"

using namespace dydit;
using Catch::Matchers::Contains;
using checkpoint::Weights;
using Json = nlohmann::ordered_json;

static const std::filesystem::path golden = dydit::test::test_folder() / "golden";

// The two sets of a training file under other names, and one that is not understood.
static void write_wrapped(const std::filesystem::path& path) {
  checkpoint::Tensors tensors;
  for (const auto& [name, tensor] : checkpoint::open_checkpoint(golden / "tiny_train.pt", Weights::model).tensors)
    tensors["model.module." + name] = tensors["average." + name] = tensor;
  for (const auto& [name, tensor] : checkpoint::open_checkpoint(golden / "tiny_train.pt", Weights::ema).tensors)
    tensors["model_ema._orig_mod." + name] = tensor;
  checkpoint::write_safetensors(path, tensors);
}

TEST_CASE("info and export say which weights were taken, and take them") {
  const test::TemporaryFolder folder;
  const auto wrapped = folder.path() / "wrapped.safetensors", output = folder.path() / "out.safetensors";
  write_wrapped(wrapped);
  const std::string ema =
                        "ema, prefix model_ema._orig_mod. removed; also there: model (model.module); "
                        "not understood: 'average'",
                    line = "dydit: weights of " + wrapped.string() + ": " + ema + "\n";
  const test::Arguments info{"info", "--checkpoint", wrapped, "--num-heads", "4"};
  const auto with = [&](test::Arguments arguments, const test::Arguments& more) {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_dydit(arguments);
  };
  const auto table = with(info, {}), json = with(info, {"--json"}), quiet = with(info, {"--quiet"});
  CHECK(table.err == line);
  CHECK_THAT(table.out, Contains("weights       " + ema));
  CHECK(json.err == line);
  CHECK(Json::parse(json.out)["weights"] == ema);
  CHECK(quiet.err.empty());
  CHECK(quiet.out == table.out);

  for (const char* which : {"ema", "model", "automatic"}) {
    CAPTURE(which);
    const auto exported =
        with({"export", "--checkpoint", wrapped, "--num-heads", "4", "--output", output}, {"--weights", which});
    REQUIRE(exported.code == 0);
    CHECK_THAT(exported.err,
               Contains(which == std::string("model") ? ": model, prefix model.module. removed" : ": ema"));
    const auto wanted = checkpoint::open_checkpoint(golden / "tiny_train.pt", checkpoint::weights_named(which)).tensors;
    for (const auto& [name, tensor] : checkpoint::read_safetensors(output).tensors)
      CHECK(std::ranges::equal(tensor.bytes, wanted.at(name).bytes));
  }
  const auto refused = with({"info", "--checkpoint", test::tiny_weights(), "--num-heads", "4"}, {"--weights", "ema"});
  CHECK((refused.code == 3 && test::is_one_error(refused.err)));
  CHECK_THAT(refused.err, Contains("it holds model (bare)"));
}

TEST_CASE("weights that do not fit are named with what else the file holds") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "t.safetensors";
  checkpoint::Tensors tensors;
  for (const auto& [name, tensor] : checkpoint::open_checkpoint(test::tiny_weights()).tensors) {
    tensors["model." + name] = tensor;
    if (name != "pos_embed") tensors["ema." + name] = tensor;
  }
  checkpoint::write_safetensors(path, tensors);
  const auto outcome = test::run_dydit({"info", "--checkpoint", path, "--num-heads", "4"});
  CHECK((outcome.code == 3 && test::is_one_error(outcome.err)));
  CHECK_THAT(outcome.err, Contains("[ema; also there: model]: it has no tensor pos_embed"));
  CHECK(test::run_dydit({"info", "--checkpoint", path, "--num-heads", "4", "--weights", "model"}).code == 0);
}

TEST_CASE("a training and a study record which weights they took") {
  const test::TemporaryFolder folder;
  const auto profile = test::study_profile(folder.path());
  const auto start = folder.path() / "trained" / "checkpoints" / "DiT-00000006.safetensors";
  const auto said = [](const std::filesystem::path& checkpoint) {
    return "dydit: weights of " + checkpoint.string() + ": ema; also there: model\n";
  };
  const auto recorded = [](const std::filesystem::path& run) {
    return record::read_run(run).manifest["models"].back()["weights"];
  };
  const auto trained = test::run_dydit({"train", "--checkpoint", start, "--data", "synthetic:40", "--size", "8",
                                        "--steps", "1", "--batch", "8", "--threads", "1", "--held-out-images", "10",
                                        "--device", "cpu", "--out", folder.path() / "more"});
  CAPTURE(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.err == said(start) + "dydit: process: epsilon diffusion, linear schedule\n");
  CHECK(recorded(folder.path() / "more") == "ema; also there: model");
  const auto studied = test::run_dydit(
      {"study", "loss-map", profile, "--device", "cpu", "--threads", "1", "--out", folder.path() / "study"});
  CAPTURE(studied.err);
  REQUIRE(studied.code == 0);
  CHECK_THAT(studied.err, Contains(said(start)));
  CHECK(recorded(folder.path() / "study") == "ema; also there: model");
}
