// SPDX-License-Identifier: Apache-2.0
// The same computations on a GPU as on the CPU; passed over where there is none.
#include <torch/cuda.h>

#include "catch.h"
#include "checkpoint/safetensors.h"
#include "dit/support.h"
#include "imposed.h"
#include "model/device.h"
#include "study/sampling.h"
#include "study/support.h"
#include "train/support.h"

using namespace dydit;

namespace {

bool has_gpu() {
  const bool there = torch::cuda::is_available();
  if (!there) WARN("skipped: no GPU");
  return there;
}

const torch::Device gpu(torch::kCUDA, 0);

double relative(const torch::Tensor& a, const torch::Tensor& b) {
  return ((a.cpu().to(torch::kFloat64) - b.to(torch::kFloat64)).norm() / b.to(torch::kFloat64).norm()).item<double>();
}

study::Model on_gpu(const study::Model& model) {
  study::Model copy = test::tiny_model(model.name, 1);
  torch::NoGradGuard no_grad;
  for (const auto& item : model.network->named_parameters())
    copy.network->named_parameters()[item.key()].copy_(item.value());
  copy.network->to(gpu);
  return copy;
}

engine::Masks on_gpu(engine::Masks masks) {
  for (torch::Tensor& mask : masks) mask = mask.to(gpu);
  return masks;
}

model::Inputs on_gpu(const model::Inputs& in) { return {in.x.to(gpu), in.t.to(gpu), in.y.to(gpu)}; }

study::Model wide_model(const std::string& name, std::int64_t width) {
  dit::DiT dit(dit::from_json({{"input_size", 8},
                               {"patch_size", 1},
                               {"in_channels", 3},
                               {"hidden_size", width},
                               {"depth", 6},
                               {"num_heads", width / 64},
                               {"num_classes", 10}}));
  dit->initialise(0);
  dit->eval();
  dit->to(gpu);
  return {.name = name,
          .hash = name,
          .network = dit.ptr(),
          .family = &test::catalog().families.front(),
          .engine_name = "dense",
          .engine = test::engine_named("dense", dit)};
}

// Convolutions on a GPU are in TF32: 10 bits of mantissa.
constexpr double tf32 = 1.0 / 1024;

}  // namespace

TEST_CASE("a forward pass on the GPU gives the CPU's output") {
  if (!has_gpu()) return;
  torch::InferenceMode inference;
  study::Model cpu = test::tiny_model("a", 1), copy = on_gpu(cpu);
  const model::Inputs in{
      .x = torch::randn({5, 3, 8, 8}), .t = torch::tensor({0, 10, 300, 700, 999}), .y = torch::randint(0, 10, {5})};
  CHECK(relative(copy.network->complete(on_gpu(in)), cpu.network->complete(in)) <= 4 * tf32);
}

TEST_CASE("a GPU tells its free memory, and the CPU none") {
  CHECK(model::free_memory(torch::kCPU) == 0);
  if (has_gpu()) CHECK(model::free_memory(gpu) > 0);
}

TEST_CASE("a study on the GPU gives the CPU's losses") {
  if (!has_gpu()) return;
  std::vector<study::Model> cpu{test::tiny_model("a", 1), test::tiny_model("b", 2)}, copies;
  for (const study::Model& model : cpu) copies.push_back(on_gpu(model));
  test::StudyRun here, there;
  auto setting = test::setting({0, 20, 400, 980}, 10);
  test::run_study("loss-gap", cpu, test::synthetic(23), setting, &here.run);
  setting.device = gpu;
  test::run_study("loss-gap", copies, test::synthetic(23), setting, &there.run);
  for (const char* model : {"a", "b"}) {
    CHECK(relative(there.gathered(model, "mse"), here.gathered(model, "mse")) <= 4 * tf32);
    CHECK(relative(there.gathered(model, "vb"), here.gathered(model, "vb")) <= 16 * tf32);
  }
}

TEST_CASE("each model's time on the GPU is its own") {
  if (!has_gpu()) return;
  // The host is far ahead of the device: by its clock the narrow model would pay for the wide one's kernels.
  std::vector<study::Model> models{wide_model("wide", 2048), wide_model("narrow", 64)};
  auto setting = test::setting({100, 200, 300, 400, 500, 600}, 64);
  setting.device = gpu;
  test::StudyRun run;
  test::run_study("loss-gap", models, test::synthetic(128), setting, &run.run);
  const auto rate = [&](const char* model) {
    return run.records(model).back().metrics.at("forward_images_per_second").value;
  };
  CAPTURE(rate("wide"), rate("narrow"));
  CHECK(rate("narrow") > 3 * rate("wide"));
}

