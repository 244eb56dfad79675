// SPDX-License-Identifier: Apache-2.0
// dydit probe: one computation on tensors from a file, results to a file; to check a port against another
// implementation.
#include <fmt/format.h>

#include <memory>

#include "base/interrupt.h"
#include "commands.h"
#include "common.h"
#include "diffusion/gaussian.h"
#include "engine/engine.h"
#include "model/finite.h"
#include "model/weights.h"
#include "probe.h"

namespace dydit::cli {

using torch::Tensor;

Tensor Inputs::operator()(const std::string& name, std::int64_t rank, torch::Dtype dtype) const {
  const auto found = file_.tensors.find(name);
  if (found == file_.tensors.end()) throw InputError("a tensor is missing", path_, name);
  const Tensor tensor = model::to_torch(found->second);
  if (tensor.dim() != rank)
    throw InputError("a tensor has the wrong rank", path_,
                     fmt::format("{} is {}", name, checkpoint::to_string(found->second.shape)));
  if (!model::not_finite({tensor}).empty())
    throw InputError("a tensor is not finite", path_, name + " holds NaN or infinity");
  return tensor.to(device_, dtype, false, /*copy=*/true);
}

void Inputs::require(bool holds, const std::string& what) const {
  if (!holds) throw InputError("the tensors do not fit", path_, what);
}

void write_results(const std::string& path, const checkpoint::Tensors& results) {
  stop_if_interrupted("before anything was written");
  checkpoint::write_safetensors(path, results);
}

namespace {

struct Probe {
  std::string input, output, noise_schedule = "linear", variance = "learned-range";
  CheckpointOption checkpoint;
  std::optional<double> guidance_scale;
  std::string engine;
  std::size_t packing_budget = engine::CompactOptions{}.packing_budget >> 20;  // MiB
  bool complete = false;
  Machine machine;
};

// x (N,C,H,W), t (N) and y (N) of one size, with labels in range (num_classes is "no class").
void require_batch(const Inputs& read, const model::Configuration& c, const Tensor& x, const Tensor& t,
                   const Tensor& y) {
  read.require(x.size(1) == c.in_channels && x.size(2) == c.input_size && x.size(3) == c.input_size,
               fmt::format("images must be (N, {}, {}, {})", c.in_channels, c.input_size, c.input_size));
  read.require(t.size(0) == x.size(0) && y.size(0) == x.size(0) && x.size(0) > 0,
               "x, t and y must have the same length");
  read.require(y.min().item<std::int64_t>() >= 0 && y.max().item<std::int64_t>() <= c.num_classes,
               fmt::format("labels must be in 0 ... {}", c.num_classes));
}

// A DiT, and which of its checkpoint's weights it has.
std::pair<model::DiT, std::string> load(const Probe& p, const run::RunSettings& settings) {
  const auto opened = model::open_official(p.checkpoint.path, checkpoint::weights_named(p.checkpoint.weights));
  return {model::load_dit(opened, p.checkpoint.path, p.checkpoint.num_heads, settings.device, settings.dtype),
          opened.weights};
}

void write(const Probe& p, const checkpoint::Tensors& results, const std::string& weights) {
  write_results(p.output, results);
  run::tell_weights(p.checkpoint.path, weights, p.machine.quiet);
}

void forward(const Probe& p) {
  const auto settings = p.machine.settings();
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  auto [dit, weights] = load(p, settings);
  const Tensor x = read("x", 4, torch::kFloat32), t = read("t", 1, torch::kFloat32),
               y = read("y", 1, torch::kInt64);
  require_batch(read, dit->configuration, x, t, y);
  if (p.guidance_scale) read.require(x.size(0) % 2 == 0, "guidance needs a batch of two halves");
  if (!dit->configuration.dynamic && (!p.engine.empty() || p.complete))
    throw UsageError("the model has no routers", p.checkpoint.path, "leave --engine and --complete out");
  const bool routed = dit->configuration.dynamic && !p.complete;
  const auto engine = routed ? engine::engine_named(p.engine.empty() ? "masked" : p.engine, dit, {.packing_budget = p.packing_budget << 20})
                             : nullptr;
  engine::Masks masks;
  const auto pass = [&](const Tensor& both) {
    if (!routed) return dit->forward(both, t, y);
    auto outcome = engine->forward(both, t, y);
    masks = outcome.masks;
    return outcome.output;
  };
  const Tensor output = p.guidance_scale ? model::guided(x, *p.guidance_scale, pass) : pass(x);
  model::require_finite_output(output);
  checkpoint::Tensors results{{"output", model::from_torch(output.to(torch::kFloat32))}};
  if (routed)
    for (const auto& [name, mask] : {std::pair{"head_mask", masks.heads}, {"channel_mask", masks.channels},
                                     {"token_mask", masks.tokens}})
      results[name] = model::from_torch(mask.to(torch::kFloat32));
  write(p, results, weights);
}

void loss(const Probe& p) {
  const auto settings = p.machine.settings();
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  auto [dit, weights] = load(p, settings);
  const Tensor x0 = read("x0", 4, torch::kFloat32), noise = read("noise", 4, torch::kFloat32),
               t = read("t", 1, torch::kInt64), y = read("y", 1, torch::kInt64);
  require_batch(read, dit->configuration, x0, t, y);
  read.require(noise.sizes() == x0.sizes(), "noise must have the shape of x0");
  const diffusion::Tables tables(
      diffusion::betas(diffusion::noise_schedule(p.noise_schedule), diffusion::diffusion_steps));
  read.require(t.min().item<std::int64_t>() >= 0 && t.max().item<std::int64_t>() < tables.steps(),
               "timesteps must be in 0 ... 999");
  const diffusion::GaussianDiffusion diffusion(tables, diffusion::variance_named(p.variance),
                                               settings.device);
  const Tensor x_t = diffusion.q_sample(x0, t, noise);
  const Tensor output = dit->forward(x_t, t, y).to(torch::kFloat32);
  model::require_finite_output(output);
  const auto terms = diffusion.loss_terms(output, x0, x_t, t, noise);
  write(p, {{"mse", model::from_torch(terms.mse)},
            {"vb", model::from_torch(terms.vb)},
            {"loss", model::from_torch(terms.loss)},
            {"mse_map", model::from_torch(terms.mse_map)},
            {"vb_map", model::from_torch(terms.vb_map)}},
        weights);
}

CLI::App* add(CLI::App& parent, Probe& p, const char* name, const char* help, const char* example) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->footer(std::string("Example: ") + example);
  command->add_option("--input", p.input, "tensors to read, .safetensors")->required();
  command->add_option("--output", p.output, "tensors to write, .safetensors")->required();
  p.checkpoint.add_to(*command, /*required=*/true);
  p.machine.add_to(*command);
  return command;
}

}  // namespace

