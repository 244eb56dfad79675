// SPDX-License-Identifier: Apache-2.0
#include "quality/judge.h"

#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "data/data_files.h"
#include "model/tensors.h"
#include "temporary_folder.h"

using namespace dydit;
using namespace dydit::quality;
using Catch::Matchers::Contains;
using dydit::test::TemporaryFolder;
using torch::Tensor;

namespace {

Tensor normal(at::IntArrayRef sizes, std::uint64_t seed) {
  torch::manual_seed(seed);
  return torch::randn(sizes);
}

Set set_of(const char* name, const Tensor& features) { return {.where = name, .features = features}; }

const Judged* found(const Judgement& judgement, Metric metric) {
  const auto at = std::ranges::find(judgement.values, metric, &Judged::metric);
  return at == judgement.values.end() ? nullptr : &*at;
}

std::filesystem::path written(const TemporaryFolder& place, const char* name,
                              const std::vector<std::pair<std::string, Tensor>>& tensors) {
  checkpoint::Tensors all;
  for (const auto& [of, tensor] : tensors) all[of] = model::from_torch(tensor);
  checkpoint::write_safetensors(place.path() / name, all);
  return place.path() / name;
}

Set moments_of(const Tensor& features) {
  Moments moments(features.size(1));
  moments.add(features);
  return {.where = "moments", .gaussian = moments.gaussian()};
}

Judgement judge(const Set& reference, const Set& generated, const JudgeOptions& options) {
  return Judge(reference, options).judge(generated);
}

}  // namespace

TEST_CASE("what is possible is judged, what is not is said, and is an error where it was asked for") {
  Set real = set_of("real", normal({200, 6}, 1)), generated = set_of("generated", normal({150, 6}, 2));
  const Judgement all = judge(real, generated, {});
  for (const Metric metric : {Metric::frechet, Metric::kernel, Metric::precision, Metric::recall})
    CHECK(found(all, metric) != nullptr);
  CHECK(found(all, Metric::inception_score) == nullptr);
  REQUIRE(all.notes.size() == 2);
  CHECK_THAT(all.notes[0], Contains("frechet_spatial: there are no spatial features: real"));
  CHECK_THAT(all.notes[1], Contains("inception_score: there are no logits: generated"));
  CHECK_THROWS_WITH(judge(real, generated, {.metrics = {Metric::inception_score}}), Contains("there are no logits"));
  const Judgement one = judge(real, generated, {.metrics = {Metric::frechet}});
  CHECK(one.values.size() == 1);
  CHECK(one.notes.empty());
  CHECK(found(one, Metric::frechet)->value == found(all, Metric::frechet)->value);
  const Set kept = moments_of(real.features);
  CHECK(found(judge(kept, generated, {}), Metric::frechet)->value == found(all, Metric::frechet)->value);
  CHECK(found(judge(kept, generated, {}), Metric::precision) == nullptr);
}

TEST_CASE("intervals are about the value, the same for one seed, and narrower for more images") {
  const auto width = [](std::int64_t n, std::uint64_t seed) {
    const auto judged = judge(set_of("a", normal({n, 4}, 3)), set_of("b", normal({n, 4}, 4) + 1),
                              {.metrics = {Metric::frechet, Metric::precision}, .resamples = 60, .seed = seed});
    CHECK_FALSE(found(judged, Metric::precision)->ci95);
    const Judged& one = *found(judged, Metric::frechet);
    REQUIRE(one.ci95);
    CHECK(one.ci95->first < one.value);
    CHECK(one.value < one.ci95->second);
    return judged.values[0].ci95->second - judged.values[0].ci95->first;
  };
  CHECK(width(200, 0) == width(200, 0));
  CHECK(width(200, 0) != width(200, 1));
  CHECK(width(3200, 0) < 0.5 * width(200, 0));  // a quarter is to be expected
}

TEST_CASE("the interval of a Frechet distance holds what many images have, in nineteen of twenty cases") {
  // Between N(0, 1) and N(1, 1) in four dimensions the distance is 4; of few images it is larger by its bias.
  int holds = 0;
  constexpr int trials = 60;
  for (int i = 0; i < trials; ++i) {
    const std::uint64_t seed = 100 + 2 * static_cast<std::uint64_t>(i);
    const auto judged = judge(set_of("a", normal({2000, 4}, seed)), set_of("b", normal({2000, 4}, seed + 1) + 1),
                              {.metrics = {Metric::frechet}, .resamples = 40});
    const auto [low, high] = *judged.values[0].ci95;
    holds += low <= 4.01 && 4.01 <= high;
  }
  CHECK(holds >= 50);
}

TEST_CASE("sets after the first are judged as the first is") {
  const Set real = set_of("real", normal({300, 6}, 20));
  const JudgeOptions options{.subsets = 3, .subset_size = 100, .resamples = 20};
  Judge many(real, options);
  for (const std::uint64_t seed : {21, 22, 21}) {
    const Set generated = set_of("generated", normal({static_cast<std::int64_t>(100 * seed - 1900), 6}, seed));
    const Judgement after = many.judge(generated), alone = judge(real, generated, options);
    REQUIRE(after.values.size() == 4);
    CHECK(after.kernel_deviation == alone.kernel_deviation);
    for (std::size_t i = 0; i < after.values.size(); ++i) {
      CHECK(after.values[i].value == alone.values[i].value);
      CHECK(after.values[i].resampled == alone.values[i].resampled);
    }
  }
}

