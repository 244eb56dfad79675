// SPDX-License-Identifier: Apache-2.0
// The fused engine against the published semantics in float64; passed over without a Hopper GPU.
#include <torch/torch.h>

#include "cache/cached.h"
#include "catch.h"
#include "dit/support.h"
#include "engine/engine.h"
#include "gpu_support.h"
#include "study/sampling.h"
#include "study/support.h"

using namespace dydit;
using engine::Masks;
using engine::Overruled;
using test::in_float64;
using test::relative;
using torch::Tensor;

namespace {

const torch::Device gpu_device(torch::kCUDA, 0);

// Routers of random weights: some heads, groups and tokens are on. A side of 32 has as many tokens as our attention
// takes.
dit::DiT model_of(bool dynamic, bool first_on, torch::Dtype dtype, std::int64_t side = 16) {
  dit::DiT dit(dit::from_json({{"input_size", side},
                               {"hidden_size", 384},
                               {"depth", 4},
                               {"num_heads", 6},
                               {"num_classes", 10},
                               {"dynamic", dynamic},
                               {"first_unit_always_on", first_on}}));
  dit->randomise(3);
  torch::NoGradGuard no_grad;
  torch::manual_seed(7);
  for (const auto& item : dit->named_parameters())
    if (item.key().find("_rate.") != item.key().npos || item.key().find("token_selection") != item.key().npos)
      item.value().copy_(torch::randn(item.value().sizes()) * (item.value().dim() > 1 ? .3 : .5));
  dit->eval();
  dit->to(gpu_device, dtype);
  return dit;
}

model::Inputs inputs_of(std::int64_t images, bool one_time, std::int64_t side = 16) {
  const auto options = torch::TensorOptions(gpu_device);
  return {torch::randn({images, 4, side, side}, options),
          one_time ? torch::full({images}, 300, options.dtype(torch::kInt64))
                   : torch::randint(0, 1000, {images}, options.dtype(torch::kInt64)),
          torch::randint(0, 11, {images}, options.dtype(torch::kInt64))};
}

// No further from float64 than 1.5 times the way PyTorch's own kernels are, under the same masks.
void check_output(const engine::Outcome& outcome, const model::Inputs& in, const dit::DiT& dit) {
  const auto exact = test::engine_named("masked", in_float64(dit)), own = test::engine_named("masked", dit);
  const Tensor expected = exact->forward({in.x.to(torch::kFloat64), in.t, in.y}, outcome.masks).output;
  const double theirs = relative(own->forward(in, outcome.masks).output, expected);
  const double ours = relative(outcome.output, expected);
  CAPTURE(theirs, ours);
  CHECK(ours <= 1.5 * theirs);
}

Masks widths(std::int64_t images, const std::function<Tensor(Tensor)>& change) {
  const auto options = torch::TensorOptions(gpu_device).dtype(torch::kBool);
  return {change(torch::ones({images, 4, 6}, options)), change(torch::ones({images, 4, 6}, options)), Tensor()};
}

}  // namespace

TEST_CASE("the fused engine's complete model is the dense one") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  for (const torch::Dtype dtype : {torch::kBFloat16, torch::kFloat16})
    for (const auto& [dynamic, side] :
         std::vector<std::pair<bool, std::int64_t>>{{false, 16}, {true, 16}, {false, 32}}) {
      dit::DiT dit = model_of(dynamic, true, dtype, side), exact = in_float64(dit);
      const auto fused = test::engine_named("fused-dense", dit);
      for (const std::int64_t images : {1, 5, 64}) {
        const model::Inputs in = inputs_of(images, false, side);
        CAPTURE(images, dynamic, side);
        const Tensor expected = exact->complete({in.x.to(torch::kFloat64), in.t, in.y});
        const double theirs = relative(dit->complete(in), expected);
        for (int run = 0; run < 3; ++run)  // by kernels, captured, and replayed
          CHECK(relative(fused->forward(in).output, expected) <= 1.5 * theirs);
      }
    }
}

