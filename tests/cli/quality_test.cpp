// SPDX-License-Identifier: Apache-2.0
// dydit quality: what a user sees of it. The numbers are those of tests/quality.
#include <torch/torch.h>

#include "base/json.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "golden.h"
#include "inception_weights.h"
#include "model/tensors.h"
#include "probe.h"
#include "process.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::run_dydit;

namespace {

// The published case's two sets, as users write them.
struct Sets {
  Sets() {
    const test::Golden golden("metrics");
    checkpoint::write_safetensors(real(), {{"features", golden.tensors.at("ref")}});
    checkpoint::write_safetensors(generated(),
                                  {{"features", golden.tensors.at("sample")}, {"logits", golden.tensors.at("logits")}});
  }
  std::string real() const { return folder.path() / "real.safetensors"; }
  std::string generated() const { return folder.path() / "generated.safetensors"; }
  test::TemporaryFolder folder;
};

}  // namespace

TEST_CASE("quality prints what both sets allow, as JSON under the names of the contract") {
  const Sets sets;
  const auto all = run_dydit({"quality", sets.real(), sets.generated(), "--json", "--quiet", "--resamples", "20"});
  REQUIRE(all.code == 0);
  const Json json = Json::parse(all.out);
  for (const char* name : {"frechet", "kernel", "inception_score", "precision", "recall"}) {
    CAPTURE(name);
    CHECK(json.at(name).is_number());
    CHECK(json.at("ci95").contains(name) == (std::string(name) == "frechet" || std::string(name) == "inception_score"));
  }
  CHECK_FALSE(json.contains("frechet_spatial"));
  CHECK(json["recall"] == 0.845);
  CHECK(all.err.empty());
  const auto words = run_dydit({"quality", sets.real(), sets.generated()});
  CHECK_THAT(words.out, Contains("recall                  0.845"));
  CHECK_THAT(words.err, Contains("frechet_spatial: there are no spatial features"));
  // The other way round precision and recall change places.
  const auto turned =
      run_dydit({"quality", sets.generated(), sets.real(), "--json", "--quiet", "--metric", "precision"});
  CHECK(Json::parse(turned.out) == Json{{"precision", 0.845}});
}

TEST_CASE("quality refuses what it cannot judge in one line") {
  const Sets sets;
  const auto refused = [&](const test::Arguments& arguments, int code, const char* why) {
    const auto outcome = run_dydit(arguments);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(why));
  };
  refused({"quality", sets.real()}, 2, "B is required");
  refused({"quality", sets.real(), sets.generated(), "--metric", "fid"}, 2, "fid");
  refused({"quality", sets.real(), sets.generated(), "--metric", "frechet_spatial"}, 2, "no spatial features");
  refused({"quality", sets.real(), sets.generated(), "--neighbours", "200", "--metric", "recall"}, 2,
          "fewer than 201 images");
  refused({"quality", sets.real(), sets.generated(), "--splits", "201", "--metric", "inception_score"}, 2, "--splits");
  refused({"quality", sets.real(), "missing.safetensors"}, 3, "missing.safetensors");
  refused({"quality", sets.real(), "picture.png"}, 3, "not a set of features");
}

TEST_CASE("probe features writes what the published network sees") {
  const test::Golden golden("inception_fid");
  const test::TemporaryFolder folder;
  const std::string weights = folder.path() / "inception.safetensors";
  checkpoint::write_safetensors(weights, test::inception_weights());
  const torch::Tensor j = torch::arange(2 * 3 * 299 * 299, torch::kFloat64);
  const torch::Tensor images =
      (0.5 + 0.5 * torch::sin(0.37 * j + 0.5 + 1e-6 * j * j)).to(torch::kFloat32).view({2, 3, 299, 299});
  const auto seen = test::run_probe("features", {{"image", images}}, {"--checkpoint", weights});
  INFO(seen.outcome.err);
  REQUIRE(seen.written.size() == 3);
  CHECK(test::rel_l2(seen.written.at("features"), golden["pool3"]) <= 1e-5);
  // A judge takes what was written.
  const std::string set = folder.path() / "set.safetensors";
  checkpoint::Tensors tensors;
  for (const auto& [name, tensor] : seen.written) tensors[name] = model::from_torch(tensor.contiguous());
  checkpoint::write_safetensors(set, tensors);
  const auto judged = run_dydit({"quality", set, set, "--metric", "frechet_spatial", "--json", "--quiet"});
  CHECK(Json::parse(judged.out)["frechet_spatial"].get<double>() == Approx(0).margin(1e-6));
  const auto refused = test::run_probe("features", {{"image", images}}, {"--checkpoint", set}).outcome;
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, Contains("not the inception network"));
}
