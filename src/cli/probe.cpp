// SPDX-License-Identifier: Apache-2.0
// dydit probe: one computation on tensors from a file, results to a file; to check a port against another
// implementation.
#include <fmt/format.h>

#include <memory>

#include "base/interrupt.h"
#include "checkpoint/safetensors.h"
#include "common.h"
#include "diffusion/flow.h"
#include "diffusion/gaussian.h"
#include "diffusion/process.h"
#include "diffusion/sampling.h"
#include "dit/dit.h"
#include "engine/family.h"
#include "model/finite.h"
#include "model/tensors.h"

namespace dydit::cli {

using torch::Tensor;

namespace {

// The tensors of a probe's input.
class Inputs {
 public:
  // Throws InputError.
  Inputs(const std::string& path, torch::Device device)
      : path_(path), device_(device), file_(checkpoint::read_safetensors(path)) {}

  // A copy on the device. Throws InputError for a tensor that is missing, of another rank, or not finite.
  Tensor operator()(const std::string& name, std::int64_t rank, torch::Dtype dtype) const {
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
  bool has(const std::string& name) const { return file_.tensors.contains(name); }
  // Throws InputError that says what the tensors would have to be.
  void require(bool holds, const std::string& what) const {
    if (!holds) throw InputError("the tensors do not fit", path_, what);
  }

 private:
  std::string path_;
  torch::Device device_;
  checkpoint::SafetensorsFile file_;
};

// As float32 and as they are, unless the user has interrupted it.
void write_results(const std::string& path, const std::map<std::string, Tensor>& results,
                   const std::map<std::string, Tensor>& exact = {}) {
  stop_if_interrupted("before anything was written");
  checkpoint::Tensors tensors;
  for (const auto& [name, tensor] : results) tensors[name] = model::from_torch(tensor.to(torch::kFloat32));
  for (const auto& [name, tensor] : exact) tensors[name] = model::from_torch(tensor);
  checkpoint::write_safetensors(path, tensors);
}

struct Probe {
  std::string input, output, noise_schedule = "linear", variance = "learned-range";
  CheckpointOption checkpoint;
  ProcessOptions process;
  diffusion::ProcessSpec flow{.name = "flow"};  // of transport, which runs no model
  Json sampling = Json::object();
  std::string field;  // "A,B,C", in the place of a model
  std::optional<double> guidance_scale;
  std::string engine;
  std::size_t packing_budget = engine::Options{}.packing_budget >> 20;  // MiB
  bool complete = false;
  Machine machine;
};

// x (N,C,H,W), t (N) and y (N) of one size, with labels in range (`classes` is "no class").
void require_batch(const Inputs& read, const model::Architecture& of, const Tensor& x, const Tensor& t,
                   const Tensor& y) {
  read.require(x.size(1) == of.channels && x.size(2) == of.side && x.size(3) == of.side,
               fmt::format("images must be (N, {}, {}, {})", of.channels, of.side, of.side));
  read.require(t.size(0) == x.size(0) && y.size(0) == x.size(0) && x.size(0) > 0,
               "x, t and y must have the same length");
  read.require(y.min().item<std::int64_t>() >= 0 && y.max().item<std::int64_t>() <= of.classes,
               fmt::format("labels must be in 0 ... {}", of.classes));
}

// A model, which of its checkpoint's weights it has, and the process that it is run in.
struct Loaded {
  const engine::Family& family;
  std::shared_ptr<model::Network> network;
  std::string weights;
  diffusion::ProcessSpec process;
  bool process_said;
};

Loaded load(const Probe& p, const run::RunSettings& settings) {
  const auto opened = checkpoint::open_checkpoint(p.checkpoint.path, checkpoint::weights_named(p.checkpoint.weights));
  const auto& family = engine::family_of(settings.catalog->families, opened, p.checkpoint.path);
  const auto asked = p.process.process(), recorded = run::recorded_process(opened, p.checkpoint.path);
  return {family, family.load(opened, p.checkpoint.path, p.checkpoint.num_heads, settings.device, settings.dtype),
          opened.weights, run::process_of(asked, {recorded}, {p.checkpoint.path}), asked || recorded};
}

void write(const Probe& p, const std::map<std::string, Tensor>& results, const Loaded& loaded) {
  write_results(p.output, results);
  run::tell_weights(p.checkpoint.path, loaded.weights, p.machine.quiet);
  run::tell_process(loaded.process, loaded.process_said, p.machine.quiet);
}

// The engine that is asked for: of a model with routers by default the published semantics, else the complete model.
const engine::Row& engine_of(const Probe& p, const Loaded& loaded) {
  const bool dynamic = loaded.network->architecture.dynamic();
  if (!dynamic && (!p.engine.empty() || p.complete))
    throw UsageError("the model has no routers", p.checkpoint.path, "leave --engine and --complete out");
  if (!p.engine.empty()) return loaded.family.engine(p.engine);
  return loaded.family.engine_that(dynamic && !p.complete ? engine::Executes::masked : engine::Executes::all);
}

// "head_mask" of the axis "heads".
std::string mask_name(const model::UnitAxis& axis) {
  return (axis.name.ends_with('s') ? axis.name.substr(0, axis.name.size() - 1) : axis.name) + "_mask";
}

void forward(const Probe& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const Loaded loaded = load(p, settings);
  const auto& architecture = loaded.network->architecture;
  const Tensor x = read("x", 4, torch::kFloat32), t = read("t", 1, torch::kFloat32), y = read("y", 1, torch::kInt64);
  require_batch(read, architecture, x, t, y);
  const bool flow = loaded.process.name == "flow";
  if (flow) read.require(t.min().item<double>() >= 0 && t.max().item<double>() <= 1, "t must be in 0 ... 1");
  if (p.guidance_scale) read.require(x.size(0) % 2 == 0, "guidance needs a batch of two halves");
  const engine::Row& row = engine_of(p, loaded);
  const auto engine = row.make(loaded.network, {.packing_budget = p.packing_budget << 20});
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
  const Loaded loaded = load(p, settings);
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

// A x + B sin(x + C t) in the place of a model: solvers without a network. Throws UsageError.
diffusion::Denoiser field_of(const std::string& text) {
  std::vector<double> numbers;
  for (std::size_t begin = 0; begin <= text.size() && numbers.size() < 4;) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    numbers.push_back(Bounds<double>{-1e6, 1e6}.parse(text.substr(begin, end - begin), "--field"));
    begin = end + 1;
  }
  if (numbers.size() != 3) throw UsageError("a field has three numbers", "--field " + text, "as in 0.3,0.1,0.001");
  return [a = numbers[0], b = numbers[1], c = numbers[2]](const Tensor& x, double t) {
    return a * x + b * (x + c * t).sin();
  };
}

// What a model says of images with labels y (N), guided as the spec has it.
diffusion::Denoiser denoiser_of(const Probe& p, const Loaded& loaded, const diffusion::SamplingSpec& spec,
                                const Tensor& y, const std::vector<double>& times) {
  const std::shared_ptr<const diffusion::Process> process =
      diffusion::process_of(loaded.process, loaded.network->architecture.learns_sigma, y.device());
  const std::shared_ptr<engine::Engine> engine =
      engine_of(p, loaded).make(loaded.network, {.packing_budget = p.packing_budget << 20});
  engine->plan(process->times(times).to(y.device()));
  const Tensor both = torch::cat({y, torch::full_like(y, loaded.network->architecture.classes)});
  return diffusion::guided(spec.guidance(), [=](const Tensor& x, double time, bool halves) {
    stop_if_interrupted("before anything was written");
    const Tensor t = process->times({time}).to(x.device()).expand({x.size(0)});
    return engine->forward({x, t, halves ? both : y}).output.to(torch::kFloat32);
  });
}

void sample(const Probe& p, const study::Catalog& catalog) {
  const auto spec = diffusion::sampling_schema().from_json(p.sampling, "sampling");
  if (p.field.empty() && p.checkpoint.path.empty())
    throw UsageError("nothing to sample from", "", "give --checkpoint or --field");
  diffusion::Denoiser model;
  if (!p.field.empty()) model = field_of(p.field);
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const Tensor x = read("x_T", 4, torch::kFloat32);
  read.require(x.numel() > 0, "x_T must not be empty");
  std::optional<Loaded> loaded;
  if (!model) loaded.emplace(load(p, settings));
  const auto process = loaded ? loaded->process : p.process.process().value_or(diffusion::ProcessSpec());
  const bool learns_sigma = loaded && loaded->network->architecture.learns_sigma;
  const auto sampler = diffusion::sampler_of(spec, process, learns_sigma, settings.device);
  const auto times = sampler->times();
  if (loaded) {
    const Tensor y = read("y", 1, torch::kInt64);
    require_batch(read, loaded->network->architecture, x, y, y);
    model = denoiser_of(p, *loaded, spec, y, times);
  }
  diffusion::Trajectory along{.model = model};
  if (sampler->stochastic()) {
    const Tensor noise = read("noise", 5, torch::kFloat32);
    // The last step's is multiplied by 0, so it need not be there.
    read.require(noise.size(0) + 1 >= std::ssize(times) && noise.sizes().slice(1) == x.sizes(),
                 fmt::format("noise must be ({}, N, C, H, W)", times.size()));
    along.noise = [noise](std::int64_t step) { return noise[step]; };
  }
  const Tensor made = sampler->sample(x, along);
  model::require_finite_output(made);
  const std::map<std::string, Tensor> results{{"sample", made}};
  const std::map<std::string, Tensor> exact{{"timesteps", torch::tensor(times, torch::kFloat64)}};
  write_results(p.output, results, exact);
  if (!loaded) return;
  run::tell_weights(p.checkpoint.path, loaded->weights, p.machine.quiet);
  run::tell_process(loaded->process, loaded->process_said, p.machine.quiet);
}

CLI::App* add(CLI::App& parent, Probe& p, const char* name, const char* help, const char* example) {
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
             "MiB of packed weights that the compact engine keeps")
      ->default_str(std::to_string(p.packing_budget));
  command.add_flag("--complete", p.complete, "of a DyDiT: the complete model, without masks")->excludes("--engine");
}

}  // namespace

void add_probe(CLI::App& app, const study::Catalog& catalog) {
  CLI::App* parent = app.add_subcommand("probe", "One computation on tensors from a file");
  parent->require_subcommand(1);
  auto f = std::make_shared<Probe>();
  CLI::App* command = add(*parent, *f, "forward", "x, t, y -> output",
                          "dydit probe forward --input in.safetensors --output out.safetensors --checkpoint dit.pt");
  f->checkpoint.add_to(*command, /*required=*/true);
  add_number(*command, "--cfg-scale", Bounds<double>{-1000, 1000}, into(f->guidance_scale),
             "classifier-free guidance: the batch is two halves");
  add_engine(*command, *f, catalog);
  f->process.add_to(*command);
  command->callback([f, &catalog] { forward(*f, catalog); });
  auto l = std::make_shared<Probe>();
  command = add(*parent, *l, "loss", "x0, noise, t, y -> mse, vb, loss and their maps",
                "dydit probe loss --input in.safetensors --output out.safetensors --checkpoint dit.pt");
  l->checkpoint.add_to(*command, /*required=*/true);
  command->add_option("--noise-schedule", l->noise_schedule, "linear or cosine")->capture_default_str();
  command->add_option("--variance", l->variance, "learned-range, fixed-small or fixed-large")->capture_default_str();
  command->callback([l, &catalog] { loss(*l, catalog); });
  auto s = std::make_shared<Probe>();
  command =
      add(*parent, *s, "sample", "x_T, y, noise of samplers that add some -> sample, timesteps",
          "dydit probe sample --input in.safetensors --output out.safetensors --checkpoint dit.pt --sampler dpmpp "
          "--steps 20 --cfg-scale 1.5");
  s->checkpoint.add_to(*command, /*required=*/false);
  command->add_option("--field", s->field, "A,B,C: A x + B sin(x + C t) in the place of a model")
      ->excludes("--checkpoint");
  add_engine(*command, *s, catalog);
  s->process.add_to(*command);
  add_options(*command, diffusion::sampling_schema().options(), s->sampling);
  command->callback([s, &catalog] { sample(*s, catalog); });
  auto t = std::make_shared<Probe>();
  command = add(*parent, *t, "transport", "x1 (data), x0 (noise), t, model_output -> xt, ut, loss, drift, score",
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
