// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "diffusion/draws.h"
#include "engine/relaxed.h"
#include "model/device.h"
#include "objective.h"
#include "train/autocast.h"
#include "train/flops_term.h"
#include "train/baseline_masks.h"

namespace dydit::train {

using torch::Tensor;

namespace {

class Dynamic final : public Objective {
 public:
  Dynamic(const Job& job, model::DiT dit, const diffusion::GaussianDiffusion& diffusion)
      : job_(job), options_(*job.options.dynamic), dit_(std::move(dit)), diffusion_(diffusion) {}

  Tensor backward(const Inputs& in, std::int64_t step) override;
  std::int64_t recorded() const override { return 4; }
  std::map<std::string, double> metrics(const Tensor& sums, std::int64_t first,
                                        std::int64_t last) const override;
  std::map<std::string, double> judge(model::DiT& average, const HeldOut& held_out,
                                      std::int64_t steps) const override;

 private:
  bool in_stage_1(std::int64_t step) const { return step < options_.complete_steps; }
  engine::Relaxation relaxation(const Inputs& in, std::int64_t step) const;
  engine::Masks imposed(const Inputs& in, double target) const;

  const Job& job_;
  const DynamicOptions& options_;
  model::DiT dit_;
  const diffusion::GaussianDiffusion& diffusion_;
};

engine::Masks Dynamic::imposed(const Inputs& in, double target) const {
  const auto masks =
      masks_instead_of_routers(options_, job_.configuration, target, job_.seed, in.images, in.draws);
  const auto there = [&](const Tensor& mask) { return mask.defined() ? mask.to(job_.device) : mask; };
  return {there(masks.heads), there(masks.channels), there(masks.tokens)};
}

engine::Relaxation Dynamic::relaxation(const Inputs& in, std::int64_t step) const {
  if (options_.decide != "routers" || step >= job_.options.steps - options_.settle_steps)
    return {.temperature = options_.temperature};
  const auto& c = job_.configuration;
  const std::int64_t units = c.num_heads - 1, tokens = c.tokens();
  const Tensor noise = model::to_device(diffusion::logistic_rows(job_.seed, Purpose::gumbel, in.images,
                                                                 in.draws, {c.depth, 2 * units + tokens}),
                                        job_.device);
  return {
      .noise = {noise.narrow(2, 0, units), noise.narrow(2, units, units), noise.narrow(2, 2 * units, tokens)},
      .temperature = options_.temperature};
}

Tensor Dynamic::backward(const Inputs& in, std::int64_t step) {
  const double target = lambda_target(options_, step);
  // Before the other pass: its memory is free again by then.
  const Tensor complete_mse = in_stage_1(step)
                                  ? complete_backward(job_, dit_, diffusion_, in).mse.sum().detach()
                                  : torch::zeros({}, in.x.options());
  engine::Relaxed relaxed;
  {
    const Autocast autocast(job_.device, job_.options.bfloat16);
    relaxed = engine::relaxed_forward(dit_, in.x_t, in.t, in.y, relaxation(in, step), imposed(in, target));
    relaxed.output = relaxed.output.to(torch::kFloat32);
  }
  const auto terms = diffusion_.loss_terms(relaxed.output, in.x, in.x_t, in.t, in.noise);
  const Tensor kept =
      engine::shares_of(relaxed.masks, job_.configuration).select(1, 0).sum() / job_.options.batch;
  // The mean over the batches of all processes, with the gradient of this one's part.
  const Tensor all = kept.detach().clone();
  job_.group.sum({all});
  const Tensor held = flops_term(all + (kept - kept.detach()), target, options_.flops_weight);
  (terms.loss.sum() / job_.options.batch + held).backward();
  return torch::stack({terms.mse.sum() / job_.options.batch, terms.vb.sum() / job_.options.batch, kept,
                       complete_mse / job_.options.batch})
      .detach();
}

std::map<std::string, double> Dynamic::metrics(const Tensor& sums, std::int64_t first,
                                               std::int64_t last) const {
  const Tensor means = (sums / (last - first)).cpu();
  std::map<std::string, double> values{{"train_mse", means[0].item<double>()},
                                       {"train_vb", means[1].item<double>()},
                                       {"train_lambda", means[2].item<double>()},
                                       {"lambda_target", lambda_target(options_, last - 1)}};
  if (in_stage_1(first))
    values["train_complete_mse"] =
        sums[3].item<double>() / static_cast<double>(std::min(last, options_.complete_steps) - first);
  return values;
}

std::map<std::string, double> Dynamic::judge(model::DiT& average, const HeldOut& held_out,
                                             std::int64_t steps) const {
  const auto evaluate = [&](const Pass& pass) {
    return held_out.evaluate(pass, diffusion_, job_.device, job_.options.batch, job_.group);
  };
  // Each image has a timestep of its own: packing would take longer than the work that it saves.
  const auto engine = engine::masked_engine(average);
  const double target = lambda_target(options_, steps - 1);
  const HeldOutLoss dynamic = evaluate([&](const Inputs& in) {
    auto outcome = engine->forward(in.x_t, in.t, in.y, imposed(in, target));
    return Passed{outcome.output, engine::shares_of(outcome.masks, job_.configuration)};
  });
  const auto& [lambda, heads, channels, tokens] = dynamic.shares.value();
  std::map<std::string, double> values{{"held_out_mse", dynamic.mse},   {"held_out_vb", dynamic.vb},
                                       {"lambda_realised", lambda},     {"heads_on", heads},
                                       {"channel_groups_on", channels}, {"tokens_on", tokens}};
  if (options_.decide == "static") return values;  // its complete model is not trained
  const HeldOutLoss complete =
      evaluate([&](const Inputs& in) { return Passed{average->forward(in.x_t, in.t, in.y)}; });
  values["held_out_complete_mse"] = complete.mse;
  return values;
}

}  // namespace

std::unique_ptr<Objective> dynamic_objective(const Job& job, model::DiT dit,
                                             const diffusion::GaussianDiffusion& diffusion) {
  return std::make_unique<Dynamic>(job, std::move(dit), diffusion);
}

}  // namespace dydit::train
