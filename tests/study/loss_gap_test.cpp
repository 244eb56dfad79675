// SPDX-License-Identifier: Apache-2.0

#include "catch.h"
#include "support.h"

using namespace dydit;

namespace {

const std::vector<double> timesteps{0, 20, 400, 980};

// mse (N,K) of model b on 23 images, as its study was cut up.
struct Judged {
  torch::Tensor index, mse, vb;
};

Judged judge(const study::Setting& setting, std::vector<study::Model> models) {
  test::StudyRun run;
  test::run_study("loss-gap", models, test::synthetic(23), setting, &run.run);
  return {run.gathered("b", "index"), run.gathered("b", "mse"), run.gathered("b", "vb")};
}

}  // namespace

TEST_CASE("per-image losses depend on no chunks, threads or other models") {
  const auto b = test::tiny_model("b", 2);
  const Judged whole = judge(test::setting(timesteps, 23), {b});
  CHECK(torch::equal(whole.index, torch::arange(23)));
  CHECK(whole.mse.sizes() == torch::IntArrayRef{23, 4});
  CHECK(whole.mse.min().item<float>() > 0.1);
  for (const std::int64_t chunk : {1, 5, 22}) {
    CAPTURE(chunk);
    const Judged part = judge(test::setting(timesteps, chunk), {b});
    CHECK(torch::equal(part.index, whole.index));
    // Matrix products of another shape round differently; what follows is a mean of 192 squares.
    const double epsilon = std::numeric_limits<float>::epsilon();
    CHECK(test::distance(part.mse, whole.mse) <= 16 * epsilon * whole.mse.max().item<double>());
    CHECK(test::distance(part.vb, whole.vb) <= 256 * epsilon * whole.vb.abs().max().item<double>());
  }
  auto setting = test::setting(timesteps, 5);
  const Judged alone = judge(setting, {b});
  setting.threads = 4;
  const Judged threaded = judge(setting, {b});
  const Judged among = judge(setting, {test::tiny_model("a", 1), b, test::tiny_model("c", 3)});
  for (const Judged* other : {&threaded, &among}) {
    CHECK(torch::equal(other->mse, alone.mse));
    CHECK(torch::equal(other->vb, alone.vb));
  }
}

TEST_CASE("a model added later sees the noise that the first saw") {
  test::StudyRun one, later;
  std::vector<study::Model> a{test::tiny_model("a", 1)}, both{a[0], test::tiny_model("b", 1)};
  const auto setting = test::setting(timesteps, 10);
  test::run_study("loss-gap", a, test::synthetic(23), setting, &later.run);
  test::run_study("loss-gap", both, test::synthetic(23), setting, &later.run);
  CHECK(later.records("a").size() == 3);
  // The same weights under another name: the gap is zero, not nearly.
  CHECK(torch::equal(later.gathered("a", "mse"), later.gathered("b", "mse")));
  CHECK(torch::equal(later.gathered("a", "vb"), later.gathered("b", "vb")));
  test::run_study("loss-gap", both, test::synthetic(23), setting, &one.run);
  CHECK(torch::equal(one.gathered("b", "mse"), later.gathered("b", "mse")));
}

TEST_CASE("a model that predicts nothing has the noise's variance as its error") {
  test::StudyRun run;
  std::vector<study::Model> models{test::tiny_model("zero")};
  std::vector<double> many;
  for (double t = 0; t < 1000; t += 50) many.push_back(t);
  test::run_study("loss-gap", models, test::synthetic(200), test::setting(many, 100), &run.run);
  const auto mse = run.gathered("zero", "mse").to(torch::kFloat64);
  REQUIRE(mse.numel() == 4000);
  // A mean of 192 squares of normals has variance 2/192; five standard deviations of what is estimated
  // from 4000 of them. Noise that two cells shared would narrow the variance between cells.
  const double variance = 2.0 / 192;
  CHECK(mse.mean().item<double>() == Approx(1).margin(5 * std::sqrt(variance / 4000)));
  CHECK(mse.var().item<double>() == Approx(variance).margin(5 * variance * std::sqrt(2.0 / 4000)));
  CHECK(mse.mean(0).var().item<double>() == Approx(variance / 200).margin(1.6 * variance / 200));
  CHECK(mse.mean(1).var().item<double>() == Approx(variance / 20).margin(0.5 * variance / 20));
}

TEST_CASE("another seed draws other noise") {
  std::vector<study::Model> models{test::tiny_model("b", 2)};
  auto setting = test::setting(timesteps, 23);
  const Judged first = judge(setting, models);
  setting.seed = 1;
  CHECK((judge(setting, models).mse != first.mse).all().item<bool>());
}