TEST_CASE("the distance of unlimited images has less of the bias of few") {
  const Tensor real = normal({20000, 16}, 5), generated = normal({400, 16}, 6);
  const Judgement judged =
      judge(set_of("a", real), set_of("b", generated), {.metrics = {Metric::frechet}, .extrapolate = true});
  const double few = judged.values[0].value;  // of two sets from one distribution, whose distance is 0
  CHECK(few > 0.2);
  REQUIRE(judged.frechet_unlimited);
  CHECK(std::abs(*judged.frechet_unlimited) < 0.3 * few);
  CHECK_THROWS_WITH(judge(set_of("a", real), set_of("b", generated.narrow(0, 0, 60)), {.extrapolate = true}),
                    Contains("give 64 images at least"));
}

TEST_CASE("sets of other sizes, and of too few images, are refused or said") {
  const Set a = set_of("a", normal({50, 6}, 11));
  for (const Metric metric : {Metric::frechet, Metric::kernel, Metric::precision})
    CHECK_THROWS_WITH(judge(a, set_of("b", normal({50, 5}, 12)), {.metrics = {metric}}),
                      Contains("features of different sizes, 6 and 5: a and b"));
  const Judgement few = judge(a, set_of("b", normal({3, 6}, 13)), {});
  CHECK(found(few, Metric::frechet) != nullptr);
  CHECK(found(few, Metric::precision) == nullptr);
  CHECK(std::ranges::count_if(few.notes, [](const std::string& note) {
          return note.find("fewer than 4 images: b") != std::string::npos;
        }) == 2);
}

TEST_CASE("without images there is nothing to resample, which is said") {
  Set a = moments_of(normal({50, 3}, 14)), b = moments_of(normal({50, 3}, 15));
  a.where = "a", b.where = "b";
  const Judgement judged = judge(a, b, {.metrics = {Metric::frechet}, .resamples = 20});
  CHECK_FALSE(judged.values[0].ci95);
  REQUIRE(judged.notes.size() == 2);
  CHECK_THAT(judged.notes[0], Contains("no images were resampled, there are none: a"));
}

TEST_CASE("moments are read as the ADM evaluator writes them, and refused where they are none") {
  const TemporaryFolder place;
  const auto path = place.path() / "m.npz";
  const auto npy = [](const std::string& shape, const std::vector<double>& values) {
    return test::npy<double>("<f8", shape, values);
  };
  const auto write = [&](const std::string& mu, const std::string& sigma) {
    test::write_zip(path, {{"mu.npy", mu}, {"sigma.npy", sigma}});
  };
  const std::string mu = npy("(2,)", {1, 2}), sigma = npy("(2, 2)", {2, 1, 1, 3});
  write(mu, sigma);
  const Set set = read_set(path);
  REQUIRE(set.gaussian);
  CHECK(set.gaussian->mean[1].item<double>() == 2);
  CHECK(set.gaussian->covariance[1][1].item<double>() == 3);
  CHECK_FALSE(set.spatial_gaussian);
  const auto refused = [&](const std::string& of_mu, const std::string& of_sigma, const char* why) {
    write(of_mu, of_sigma);
    CHECK_THROWS_WITH(read_set(path), Contains("m.npz") && Contains(why));
  };
  refused(npy("()", {1}), sigma, "give floating numbers, mu (d) and sigma (d, d)");
  refused(npy("(3,)", {1, 2, 3}), sigma, "do not fit");
  refused(mu, npy("(2, 2)", {2, 1, 0, 3}), "not symmetric");
  refused(mu, npy("(2, 2)", {-1, 0, 0, -1}), "an eigenvalue below 0");
  refused(mu, npy("(2, 2)", {1e200, 0, 0, 1e200}), "too large");
  refused(mu, npy("(2, 2)", {NAN, 0, 0, 1}), "sigma, row 0");
}

TEST_CASE("sets are read, and refused with what is wrong with them") {
  const TemporaryFolder place;
  const Tensor features = normal({5, 3}, 7);
  const Set set = read_set(
      written(place, "a.safetensors", {{"features", features.to(torch::kFloat64)}, {"logits", normal({5, 2}, 8)}}));
  CHECK(torch::equal(set.features, features));
  CHECK(set.logits.sizes() == at::IntArrayRef({5, 2}));
  CHECK_FALSE(set.spatial.defined());
  const auto refused = [&](const std::vector<std::pair<std::string, Tensor>>& tensors, const char* why) {
    CHECK_THROWS_WITH(read_set(written(place, "b.safetensors", tensors)), Contains(why));
  };
  refused({{"other", features}}, "features");
  refused({{"features", features[0]}}, "one row of numbers for each image");
  refused({{"features", features.to(torch::kInt64)}}, "one row of numbers for each image");
  refused({{"features", features}, {"logits", normal({4, 2}, 9)}}, "5 images have features, 4 others");
  Tensor broken = features.clone();
  broken[3][1] = INFINITY;
  refused({{"features", broken}}, "features, row 3");
  refused({{"features", torch::full({2, 2}, 1e300, torch::kFloat64)}}, "too large");
  refused({{"features", normal({1, 16385}, 10)}}, "too many features");
  CHECK_THROWS_AS(read_set(place.path() / "c.png"), InputError);
  CHECK_THROWS_AS(read_set(place.path() / "missing.npz"), InputError);
}
