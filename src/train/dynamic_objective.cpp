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
  Dynamic(const Job& job, const diffusion::GaussianDiffusion& diffusion)
      : job_(job), options_(*job.options.dynamic), diffusion_(diffusion) {}

  Tensor backward(Replicas& replicas, const Inputs& in, std::int64_t step) override;
  std::int64_t recorded() const override { return 4; }
  std::map<std::string, double> metrics(const Tensor& sums, std::int64_t first,
                                        std::int64_t last) const override;
  std::map<std::string, double> judge(model::DiT& average, const HeldOut& held_out,
                                      std::int64_t steps) const override;

 private:
  // Of some of the images; parts of the means over the batch.
  struct Forward {
    Tensor loss, kept;  // with their gradients
    Tensor means;       // (4): mse, vb, kept, the complete model's mse
  };
  static constexpr std::int64_t kept_of_means = 2;

  Forward forward(model::DiT& dit, const Inputs& in, std::int64_t step, double target) const;
  bool in_stage_1(std::int64_t step) const { return step < options_.complete_steps; }
  engine::Relaxation relaxation(const Inputs& in, std::int64_t step) const;
  engine::Masks imposed(const Inputs& in, double target) const;

  const Job& job_;
  const DynamicOptions& options_;
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
  const std::int64_t units = c.routed_units(), tokens = c.tokens();
  const Tensor noise = model::to_device(diffusion::logistic_rows(job_.seed, Purpose::gumbel, in.images,
                                                                 in.draws, {c.depth, 2 * units + tokens}),
                                        job_.device);
  return {
      .noise = {noise.narrow(2, 0, units), noise.narrow(2, units, units), noise.narrow(2, 2 * units, tokens)},
      .temperature = options_.temperature};
}

Tensor Dynamic::backward(Replicas& replicas, const Inputs& in, std::int64_t step) {
  const double target = lambda_target(options_, step);
  std::vector<Forward> forward(replicas.size());
  replicas.in_shares(in, [&](std::size_t share, model::DiT& dit, const Inputs& some) {
    forward[share] = this->forward(dit, some, step, target);
  });
  std::vector<Tensor> means;
  for (const Forward& of_share : forward) means.push_back(of_share.means);
  const Tensor here = torch::stack(means).sum(0);
  // The share kept, the mean over the batches of all processes; its gradient is that of each share's part.
  const Tensor all = here[kept_of_means].clone();
  job_.group.sum({all});
  replicas.in_shares(in, [&](std::size_t share, model::DiT&, const Inputs&) {
    Forward& of_share = forward[share];
    const Tensor held =
        flops_term(all + (of_share.kept - of_share.kept.detach()), target, options_.flops_weight);
    (of_share.loss + held).backward();
    of_share = {};  // its memory is free before the others are done
  });
  replicas.sum_gradients();
  return here;
}

Dynamic::Forward Dynamic::forward(model::DiT& dit, const Inputs& in, std::int64_t step, double target) const {
  // Before the other pass: its memory is free again by then.
  const Tensor complete_mse = in_stage_1(step)
                                  ? complete_backward(job_, dit, diffusion_, in).mse.sum().detach()
                                  : torch::zeros({}, in.x.options());
  engine::Relaxed relaxed;
  {
    const Autocast autocast(job_.device, job_.options.bfloat16);
    relaxed = engine::relaxed_forward(dit, in.x_t, in.t, in.y, relaxation(in, step), imposed(in, target));
    relaxed.output = relaxed.output.to(torch::kFloat32);
  }
  const auto terms = diffusion_.loss_terms(relaxed.output, in.x, in.x_t, in.t, in.noise);
  const auto batch = job_.options.batch;
  const Tensor kept = engine::shares_of(relaxed.masks, job_.configuration).select(1, 0).sum() / batch;
  return {.loss = terms.loss.sum() / batch,
          .kept = kept,
          .means = torch::stack({terms.mse.sum() / batch, terms.vb.sum() / batch, kept, complete_mse / batch}).detach()};
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

std::unique_ptr<Objective> dynamic_objective(const Job& job, const diffusion::GaussianDiffusion& diffusion) {
  return std::make_unique<Dynamic>(job, diffusion);
}

}  // namespace dydit::train