TEST_CASE("a training on the GPU takes the CPU's steps, and resumes") {
  if (!has_gpu()) return;
  const test::TemporaryFolder folder;
  auto job = test::tiny_job(
      {.steps = 6, .batch = 8, .learning_rate = 1e-3, .record_every = 6, .checkpoint_every = 3, .held_out_images = 5});
  test::train_in(folder.path() / "cpu", job);
  job.device = gpu;
  test::train_in(folder.path() / "gpu", job);
  const auto weights = [&](const char* run) {
    return checkpoint::read_safetensors(train::checkpoint_path(folder.path() / run, "tiny", 6)).tensors;
  };
  const auto require_alike = [](const checkpoint::Tensors& a, const checkpoint::Tensors& b) {
    for (const auto& [name, tensor] : b) {
      if (!name.starts_with("model.") && !name.starts_with("ema.")) continue;
      CAPTURE(name);
      const auto x = a.at(name).as<float>(), y = tensor.as<float>();
      double difference = 0;
      for (std::size_t i = 0; i < y.size(); ++i)
        difference = std::max(difference, std::abs(double{x[i]} - double{y[i]}));
      CHECK(difference <= 6 * 1e-3 / 4);  // six steps of the learning rate's size, a quarter of them apart
    }
  };
  require_alike(weights("gpu"), weights("cpu"));
  std::filesystem::copy(folder.path() / "gpu", folder.path() / "again", std::filesystem::copy_options::recursive);
  std::filesystem::remove(train::checkpoint_path(folder.path() / "again", "tiny", 6));
  test::train_in(folder.path() / "again", job);
  require_alike(weights("again"), weights("gpu"));
}

TEST_CASE("the engines on the GPU give the masked engine's output on the CPU") {
  if (!has_gpu()) return;
  torch::InferenceMode inference;
  torch::manual_seed(6);
  const auto plain = test::tiny_model("a", 1);
  dit::DiT cpu = dit::with_open_routers(test::dit_of(plain)),
           copy = dit::with_open_routers(test::dit_of(on_gpu(plain)));
  const auto& c = cpu->configuration;
  const auto& units = cpu->architecture.units;
  const model::Inputs in{.x = torch::randn({3, c.in_channels, c.input_size, c.input_size}),
                         .t = torch::tensor({5, 500, 500}),
                         .y = torch::tensor({0, 1, 2})};
  for (const auto which : {study::Which::all, study::Which::widths, study::Which::tokens, study::Which::both})
    for (const double keep : {0.3, 0.7}) {
      const auto masks = study::imposed_masks(units, study::kept_of(which, keep, units), 3, /*seed=*/1, /*draw=*/0);
      const auto expected = dit::masked_engine(cpu)->forward(in, masks).output;
      for (const char* name : {"masked", "compact"}) {
        const auto outcome = test::engine_named(name, copy)->forward(on_gpu(in), on_gpu(masks));
        INFO(name << " " << study::to_string(which) << " " << keep);
        CHECK(relative(outcome.output, expected) <= 2 * tf32);
        CHECK(torch::equal(outcome.masks[dit::axis::tokens].cpu(), masks[dit::axis::tokens]));
      }
    }
  cpu->to(torch::kBFloat16);
  copy->to(torch::kBFloat16);
  for (const auto which : {study::Which::tokens, study::Which::both}) {  // each as near to the other as to float32
    const auto masks = study::imposed_masks(units, study::kept_of(which, 0.5, units), 3, /*seed=*/1, /*draw=*/0);
    const auto expected = dit::masked_engine(cpu)->forward(in, masks).output;
    CHECK(relative(dit::compact_engine(copy)->forward(on_gpu(in), on_gpu(masks)).output, expected) <= 0.05);
  }
  cpu->to(torch::kFloat32);
  copy->to(torch::kFloat32);
  // Own decisions: open routers switch everything on.
  const auto own = dit::compact_engine(copy)->forward(on_gpu(in));
  CHECK(own.masks[dit::axis::tokens].all().item<bool>());
  CHECK(relative(own.output, cpu->complete(in)) <= 2 * tf32);
}

