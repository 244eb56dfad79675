// SPDX-License-Identifier: Apache-2.0
// Checkpoints: hostile ones are refused, others described and exported.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/random.h"
#include "catch.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "dynamic_weights.h"
#include "process.h"
#include "test_folder.h"

using namespace dydit;
using test::is_one_error;
using Json = nlohmann::ordered_json;

static const std::filesystem::path golden = dydit::test::test_folder() / "golden";

TEST_CASE("every hostile file is refused, and nothing is left behind") {
  const test::TemporaryFolder folder;
  const auto index = nlohmann::json::parse(read_file(golden / "hostile" / "index.json"));
  REQUIRE(index.size() == 32);
  for (const auto& [name, reason] : index.items()) {
    CAPTURE(name);
    const std::string file = golden / "hostile" / name;
    test::Process info({"info", "--checkpoint", file}, folder.path());
    test::Process exporting({"export", "--checkpoint", file, "--output", "out.safetensors"}, folder.path());
    for (test::Process* process : {&info, &exporting}) {
      const auto outcome = process->wait();
      CHECK(outcome.code == 3);
      CHECK(is_one_error(outcome.err));
      CHECK(outcome.err.find(name) != std::string::npos);
      CHECK(outcome.out.empty());
    }
    REQUIRE(folder.entries() == 0);
  }
}

TEST_CASE("info --json has the keys of the contract") {
  for (const test::Arguments& what : {test::Arguments{"--model", "DiT-S/2"},
                                      test::Arguments{"--checkpoint", golden / "tiny_train.pt", "--num-heads", "4"}}) {
    test::Arguments arguments{"info", "--json"};
    arguments.insert(arguments.end(), what.begin(), what.end());
    const auto outcome = test::run_dydit(arguments);
    REQUIRE(outcome.code == 0);
    const Json info = Json::parse(outcome.out);
    CHECK(info["parameters"] > info["parameters_trainable"]);
    double total = 0;
    for (const char* part : {"patch", "conditioning", "adaln", "attention", "mlp", "final"})
      total += info["gmacs"].at(part).get<double>();
    CHECK(info["gmacs"].at("routers") == 0.0);
    CHECK(info["gmacs"].at("total").get<double>() == Approx(total));
    CHECK(info["gmacs"].size() == 8);
    // Every weight once, but the label table of which a row is enough, and activations beside them.
    CHECK(info["gbytes"]["total"].get<double>() > 0.9 * 4e-9 * info["parameters"].get<double>());
    CHECK(info["gbytes"].size() == 9);
  }
  const Json published = Json::parse(test::run_dydit({"info", "--json", "--model", "DiT-S/2"}).out);
  CHECK(published["parameters"] == 32963360);
  CHECK(published["gmacs"]["total"].get<double>() == Approx(6.055673856).epsilon(1e-12));
}