TEST_CASE("the fused engine decides and computes as the published semantics") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  for (const torch::Dtype dtype : {torch::kBFloat16, torch::kFloat16})
    for (const auto& [first_on, side] : std::vector<std::pair<bool, std::int64_t>>{{true, 16}, {false, 16}, {true, 32}})
      for (const bool one_time : {true, false}) {
        const dit::DiT dit = model_of(true, first_on, dtype, side);
        const auto fused = test::engine_named("fused", dit);
        CAPTURE(first_on, one_time, side);
        for (int run = 0; run < 3; ++run) {
          const model::Inputs in = inputs_of(one_time ? 5 : 3, one_time, side);
          const engine::Outcome outcome = fused->forward(in);
          check_output(outcome, in, dit);
          CHECK(outcome.masks[dit::axis::tokens].any().item<bool>());
          CHECK_FALSE(outcome.masks[dit::axis::tokens].all().item<bool>());
          CHECK_FALSE(outcome.masks[dit::axis::heads].all().item<bool>());
          CHECK(torch::equal(outcome.masks[dit::axis::tokens], torch::sigmoid(outcome.logits[dit::axis::tokens]) > .5));
        }
      }
}

TEST_CASE("the fused engine under masks at all extremes") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  torch::manual_seed(11);
  const dit::DiT dit = model_of(true, false, torch::kBFloat16);
  const auto fused = test::engine_named("fused", dit);
  constexpr std::int64_t images = 3, tokens = 64;
  const auto options = torch::TensorOptions(gpu_device).dtype(torch::kBool);
  const auto only = [](std::int64_t units) {
    return [units](Tensor mask) {
      mask.narrow(2, units, 6 - units).fill_(false);
      return mask;
    };
  };
  const auto random = [](Tensor mask) { return torch::rand(mask.sizes(), mask.options().dtype(torch::kFloat)) < .5; };
  std::vector<std::pair<std::string, Masks>> all_widths{{"all", widths(images, only(6))},
                                                        {"one", widths(images, only(1))},
                                                        {"none", widths(images, only(0))},
                                                        {"other plans", widths(images, random)}};
  Tensor one_token = torch::zeros({images, 4, tokens}, options);
  one_token.select(2, 17).fill_(true);
  const std::vector<std::pair<std::string, Tensor>> all_tokens{
      {"all", torch::ones({images, 4, tokens}, options)},
      {"none", torch::zeros({images, 4, tokens}, options)},
      {"one", one_token},
      {"random", torch::rand({images, 4, tokens}, torch::TensorOptions(gpu_device)) < .4}};
  for (auto& [width, masks] : all_widths)
    for (const auto& [token, mask] : all_tokens)
      for (const Overruled routers : {Overruled::skipped, Overruled::run}) {
        CAPTURE(width, token, static_cast<int>(routers));
        masks[dit::axis::tokens] = mask;
        for (int run = 0; run < 3; ++run) {
          const model::Inputs in = inputs_of(images, true);
          const engine::Outcome outcome = fused->forward(in, masks, routers);
          for (std::size_t axis = 0; axis < 3; ++axis) CHECK(torch::equal(outcome.masks[axis], masks[axis]));
          check_output(outcome, in, dit);
        }
      }
}

TEST_CASE("the fused engine in stretches gives the outcome of a pass, and tells what its parts put out") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  const dit::DiT dit = model_of(true, true, torch::kBFloat16);
  const model::Inputs in = inputs_of(4, true);
  for (const char* name : {"fused", "fused-dense"}) {
    const auto fused = test::engine_named(name, dit);
    const auto compact = test::engine_named(std::string(name) == "fused" ? "compact" : "dense", dit);
    const engine::Outcome whole = fused->forward(in);
    Tensor kept[2];
    int which = 0;
    const Masks imposed = std::string(name) == "fused" ? whole.masks : Masks();
    for (engine::Engine* engine : {fused.get(), compact.get()}) {
      auto pass = engine->pass(in, imposed);
      Tensor x = pass->run(pass->begin(), 0, 2);
      kept[which] = torch::zeros({8, 4, x.size(1), x.size(2)}, x.options());
      x = pass->run(x, 2, 4, kept[which]);
      const Tensor output = pass->end(x).output;
      CHECK(relative(output, whole.output.to(torch::kFloat64)) <= .02);
      ++which;
    }
    for (std::int64_t i = 4; i < 8; ++i) CHECK(relative(kept[0][i], kept[1][i].to(torch::kFloat64)) <= .03);
    CHECK_FALSE(kept[0].narrow(0, 0, 4).any().item<bool>());
  }
}