TEST_CASE(
    "the older dialect runs on the GPU as on the CPU, also where nothing is on, and what is not finite is named") {
  if (!has_gpu()) return;
  torch::InferenceMode inference;
  dit::DiT cpu = test::dit_of(test::dynamic_model("old", /*first_unit_always_on=*/false));
  dit::DiT copy = test::dit_of(test::dynamic_model("old", /*first_unit_always_on=*/false));
  copy->to(gpu);
  const auto& c = cpu->configuration;
  const model::Inputs in{.x = torch::randn({3, c.in_channels, c.input_size, c.input_size}),
                         .t = torch::tensor({5, 500, 500}),
                         .y = torch::tensor({0, 1, 2})};
  for (const double share : {0.0, 0.5}) {
    const auto random = [&](std::int64_t units) { return torch::rand({3, c.depth, units}) < share; };
    const engine::Masks masks{random(c.num_heads), random(c.num_heads), torch::rand({3, c.depth, c.tokens()}) < 0.5};
    const auto expected = dit::masked_engine(cpu)->forward(in, masks).output;
    for (const char* name : {"masked", "compact"}) {
      INFO(name << " " << share);
      const auto outcome = test::engine_named(name, copy)->forward(on_gpu(in), on_gpu(masks));
      CHECK(relative(outcome.output, expected) <= 2 * tf32);
    }
  }
  copy->block(0).token_selection->mlp_head[2]->as<model::Linear>()->bias.fill_(INFINITY);
  for (const char* name : {"masked", "compact"})
    CHECK_THROWS_WITH(test::engine_named(name, copy)->forward(on_gpu(in)), Catch::Contains("blocks.0.token_selection"));
}

TEST_CASE("a dynamic training on the GPU takes the CPU's steps") {
  if (!has_gpu()) return;
  const test::TemporaryFolder folder;
  auto job = test::tiny_job({.steps = 6,
                             .batch = 8,
                             .learning_rate = 1e-3,
                             .record_every = 6,
                             .held_out_images = 5,
                             .timestep_strata = 4,
                             .dynamic = train::DynamicOptions{
                                 .lambda = 0.6, .hold_steps = 0, .target_warmup_steps = 1, .complete_steps = 3}});
  job.configuration = dit::with_routers(job.configuration);
  test::train_in(folder.path() / "cpu", job);
  job.device = gpu;
  test::train_in(folder.path() / "gpu", job);
  const auto last = [&](const char* run) { return record::read_run(folder.path() / run).records.back().metrics; };
  const auto here = last("cpu"), there = last("gpu");
  for (const char* metric : {"train_mse", "train_complete_mse", "train_lambda", "held_out_mse", "lambda_realised"}) {
    INFO(metric);
    CHECK(there.at(metric).value == Approx(here.at(metric).value).epsilon(0.02));
  }
}

TEST_CASE("a sweep runs on the GPU") {
  if (!has_gpu()) return;
  test::StudyRun run;
  study::SpeedSetting s{.spec = {.models = {"DyDiT-S/8"}}, .catalog = &test::catalog(), .device = gpu, .quiet = true};
  s.spec.axes = {{"dtype", {"float32", "bfloat16"}}, {"batch", {2}}, {"keep", {0.5}}};
  s.spec.blocks = 6;
  study::speed(s, &run.run);
  CHECK(run.run.records().size() == 2 * (3 + 6));
  for (const auto& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    CHECK(record.status == record::Status::ok);
    CHECK(record.metrics.at("time").value > 0);
  }
}

TEST_CASE("trajectories are timed on the GPU, with every kind of cache") {
  if (!has_gpu()) return;
  test::StudyRun run;
  study::SamplingSetting s{
      {.spec = {.models = {"DyDiT-S/8"}}, .catalog = &test::catalog(), .device = gpu, .quiet = true}};
  s.spec.dtype = {"float32", "bfloat16"};
  s.spec.batch = {2};
  s.spec.engine = {"dense", "masked", "compact"};
  s.spec.sampler = {"ddim", "dpmpp"};
  s.spec.steps = {6};
  s.spec.cache = {"none", "fora:2", "taylorseer:2,2", "deepcache:2,3..8", "firstblock:.5", "teacache:.5"};
  s.spec.blocks = 2;
  study::sampling(s, &run.run);
  CHECK(run.run.records().size() == 2 * 3 * 2 * 6);
  for (const auto& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    CHECK(record.status == record::Status::ok);
    CHECK(record.metrics.at("image_time").value > 0);
  }
}
