// SPDX-License-Identifier: Apache-2.0
// What a cached engine computes, and what it leaves out.
#include "cache/cached.h"

#include <fmt/format.h>

#include "base/error.h"
#include "catch.h"
#include "cost/cost.h"
#include "diffusion/process.h"
#include "diffusion/sampling.h"
#include "dit/engines.h"
#include "dit/support.h"
#include "golden.h"
#include "golden_weights.h"

using namespace dydit;
using model::BlockPart;
using test::Golden;
using torch::Tensor;

namespace {

dit::DiT model_of(const Golden& golden, bool dynamic = false) {
  dit::Configuration configuration = golden.configuration();
  configuration.dynamic = dynamic;
  dit::DiT dit(configuration);
  test::fill_dydit(*dit, golden.entry.at("config").at("hash_seed"));
  dit->eval();
  return dit;
}

struct Trajectory {
  Tensor sample;
  std::vector<bool> full;
  std::vector<engine::Outcome> passes;
  std::size_t bytes = 0;
};

struct Setting {
  std::string engine = "dense", cache = "none";
  diffusion::SamplingSpec sampling = {.sampler = "ddim", .steps = 8, .cfg_scale = 1.5};
};

// x (N,C,H,W) and labels y (N) along a trajectory, as `dydit probe sample` runs it.
Trajectory trajectory(const dit::DiT& dit, const Tensor& x, const Tensor& y, const Setting& setting,
                      const Tensor& noise = {}) {
  torch::InferenceMode inference;
  std::shared_ptr<engine::Engine> engine = test::engine_named(setting.engine, dit);
  std::shared_ptr<cache::Cached> cached;
  if (const auto spec = cache::cache_named(setting.cache, "cache"))
    engine = cached = cache::cached(engine, *spec, dit->architecture);
  const auto sampler = diffusion::sampler_of(setting.sampling, {}, dit->architecture.learns_sigma);
  engine->begin(std::ssize(sampler->times()));
  const Tensor both = torch::cat({y, torch::full_like(y, dit->architecture.classes)});
  Trajectory made;
  const auto model = diffusion::guided(setting.sampling.guidance(), [&](const Tensor& at, double time, bool halves) {
    const Tensor t = torch::full({at.size(0)}, static_cast<std::int64_t>(time));
    made.passes.push_back(engine->forward({at, t, halves ? both : y}));
    return made.passes.back().output;
  });
  made.sample = sampler->sample(x, {.model = model, .noise = [&](std::int64_t step) { return noise[step]; }});
  if (cached) {
    made.full = cached->full();
    made.bytes = cached->cache_bytes();
  }
  return made;
}

std::vector<std::int64_t> numbers(const std::vector<bool>& flags) {
  std::vector<std::int64_t> on;
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i]) on.push_back(static_cast<std::int64_t>(i));
  return on;
}

// Parts of blocks that ran in a pass.
double ran(const engine::Outcome& pass, BlockPart part) {
  double sum = 0;
  for (const double block : pass.ran.at(static_cast<std::size_t>(part))) sum += block;
  return sum;
}

const char* const every[] = {"fora:1", "taylorseer:1,2", "deepcache:1,1..1", "firstblock:0", "teacache:0"};

}  // namespace