TEST_CASE("the fused engine rounds numbers of units up to tiles, of its routers and of imposed masks") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  torch::manual_seed(12);
  const dit::DiT dit = model_of(true, false, torch::kBFloat16);
  const engine::RoundUp tiles{{0, 2, 2, 4, 4, 6, 6}, {0, 3, 3, 3, 6, 6, 6}, {}};
  const auto fused = dit::fused_engine(dit, {.round_up = tiles}), exact = dit::fused_engine(dit, {});
  const auto check_units = [&](const Masks& planned, const Masks& kept) {
    for (const std::size_t axis : {dit::axis::heads, dit::axis::channels}) {
      const Tensor to = torch::tensor(tiles[axis], torch::kInt64).to(gpu_device);
      CHECK(torch::equal(kept[axis].sum(2), to.index({planned[axis].sum(2)})));
      CHECK((kept[axis] | ~planned[axis]).all().item<bool>());
    }
  };
  const Masks imposed = widths(3, [](Tensor mask) {
    return torch::rand({1, 4, 6}, torch::TensorOptions(gpu_device)).lt(.4).expand_as(mask);
  });
  for (const Masks& masks : {Masks(), imposed})
    for (int run = 0; run < 3; ++run) {
      const model::Inputs in = inputs_of(3, true);
      const engine::Outcome outcome = fused->forward(in, masks);
      check_units(masks.empty() ? exact->forward(in).masks : masks, outcome.masks);
      check_output(outcome, in, dit);
    }
}

TEST_CASE("a block of the fused engine runs by itself as a graph") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  const dit::DiT dit = model_of(true, false, torch::kBFloat16);
  const Masks all = engine::all_on(dit->architecture, 3, gpu_device);
  Masks none;
  for (const Tensor& mask : all) none.push_back(torch::zeros_like(mask));
  const auto fused = test::engine_named("fused", dit);
  const auto runs = fused->blocks_alone({all, none, {all[0], all[1], none[2]}});
  REQUIRE(runs.size() == 3);
  for (int again = 0; again < 3; ++again)
    for (const auto& run : runs) CHECK_NOTHROW(run());
  torch::cuda::synchronize();
}

TEST_CASE("cached passes of the fused engines are those of the published semantics, as graphs too") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  constexpr std::int64_t passes = 7, images = 4;
  for (const char* name : {"fused", "fused-dense"}) {
    const bool dynamic = std::string(name) == "fused";
    const dit::DiT dit = model_of(true, true, torch::kBFloat16), exact = in_float64(dit);
    std::vector<model::Inputs> inputs;
    std::vector<Masks> masks;  // imposed, in full passes
    const std::shared_ptr<engine::Engine> fused = test::engine_named(name, dit);
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      model::Inputs in = inputs_of(images, true);
      in.t.fill_(900 - 100 * pass);
      in.time = static_cast<double>(900 - 100 * pass);
      inputs.push_back(in);
      masks.push_back(dynamic ? fused->forward(in).masks : Masks());
    }
    for (const char* cache :
         {"fora:2", "taylorseer:2,2", "deepcache:2,1..2", R"({"interval": 3, "order": 1})", "firstblock:.5"}) {
      const auto of = [&](const std::shared_ptr<engine::Engine>& engine) {
        return cache::cached(engine, *cache::cache_named(cache, ""), dit->architecture);
      };
      const auto ours = of(fused), own = of(test::engine_named(dynamic ? "masked" : "dense", dit)),
                 reference = of(test::engine_named(dynamic ? "masked" : "dense", exact));
      for (int trajectory = 0; trajectory < 4; ++trajectory) {  // guidance ends in the second one
        for (const auto& cached : {&ours, &own, &reference}) (*cached)->begin(passes);
        for (std::int64_t pass = 0; pass < passes; ++pass) {
          const std::size_t at = static_cast<std::size_t>(pass);
          const std::int64_t those = trajectory == 1 && pass > 3 ? images / 2 : images;
          const model::Inputs in{inputs[at].x.narrow(0, 0, those), inputs[at].t.narrow(0, 0, those),
                                 inputs[at].y.narrow(0, 0, those), inputs[at].time};
          const model::Inputs wide{in.x.to(torch::kFloat64), in.t, in.y, in.time};
          const Masks given = dynamic ? engine::narrow(masks[at], 0, those) : Masks();
          const engine::Outcome expected_outcome = reference->forward(wide, given);
          const Tensor& expected = expected_outcome.output;
          const double theirs = relative(own->forward(in, given).output, expected);
          const engine::Outcome outcome = ours->forward(in, given);
          const double error = relative(outcome.output, expected);
          CAPTURE(name, cache, trajectory, pass, theirs, error);
          CHECK(error <= 1.5 * theirs);
          for (const model::BlockPart part : {model::BlockPart::attention, model::BlockPart::mlp})
            CHECK(outcome.ran.at(static_cast<std::size_t>(part)) ==
                  expected_outcome.ran.at(static_cast<std::size_t>(part)));
          for (std::size_t axis = 0; axis < outcome.masks.size(); ++axis)
            CHECK(torch::equal(outcome.masks[axis], expected_outcome.masks[axis]));
        }
        CHECK(ours->full() == own->full());
        CHECK(ours->cache_bytes() == own->cache_bytes());
      }
    }
  }
}

