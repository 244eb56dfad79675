// SPDX-License-Identifier: Apache-2.0
// dydit probe transport: what flow matching makes of images, noise and a model's output; no model is run.
#include <memory>

#include "common.h"
#include "diffusion/flow.h"
#include "model/tensors.h"
#include "probe.h"

namespace dydit::cli {

namespace {

struct Transport {
  std::string input, output;
  diffusion::ProcessSpec process{.name = "flow"};
  Machine machine;
};

void transport(const Transport& p, const study::Catalog& catalog) {
  const auto settings = p.machine.settings(catalog);
  if (settings.dtype != torch::kFloat32) throw UsageError("transport is float32", "--dtype", "leave it out");
  const diffusion::Flow flow = diffusion::flow_of(p.process, "transport");
  torch::InferenceMode inference;
  const Inputs read(p.input, settings.device);
  const torch::Tensor x1 = read("x1", 4, torch::kFloat32), x0 = read("x0", 4, torch::kFloat32),
                      t = read("t", 1, torch::kFloat32), output = read("model_output", 4, torch::kFloat32);
  const std::int64_t channels = x1.size(1);
  read.require(x1.numel() > 0 && x0.sizes() == x1.sizes(), "x1 and x0 must have the same shape (N, C, H, W)");
  read.require(output.size(0) == x1.size(0) && output.sizes().slice(2) == x1.sizes().slice(2) &&
                   (output.size(1) == channels || output.size(1) == 2 * channels),
               "model_output must have the shape of x1, or twice its channels");
  read.require(t.size(0) == x1.size(0), "t and x1 must have the same length");
  read.require(t.min().item<double>() >= 0 && t.max().item<double>() <= 1, "t must be in 0 ... 1");
  const torch::Tensor x_t = flow.x_t(x1, x0, t);
  write_results(p.output, {{"xt", model::from_torch(x_t)},
                           {"ut", model::from_torch(flow.velocity(x1, x0, t))},
                           {"loss", model::from_torch(flow.loss_terms(output, x1, x0, t).loss)},
                           {"drift", model::from_torch(flow.drift(output, x_t, t))},
                           {"score", model::from_torch(flow.score(output, x_t, t))}});
}

}  // namespace

void add_probe_transport(CLI::App& parent, const study::Catalog& catalog) {
  auto p = std::make_shared<Transport>();
  CLI::App* command =
      parent.add_subcommand("transport", "x1 (data), x0 (noise), t, model_output -> xt, ut, loss, drift, score");
  command->footer(
      "A formula that is infinite or undefined at t = 0 or 1 writes infinity or NaN there.\n"
      "Example: dydit probe transport --input in.safetensors --output out.safetensors --path gvp --prediction score");
  command->add_option("--input", p->input, "tensors to read, .safetensors")->required();
  command->add_option("--output", p->output, "tensors to write, .safetensors")->required();
  command->add_option("--path", p->process.path, "linear, gvp or vp")->capture_default_str();
  command->add_option("--prediction", p->process.prediction, "velocity, score or noise")->capture_default_str();
  command->add_option("--loss-weight", p->process.loss_weight, "none; for score and noise also velocity or likelihood")
      ->capture_default_str();
  p->machine.add_to(*command);
  command->callback([p, &catalog] { transport(*p, catalog); });
}

}  // namespace dydit::cli
