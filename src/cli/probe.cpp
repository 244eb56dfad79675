// SPDX-License-Identifier: Apache-2.0
// dydit probe: one computation on tensors from a file, results to a file; to check a port against another
// implementation.
#include "probe.h"

#include <fmt/format.h>

#include "base/interrupt.h"
#include "diffusion/flow.h"
#include "diffusion/gaussian.h"
#include "dit/dit.h"
#include "model/finite.h"
#include "model/tensors.h"

namespace dydit::cli {

using torch::Tensor;

Inputs::Inputs(const std::string& path, torch::Device device)
    : path_(path), device_(device), file_(checkpoint::read_safetensors(path)) {}

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

void require_batch(const Inputs& read, const model::Architecture& of, const Tensor& x, const Tensor& t,
                   const Tensor& y) {
  read.require(x.size(1) == of.channels && x.size(2) == of.side && x.size(3) == of.side,
               fmt::format("images must be (N, {}, {}, {})", of.channels, of.side, of.side));
  read.require(t.size(0) == x.size(0) && y.size(0) == x.size(0) && x.size(0) > 0,
               "x, t and y must have the same length");
  read.require(y.min().item<std::int64_t>() >= 0 && y.max().item<std::int64_t>() <= of.classes,
               fmt::format("labels must be in 0 ... {}", of.classes));
}

run::Loaded load(const Probe& p, const run::RunSettings& settings) {
  return run::load(p.checkpoint.spec(), p.process.process(), settings);
}

const engine::Row& engine_of(const Probe& p, const run::Loaded& loaded) {
  const model::Architecture& of = loaded.network->architecture;
  if (!of.dynamic() && p.complete)
    throw UsageError("the model has no routers", p.checkpoint.path, "leave --complete out");
  if (!p.engine.empty()) return loaded.family.engine_for(p.engine, of, p.checkpoint.path);
  return loaded.family.engine_that(of.dynamic() && !p.complete ? engine::Executes::masked : engine::Executes::all);
}

void write_results(const std::string& path, const std::map<std::string, Tensor>& results,
                   const std::map<std::string, Tensor>& exact) {
  stop_if_interrupted("before anything was written");
  checkpoint::Tensors tensors;
  for (const auto& [name, tensor] : results) tensors[name] = model::from_torch(tensor.to(torch::kFloat32));
  for (const auto& [name, tensor] : exact) tensors[name] = model::from_torch(tensor);
  checkpoint::write_safetensors(path, tensors);
}

CLI::App* add_one(CLI::App& parent, Probe& p, const char* name, const char* help, const char* example) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->footer(std::string("Example: ") + example);
  command->add_option("--input", p.input, "tensors to read, .safetensors")->required();
  command->add_option("--output", p.output, "tensors to write, .safetensors")->required();
  p.machine.add_to(*command);
  return command;
}

void add_engine(CLI::App& command, Probe& p, const study::Catalog& catalog) {
  std::vector<std::string> engines;
  for (const engine::Row& row : engine::engines_of(catalog.families)) engines.push_back(row.name);
  command.add_option("--engine", p.engine, "of a DyDiT: masked (the published semantics, the default) or another")
      ->check(CLI::IsMember(engines));
  add_number(command, "--packing-budget", Bounds<std::uint64_t>{0, 1 << 20}, into(p.packing_budget),
             "MiB of packed weights that an engine keeps (default: 2048, on a GPU more where an eighth of its free "
             "memory is)");
  command.add_flag("--complete", p.complete, "of a DyDiT: the complete model, without masks")->excludes("--engine");
}