TEST_CASE("trajectories end where the official caches' do") {
  const Golden golden("cache_taylor");
  const dit::DiT dit = model_of(golden);
  test::check_weights(*dit, golden.entry.at("config").at("weight_check"));
  const auto& tolerance = golden.entry.at("tolerance");
  const auto run = [&](const std::string& cache, const std::string& final, bool clip) {
    const Setting setting{.cache = cache,
                          .sampling = {.sampler = "ddim", .steps = 20, .clip_denoised = clip, .cfg_scale = 1.5}};
    const auto made = trajectory(dit, golden["z"], golden["y"], setting);
    INFO(cache << " " << final);
    CHECK(test::rel_l2(made.sample, golden[final]) <= tolerance.at("fp32_rel_l2"));
    return made;
  };
  run("none", "final.uncached", true);
  run("taylorseer:3,2", "final.iv3.o2.noclip", false);
  for (const char* interval : {"3", "4"})
    for (const char* order : {"0", "1", "2", "4"}) {
      const auto made =
          run(fmt::format("taylorseer:{},{}", interval, order), fmt::format("final.iv{}.o{}", interval, order), true);
      CHECK(numbers(made.full) == golden.entry.at("config")
                                      .at("full_steps")
                                      .at(fmt::format("iv{}", interval))
                                      .get<std::vector<std::int64_t>>());
    }

  const Golden fora("cache_fora");
  for (const char* interval : {"3", "5"}) {
    const Setting setting{.cache = fmt::format("fora:{}", interval),
                          .sampling = {.sampler = "ddpm", .steps = 12, .clip_denoised = true, .cfg_scale = 1.5}};
    const Tensor noise = torch::cat({fora["noises"], torch::zeros_like(fora["noises"].narrow(0, 0, 1))});
    const auto made = trajectory(dit, fora["z"], fora["y"], setting, noise);
    CHECK(test::rel_l2(made.sample, fora[fmt::format("final.iv{}", interval)]) <=
          fora.entry.at("tolerance").at("fp32_rel_l2"));
    CHECK(numbers(made.full) ==
          fora.entry.at("config").at("full_steps").at(fmt::format("iv{}", interval)).get<std::vector<std::int64_t>>());
  }
}

TEST_CASE("a cache whose passes are all full is no cache, bit for bit") {
  const Golden golden("cache_taylor");
  for (const auto& [engine, dynamic] :
       {std::pair{"dense", false}, {"dense", true}, {"masked", true}, {"compact", true}}) {
    const dit::DiT dit = model_of(golden, dynamic);
    const auto plain = trajectory(dit, golden["z"], golden["y"], {.engine = engine});
    for (const char* name : every) {
      INFO(engine << " " << name);
      const auto made = trajectory(dit, golden["z"], golden["y"], {.engine = engine, .cache = name});
      CHECK(made.sample.equal(plain.sample));
      CHECK(numbers(made.full).size() == 8);
      for (std::size_t pass = 0; pass < 8; ++pass) {
        CHECK(ran(made.passes[pass], BlockPart::mlp) == 3);
        for (std::size_t axis = 0; axis < plain.passes[pass].masks.size(); ++axis)
          CHECK(made.passes[pass].masks[axis].equal(plain.passes[pass].masks[axis]));
      }
    }
  }
}

TEST_CASE("cached blocks do not run, and their MACs are not counted") {
  const Golden golden("cache_taylor");
  const dit::DiT dit = model_of(golden);
  const auto macs = [&](const engine::Outcome& pass) {
    return cost::macs_of(dit->architecture.parts({.on = {}, .both = {}, .ran = pass.ran}));
  };
  const double whole = cost::macs_of(dit->architecture);
  const double d = 64, t = 16, block = t * (4 * d * d + 2 * t * d + 8 * d * d), adaln = 6 * d * d;
  const auto parts = trajectory(dit, golden["z"], golden["y"], {.cache = "fora:4"});  // full: 0, 3, 7
  CHECK(numbers(parts.full) == std::vector<std::int64_t>{0, 3, 7});
  for (std::size_t pass = 0; pass < 8; ++pass) {
    CHECK(ran(parts.passes[pass], BlockPart::attention) == (parts.full[pass] ? 3 : 0));
    CHECK(ran(parts.passes[pass], BlockPart::mlp) == (parts.full[pass] ? 3 : 0));
    CHECK(ran(parts.passes[pass], BlockPart::adaln) == 3);  // their gates are this time's
    CHECK(macs(parts.passes[pass]) == (parts.full[pass] ? whole : whole - 3 * block));
  }
  CHECK(parts.bytes == 2 * 3 * 4 * 16 * 64 * sizeof(float));  // two outputs of three blocks, of four images
  const auto blocks = trajectory(dit, golden["z"], golden["y"], {.cache = "deepcache:2,1..2"});
  for (std::size_t pass = 0; pass < 8; ++pass) {
    CHECK(blocks.full[pass] == (pass % 2 == 0));
    CHECK(blocks.passes[pass].ran == (blocks.full[pass]
                                          ? model::BlockRuns{{1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}}
                                          : model::BlockRuns{{1, 0, 0}, {1, 0, 0}, {0, 0, 0}, {1, 0, 0}}));
    CHECK(macs(blocks.passes[pass]) == (blocks.full[pass] ? whole : whole - 2 * (block + adaln)));
  }
  CHECK(blocks.bytes == 4 * 16 * 64 * sizeof(float));
  const auto taylor = trajectory(dit, golden["z"], golden["y"], {.cache = "taylorseer:3,2"});
  CHECK(taylor.bytes == 3 * parts.bytes);
}

