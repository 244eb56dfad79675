// SPDX-License-Identifier: Apache-2.0
// dydit probe sample: noise from a file to images in another.
#include <fmt/format.h>

#include "diffusion/sampling.h"
#include "model/finite.h"
#include "probe.h"
#include "sample/denoiser.h"

namespace dydit::cli {

using torch::Tensor;

namespace {

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

void trajectory(const Probe& p, const study::Catalog& catalog) {
  const auto spec = diffusion::sampling_schema().from_json(p.sampling, "sampling");
  if (p.field.empty() && p.checkpoint.path.empty())
    throw UsageError("nothing to sample from", "", "give --checkpoint or --field");
  diffusion::Denoiser model;
  if (!p.field.empty() && spec.cfg_scale != 1)
    throw UsageError("a field has no labels to guide by", "--cfg-scale", "leave it out");
  if (!p.field.empty()) model = field_of(p.field);
  const auto settings = p.machine.settings(catalog);
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const Tensor x = read("x_T", 4, torch::kFloat32);
  read.require(x.numel() > 0, "x_T must not be empty");
  std::optional<run::Loaded> loaded;
  if (!model) loaded.emplace(load(p, settings));
  const auto process = loaded ? loaded->process : p.process.process().value_or(diffusion::ProcessSpec());
  const bool learns_sigma = loaded && loaded->network->architecture.learns_sigma;
  const auto sampler = diffusion::sampler_of(spec, process, learns_sigma, settings.device);
  const auto times = sampler->times();
  const auto cache = sample::cache_of(p.cache, diffusion::require_sampler(spec, process.name));
  std::shared_ptr<const cache::Cached> cached;
  if (loaded) {
    const Tensor y = read("y", 1, torch::kInt64);
    require_batch(read, loaded->network->architecture, x, y, y);
    auto engine = engine_of(p, *loaded).make(loaded->network, p.engine_options());
    const auto source = sample::model_of(*loaded->network, std::move(engine), cache, process, times, settings.device);
    cached = source.cached;
    model = sample::denoiser_of(source, spec.guidance(), y);
  }
  diffusion::Trajectory along{.model = model};
  if (sampler->stochastic()) {
    const Tensor noise = read("noise", 5, torch::kFloat32);
    // The last step's is multiplied by 0, so it need not be there.
    read.require(noise.size(0) + 1 >= spec.steps && noise.sizes().slice(1) == x.sizes(),
                 fmt::format("noise must be ({}, N, C, H, W)", spec.steps));
    along.noise = [noise](std::int64_t step) { return noise[step]; };
  }
  const Tensor made = sampler->sample(x, along);
  model::require_finite_output(made);
  std::map<std::string, Tensor> results{{"sample", made}};
  if (cached) {
    const std::vector<std::int64_t> full(cached->full().begin(), cached->full().end());
    results["full"] = torch::tensor(full);
  }
  const std::map<std::string, Tensor> exact{{"timesteps", torch::tensor(times, torch::kFloat64)}};
  write_results(p.output, results, exact);
  if (loaded) run::tell(*loaded, p.checkpoint.path, p.machine.quiet);
}

}  // namespace

void add_probe_sample(CLI::App& parent, const study::Catalog& catalog) {
  auto s = std::make_shared<Probe>();
  CLI::App* command =
      add_one(parent, *s, "sample", "x_T, y, noise of samplers that add some -> sample, timesteps; full of a cache",
              "dydit probe sample --input in.safetensors --output out.safetensors --checkpoint dit.pt --sampler dpmpp "
              "--steps 20 --cfg-scale 1.5");
  s->checkpoint.add_to(*command, /*required=*/false);
  command->add_option("--field", s->field, "A,B,C: A x + B sin(x + C t) in the place of a model")
      ->excludes("--checkpoint");
  add_engine(*command, *s, catalog);
  command->add_option("--cache", s->cache, "none, " + cache::names() + ", FILE.json")
      ->excludes("--field")
      ->capture_default_str();
  s->process.add_to(*command);
  add_options(*command, diffusion::sampling_schema().options(), s->sampling);
  command->callback([s, &catalog] { trajectory(*s, catalog); });
}

}  // namespace dydit::cli