namespace {

void write(const Probe& p, const std::map<std::string, Tensor>& results, const run::Loaded& loaded) {
  write_results(p.output, results);
  run::tell(loaded, p.checkpoint.path, p.machine.quiet);
}

// "head_mask" of the axis "heads".
std::string mask_name(const model::UnitAxis& axis) {
  return (axis.name.ends_with('s') ? axis.name.substr(0, axis.name.size() - 1) : axis.name) + "_mask";
}

void forward(const Probe& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const run::Loaded loaded = load(p, settings);
  const auto& architecture = loaded.network->architecture;
  const Tensor x = read("x", 4, torch::kFloat32), t = read("t", 1, torch::kFloat32), y = read("y", 1, torch::kInt64);
  require_batch(read, architecture, x, t, y);
  const bool flow = loaded.process.name == "flow";
  if (flow) read.require(t.min().item<double>() >= 0 && t.max().item<double>() <= 1, "t must be in 0 ... 1");
  if (p.guidance_scale) read.require(x.size(0) % 2 == 0, "guidance needs a batch of two halves");
  const engine::Row& row = engine_of(p, loaded);
  const auto engine = row.make(loaded.network, p.engine_options());
  engine::Masks masks;
  const auto pass = [&](const Tensor& both) {
    auto outcome = engine->forward({both, t, y});
    masks = outcome.masks;
    return outcome.output;
  };
  Tensor output = p.guidance_scale ? dit::guided(x, *p.guidance_scale, pass) : pass(x);
  if (flow) output = diffusion::predicted(output, architecture.channels);
  model::require_finite_output(output);
  std::map<std::string, Tensor> results{{"output", output}};
  if (row.executes != engine::Executes::all)
    for (std::size_t axis = 0; axis < masks.size(); ++axis) results[mask_name(architecture.units[axis])] = masks[axis];
  write(p, results, loaded);
}

void loss(const Probe& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const run::Loaded loaded = load(p, settings);
  if (loaded.process.name == "flow")
    throw UsageError("the losses of the diffusion of a model of flow matching", p.checkpoint.path,
                     "see probe transport");
  const Tensor x0 = read("x0", 4, torch::kFloat32), noise = read("noise", 4, torch::kFloat32),
               t = read("t", 1, torch::kInt64), y = read("y", 1, torch::kInt64);
  require_batch(read, loaded.network->architecture, x0, t, y);
  read.require(noise.sizes() == x0.sizes(), "noise must have the shape of x0");
  const diffusion::Tables tables(
      diffusion::betas(diffusion::noise_schedule(p.noise_schedule), diffusion::diffusion_steps));
  read.require(t.min().item<std::int64_t>() >= 0 && t.max().item<std::int64_t>() < tables.steps(),
               "timesteps must be in 0 ... 999");
  const diffusion::GaussianDiffusion diffusion(tables, diffusion::variance_named(p.variance), settings.device);
  const Tensor x_t = diffusion.q_sample(x0, t, noise);
  const Tensor output = loaded.network->complete({x_t, t, y}).to(torch::kFloat32);
  model::require_finite_output(output);
  const auto terms = diffusion.loss_terms(output, x0, x_t, t, noise);
  write(p,
        {{"mse", terms.mse},
         {"vb", terms.vb},
         {"loss", terms.loss},
         {"mse_map", terms.mse_map},
         {"vb_map", terms.vb_map}},
        loaded);
}

// What flow matching makes of images, noise and a model's output.
void transport(const Probe& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  if (settings.dtype != torch::kFloat32) throw UsageError("transport is float32", "--dtype", "leave it out");
  const diffusion::Flow flow = diffusion::flow_of(p.flow, "transport");
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const Tensor x1 = read("x1", 4, torch::kFloat32), x0 = read("x0", 4, torch::kFloat32),
               t = read("t", 1, torch::kFloat32), output = read("model_output", 4, torch::kFloat32);
  const std::int64_t channels = x1.size(1);
  read.require(x1.numel() > 0 && x0.sizes() == x1.sizes(), "x1 and x0 must have the same shape (N, C, H, W)");
  read.require(output.size(0) == x1.size(0) && output.sizes().slice(2) == x1.sizes().slice(2) &&
                   (output.size(1) == channels || output.size(1) == 2 * channels),
               "model_output must have the shape of x1, or twice its channels");
  read.require(t.size(0) == x1.size(0), "t and x1 must have the same length");
  read.require(t.min().item<double>() >= 0 && t.max().item<double>() <= 1, "t must be in 0 ... 1");
  const Tensor x_t = flow.x_t(x1, x0, t);
  write_results(p.output, {{"xt", x_t},
                           {"ut", flow.velocity(x1, x0, t)},
                           {"loss", flow.loss_terms(output, x1, x0, t).loss},
                           {"drift", flow.drift(output, x_t, t)},
                           {"score", flow.score(output, x_t, t)}});
}

}  // namespace

void add_probe(CLI::App& app, const study::Catalog& catalog) {
  CLI::App* parent = app.add_subcommand("probe", "One computation on tensors from a file");
  parent->require_subcommand(1);
  auto f = std::make_shared<Probe>();
  CLI::App* command =
      add_one(*parent, *f, "forward", "x, t, y -> output",
              "dydit probe forward --input in.safetensors --output out.safetensors --checkpoint dit.pt");
  f->checkpoint.add_to(*command, /*required=*/true);
  add_number(*command, "--cfg-scale", Bounds<double>{-1000, 1000}, into(f->guidance_scale),
             "classifier-free guidance: the batch is two halves");
  add_engine(*command, *f, catalog);
  f->process.add_to(*command);
  command->callback([f, &catalog] { forward(*f, catalog); });
  auto l = std::make_shared<Probe>();
  command = add_one(*parent, *l, "loss", "x0, noise, t, y -> mse, vb, loss and their maps",
                    "dydit probe loss --input in.safetensors --output out.safetensors --checkpoint dit.pt");
  l->checkpoint.add_to(*command, /*required=*/true);
  command->add_option("--noise-schedule", l->noise_schedule, "linear or cosine")->capture_default_str();
  command->add_option("--variance", l->variance, "learned-range, fixed-small or fixed-large")->capture_default_str();
  command->callback([l, &catalog] { loss(*l, catalog); });
  add_probe_sample(*parent, catalog);
  add_probe_vae(*parent, catalog);
  add_probe_features(*parent, catalog);
  auto t = std::make_shared<Probe>();
  command =
      add_one(*parent, *t, "transport", "x1 (data), x0 (noise), t, model_output -> xt, ut, loss, drift, score",
              "dydit probe transport --input in.safetensors --output out.safetensors --path gvp --prediction score");
  command->footer("A formula that is infinite or undefined at t = 0 or 1 writes infinity or NaN there.\n" +
                  command->get_footer());
  command->add_option("--path", t->flow.path, "linear, gvp or vp")->capture_default_str();
  command->add_option("--prediction", t->flow.prediction, "velocity, score or noise")->capture_default_str();
  command->add_option("--loss-weight", t->flow.loss_weight, "none; for score and noise also velocity or likelihood")
      ->capture_default_str();
  command->callback([t, &catalog] { transport(*t, catalog); });
}

}  // namespace dydit::cli