TEST_CASE("routers decide anew in cached passes of the fused engine, as graphs too") {
  if (!test::has_hopper()) return;
  torch::InferenceMode inference;
  constexpr std::int64_t passes = 5;
  const dit::DiT dit = model_of(true, true, torch::kBFloat16);
  std::vector<model::Inputs> inputs;
  for (std::int64_t pass = 0; pass < passes; ++pass) {
    inputs.push_back(inputs_of(4, true));
    inputs.back().t.fill_(900 - 100 * pass);
    inputs.back().time = static_cast<double>(900 - 100 * pass);
  }
  const std::shared_ptr<engine::Engine> fused = test::engine_named("fused", dit);
  fused->plan(torch::arange(500, 1000, 100, torch::TensorOptions(gpu_device).dtype(torch::kInt64)));
  // Two caches of one engine, in turn; the second has other memory.
  std::vector<std::unique_ptr<cache::Cached>> both;
  for (int i = 0; i < 2; ++i)
    both.push_back(cache::cached(fused, *cache::cache_named("fora:2,anew", ""), dit->architecture));
  std::vector<Tensor> first;
  for (int trajectory = 0; trajectory < 4; ++trajectory)
    for (const auto& cached : both) {
      cached->begin(passes);
      for (std::int64_t pass = 0; pass < passes; ++pass) {
        const auto at = static_cast<std::size_t>(pass);
        const engine::Outcome outcome = cached->forward(inputs[at]);
        CAPTURE(trajectory, pass);
        CHECK(torch::equal(outcome.masks[dit::axis::tokens].any(), torch::ones({}, outcome.masks[0].options())) ==
              cached->full()[at]);
        if (first.size() <= at) first.push_back(outcome.output);
        CHECK(relative(outcome.output, first[at].to(torch::kFloat64)) <= .005);
        if (pass > 0) fused->forward(inputs[at]);  // beside it, the same engine without a cache
      }
    }
}

TEST_CASE("trajectories of the fused engines are timed beside their passes, with every kind of cache") {
  if (!test::has_hopper()) return;
  test::StudyRun run;
  study::SamplingSetting s{
      {.spec = {.models = {"DyDiT-S/4"}}, .catalog = &test::catalog(), .device = gpu_device, .quiet = true}};
  s.spec.dtype = {"bfloat16"};
  s.spec.batch = {2};
  s.spec.engine = {"fused-dense", "fused"};
  s.spec.sampler = {"ddim"};
  s.spec.steps = {6};
  s.spec.cache = {"none", "fora:2", "taylorseer:2,2", "deepcache:2,3..8", "firstblock:.5", "teacache:.5"};
  s.spec.blocks = 2;
  study::sampling(s, &run.run);
  REQUIRE(run.run.records().size() == 2 * 6);
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    CHECK(record.metrics.contains("beyond_passes") == (record.axes.at("cache") == "none"));
    CHECK(record.metrics.at("activation_memory").value > record.metrics.at("cache_memory").value);
  }
}