void add_probe(CLI::App& app) {
  CLI::App* parent = app.add_subcommand("probe", "One computation on tensors from a file");
  parent->require_subcommand(1);
  auto f = std::make_shared<Probe>();
  CLI::App* command =
      add(*parent, *f, "forward", "x, t, y -> output",
          "dydit probe forward --input in.safetensors --output out.safetensors --checkpoint dit.pt");
  add_number(*command, "--cfg-scale", Bounds<double>{-1000, 1000}, into(f->guidance_scale),
             "classifier-free guidance: the batch is two halves");
  command->add_option("--engine", f->engine, "of a DyDiT: masked (the published semantics, the default) or compact")
      ->check(CLI::IsMember({"masked", "compact"}));
  add_number(*command, "--packing-budget", Bounds<std::uint64_t>{0, 1 << 20}, into(f->packing_budget),
             "MiB of packed weights that the compact engine keeps")
      ->default_str(std::to_string(f->packing_budget));
  command->add_flag("--complete", f->complete, "of a DyDiT: the complete model, without masks")->excludes("--engine");
  command->callback([f] { forward(*f); });
  auto l = std::make_shared<Probe>();
  command = add(*parent, *l, "loss", "x0, noise, t, y -> mse, vb, loss and their maps",
                "dydit probe loss --input in.safetensors --output out.safetensors --checkpoint dit.pt");
  command->add_option("--noise-schedule", l->noise_schedule, "linear or cosine")->capture_default_str();
  command->add_option("--variance", l->variance, "learned-range, fixed-small or fixed-large")
      ->capture_default_str();
  command->callback([l] { loss(*l); });
  add_probe_transport(*parent);
}

}  // namespace dydit::cli