TEST_CASE("info on data tells what routers decide") {
  const test::DynamicWeights weights;
  const test::TemporaryFolder folder;
  const std::string latents = folder.path() / "latents.safetensors";
  std::vector<float> values(5 * 4 * 8 * 8);
  Random(1, Purpose::synthetic, 0).fill_normal(values);
  const std::vector<std::int64_t> labels{0, 3, 9, 4, 4};
  checkpoint::write_safetensors(latents,
                                {{"latent", checkpoint::Tensor::of<float>(values, {5, 4, 8, 8})},
                                 {"label", checkpoint::Tensor::of<std::int64_t>(labels, {5})}},
                                {{"classes", "10"}});
  const auto info = [&](const std::string& file, const std::string& data, const test::Arguments& more = {}) {
    test::Arguments arguments{"info", "--checkpoint", golden / file, "--data", data, "--device", "cpu"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run_dydit(arguments);
  };
  const auto outcome = info(weights.file(), latents, {"--json", "--timesteps", "3"});
  REQUIRE(outcome.code == 0);
  const Json whole = Json::parse(outcome.out), decided = whole["decided"];
  CHECK((decided["images"] == 5 && decided["timesteps"] == 3));
  for (const char* unit : {"heads", "channels", "tokens"})
    CHECK((decided["share_on"][unit] > 0 && decided["share_on"][unit] < 1));
  CHECK((decided["lambda_realised"] > 0 && decided["lambda_realised"] < 1));
  CHECK(decided["rho"] > decided["rho_without_routers"]);
  CHECK(decided["rho_without_routers"] > decided["lambda_realised"]);
  CHECK(decided["gmacs"]["total"].get<double>() / whole["gmacs"]["total"].get<double>() ==
        Approx(decided["rho_without_routers"].get<double>()));
  CHECK(decided["gbytes"]["mlp"] < whole["gbytes"]["mlp"]);
  CHECK(info(weights.file(), latents).out.find("lambda_realised") != std::string::npos);

  const auto refused = [&](const std::string& file, const std::string& data, int code, const char* named) {
    const auto answer = info(file, data);
    CAPTURE(answer.err);
    CHECK((answer.code == code && is_one_error(answer.err) && answer.out.empty()));
    CHECK(answer.err.find(named) != std::string::npos);
  };
  refused(weights.file(), "synthetic:9", 2, "samples are 3x8x8, the model takes 4x8x8");
  refused(weights.file(), "gone.zip", 3, "gone.zip");
  refused("diffusers/pipeline", latents, 2, "no routers");
}

TEST_CASE("a target tells the MACs of a DyDiT, and is labelled as one") {
  const auto outcome = test::run_dydit({"info", "--model", "DyDiT-XL/2", "--lambda", "0.5", "--json"});
  REQUIRE(outcome.code == 0);
  const Json all = Json::parse(outcome.out), macs = all["gmacs"], target = all["target"];
  const double half = macs["total"].get<double>() - 0.5 * (macs["attention"].get<double>() + macs["mlp"].get<double>());
  CHECK(target["gmacs"].get<double>() == Approx(half));
  CHECK(target["gmacs_with_routers"].get<double>() == Approx(half + macs["routers"].get<double>()));
  CHECK(target["theoretical_speedup"].get<double>() ==
        Approx(macs["total"].get<double>() / (half + macs["routers"].get<double>())));
  const auto text = test::run_dydit({"info", "--model", "DyDiT-XL/2", "--lambda", "0.5"});
  CHECK((text.out.find("target 0.5") != std::string::npos && text.out.find("no masks") != std::string::npos));
  CHECK(test::run_dydit({"info", "--model", "DiT-XL/2", "--lambda", "0.5"}).code == 2);
  CHECK(test::run_dydit({"info", "--all", "--lambda", "0.5"}).code == 2);
}

TEST_CASE("an exported checkpoint holds the weights that were asked for") {
  const test::TemporaryFolder folder;
  const auto output = folder.path() / "out.safetensors", again = folder.path() / "again.safetensors";
  const auto export_to = [&](const std::string& from, const std::filesystem::path& to, const char* which) {
    return test::run_dydit({"export", "--checkpoint", from, "--weights", which, "--num-heads", "4", "--output", to});
  };
  for (const char* which : {"ema", "model"}) {
    REQUIRE(export_to(golden / "tiny_train.pt", output, which).code == 0);
    const auto wanted = checkpoint::open_checkpoint(golden / "tiny_train.pt", checkpoint::weights_named(which)).tensors;
    const auto written = checkpoint::read_safetensors(output).tensors;
    for (const auto& [name, tensor] : wanted) {
      CAPTURE(name);
      if (name == "pos_embed") continue;  // fixed, not a parameter
      REQUIRE(written.contains(name));
      CHECK(std::ranges::equal(written.at(name).bytes, tensor.bytes));
    }
    // What was exported carries its configuration, and exports to itself.
    REQUIRE(test::run_dydit({"export", "--checkpoint", output, "--output", again}).code == 0);
    CHECK((read_file(again) == read_file(output)));
  }
  CHECK(export_to(test::tiny_weights(), output, "ema").code == 3);
  CHECK(folder.entries() == 2);
}

TEST_CASE("a folder of diffusers is described, and exported under the official names") {
  const test::TemporaryFolder folder;
  const auto output = folder.path() / "out.safetensors";
  const std::string pipeline = golden / "diffusers" / "pipeline" / "";
  const auto outcome = test::run_dydit({"info", "--json", "--checkpoint", pipeline});
  REQUIRE(outcome.code == 0);
  const Json configuration = Json::parse(outcome.out)["configuration"];
  CHECK((configuration["depth"] == 2 && configuration["num_heads"] == 2 && configuration["input_size"] == 4));
  REQUIRE(test::run_dydit({"export", "--checkpoint", pipeline, "--output", output}).code == 0);
  const auto official = checkpoint::read_safetensors(golden / "diffusers" / "official.safetensors").tensors;
  const auto written = checkpoint::read_safetensors(output).tensors;
  CHECK(written.size() == official.size());
  for (const auto& [name, tensor] : official) {
    CAPTURE(name);
    REQUIRE(written.contains(name));
    CHECK(std::ranges::equal(written.at(name).bytes, tensor.bytes));
  }
  const auto refused = test::run_dydit({"info", "--checkpoint", golden});
  CHECK((refused.code == 3 && is_one_error(refused.err)));
}