TEST_CASE("the memory of a cache is that of its last trajectory") {
  torch::InferenceMode inference;
  const Golden golden("cache_taylor");
  const dit::DiT dit = model_of(golden);
  const auto cached =
      cache::cached(test::engine_named("dense", dit), *cache::cache_named("taylorseer:2,2", ""), dit->architecture);
  const auto bytes = [&](std::int64_t passes) {
    cached->begin(passes);
    for (std::int64_t pass = 0; pass < passes; ++pass)
      cached->forward({golden["z"], torch::full({2}, 900 - 100 * pass), golden["y"]});
    return cached->cache_bytes();
  };
  const std::size_t one = 2 * 3 * 2 * 16 * 64 * sizeof(float);  // two outputs of three blocks, of two images
  CHECK(bytes(6) == 3 * one);
  CHECK(bytes(1) == one);
}

TEST_CASE("blocks that are kept together add what they added last") {
  torch::InferenceMode inference;
  const Golden golden("cache_taylor");
  dit::DiT dit = model_of(golden);
  const auto cached =
      cache::cached(test::engine_named("dense", dit), *cache::cache_named("deepcache:2,1..1", ""), dit->architecture);
  cached->begin(2);
  const auto by_hand = [&](const Tensor& x, std::int64_t time, Tensor& added, bool full) {
    const Tensor t = torch::full({x.size(0)}, time);
    const auto conditioning = dit->condition(dit->t_embedder(t), golden["y"]);
    Tensor tokens = dit->block(0).forward(dit->embed(x), conditioning.of_block(0));
    if (full) added = dit->block(1).forward(tokens, conditioning.of_block(1)) - tokens;
    tokens = dit->block(2).forward(tokens + added, conditioning.of_block(2));
    CHECK(test::rel_l2(cached->forward({x, t, golden["y"]}).output,
                       dit->unpatchify(dit->final_layer(tokens, conditioning.final_layer))) < 1e-6);
  };
  Tensor added;
  by_hand(golden["z"], 900, added, true);
  by_hand(golden["z"] * 0.9, 700, added, false);
  CHECK_THROWS_AS(cached->forward({golden["z"], torch::full({2}, 500), golden["y"]}), UsageError);  // begun for two
}

TEST_CASE("a token that is off takes nothing of what a polynomial foretells") {
  torch::InferenceMode inference;
  const Golden golden("cache_taylor");
  dit::Configuration configuration = golden.configuration();
  configuration.dynamic = true;
  configuration.depth = 1;  // so that attention reads nothing that an MLP made
  dit::DiT dit(configuration);
  dit->randomise(1);
  dit->eval();
  // Tokens are on in the first full pass and off in the second one; what the third puts out, from both.
  const auto third = [&](const char* engine, bool anew) {
    const std::string cache =
        std::string(R"({"full": [0, 1], "order": 1, "decisions": ")") + (anew ? "anew" : "kept") + "\"}";
    const auto cached =
        cache::cached(test::engine_named(engine, dit), *cache::cache_named(cache, ""), dit->architecture);
    cached->begin(3);
    engine::Masks masks = engine::all_on(dit->architecture, 2, torch::kCPU);
    Tensor output;
    for (int pass = 0; pass < 3; ++pass) {
      if (pass == 1) masks[2].zero_();
      const auto in = model::Inputs{golden["z"] * (1 + 0.1 * pass), torch::full({2}, 900 - 100 * pass), golden["y"]};
      output = cached->forward(in, masks).output;
    }
    return output;
  };
  for (const char* engine : {"masked", "compact"})
    for (const bool anew : {false, true}) {
      INFO(engine << " " << anew);
      const Tensor before = third(engine, anew);
      const Tensor weight = dit->block(0).mlp->fc2->weight.clone();
      dit->block(0).mlp->fc2->weight.mul_(3);
      CHECK(third(engine, anew).equal(before));
      dit->block(0).mlp->fc2->weight.copy_(weight);
    }
}

TEST_CASE("engines agree under every cache, their routers' decisions kept or made anew") {
  const Golden golden("cache_taylor");
  const dit::DiT dit = model_of(golden, /*dynamic=*/true);
  for (const char* name : {"fora:8", "taylorseer:3,2", "deepcache:2,1..1", "firstblock:2", "teacache:.8"}) {
    Tensor samples[2];
    for (const bool anew : {false, true}) {
      const std::string cache = std::string(name) + (anew ? ",anew" : "");
      INFO(cache);
      const auto masked = trajectory(dit, golden["z"], golden["y"], {.engine = "masked", .cache = cache}),
                 compact = trajectory(dit, golden["z"], golden["y"], {.engine = "compact", .cache = cache});
      CHECK(masked.full == compact.full);
      CHECK(numbers(compact.full).size() < 8);
      CHECK(test::rel_l2(compact.sample, masked.sample) < 1e-4);
      for (std::size_t pass = 0; pass < 8; ++pass)
        for (std::size_t axis = 0; axis < 3; ++axis)
          CHECK(compact.passes[pass].masks[axis].equal(masked.passes[pass].masks[axis]));
      samples[int{anew}] = compact.sample;
      // In a pass that is not full the routers of blocks that do not run are silent, but for tokens that take a
      // kept output anew.
      const auto& cached = compact.passes[2 - int{cache.starts_with("deep")}];
      const bool parts = cache.starts_with("fora") || cache.starts_with("taylor");
      if (cache.starts_with("fora")) CHECK(ran(cached, BlockPart::routers) == (anew ? 3 : 0));
      if (cache.starts_with("deepcache")) CHECK(ran(cached, BlockPart::routers) == (anew ? 2 : 0));
      if (cache.starts_with("fora") && !anew) CHECK_FALSE(cached.masks[0].any().item<bool>());
      if (!parts) continue;
      CHECK(ran(compact.passes[0], BlockPart::routers) == 3);
    }
    const bool decides = std::string(name).starts_with("fora") || std::string(name).starts_with("taylor") ||
                         std::string(name).starts_with("deep");
    INFO(name);
    CHECK(samples[0].equal(samples[1]) != decides);
  }
}

TEST_CASE("a test decides by what has changed since the last full pass") {
  const Golden golden("cache_taylor");
  const dit::DiT dit = model_of(golden);
  const auto full = [&](const std::string& cache) {
    return numbers(trajectory(dit, golden["z"], golden["y"], {.cache = cache}).full);
  };
  for (const std::string test : {"teacache", "firstblock"}) {
    CHECK(full(test + ":1000") == std::vector<std::int64_t>{0, 7});
    const auto some = full(test + ":1.2"), more = full(test + ":.6");
    INFO(test << " " << some.size() << " " << more.size());
    CHECK(some.size() > 2);
    CHECK(more.size() > some.size());
  }
}

TEST_CASE("both halves of guidance are kept apart, and begin anew where guidance does") {
  const Golden golden("cache_taylor");
  const dit::DiT dit = model_of(golden);
  Setting setting{.cache = "fora:8", .sampling = {.sampler = "ddim", .steps = 8, .cfg_scale = 4}};
  setting.sampling.cfg_from = 300;  // of 999, 856, ...: the last three passes are of one half
  const auto ends = trajectory(dit, golden["z"], golden["y"], setting);
  CHECK(numbers(ends.full) == std::vector<std::int64_t>{0, 7});
  CHECK(ends.passes[4].output.size(0) == 4);
  CHECK(ends.passes[6].output.size(0) == 2);
  setting.sampling.cfg_from = std::nullopt;
  setting.sampling.cfg_to = 600;  // the first three are
  const auto begins = trajectory(dit, golden["z"], golden["y"], setting);
  CHECK(begins.passes[2].output.size(0) == 2);
  CHECK(numbers(begins.full) == std::vector<std::int64_t>{0, 3, 7});
  // A single half alone is what the conditional half of both is.
  setting.sampling = {.sampler = "ddim", .steps = 8, .cfg_scale = 1};
  const auto one = trajectory(dit, golden["z"], golden["y"], setting);
  const auto first = trajectory(dit, golden["z"].narrow(0, 0, 1), golden["y"].narrow(0, 0, 1), setting);
  CHECK(test::rel_l2(first.sample, one.sample.narrow(0, 0, 1)) < 1e-5);
}
