// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "diffusion/draws.h"
#include "dit/engines.h"
#include "dit/relaxed.h"
#include "model/device.h"
#include "objective.h"
#include "train/autocast.h"
#include "train/baseline_masks.h"
#include "train/flops_term.h"

namespace dydit::train {

using torch::Tensor;

namespace {

class Dynamic final : public Objective {
 public:
  Dynamic(const Job& job, const diffusion::Process& process)
      : job_(job), options_(*job.options.dynamic), process_(process) {}

  Tensor backward(Replicas& replicas, const Inputs& in, std::int64_t step) override;
  std::int64_t recorded() const override { return 4; }
  std::map<std::string, double> metrics(const Tensor& sums, std::int64_t first, std::int64_t last) const override;
  std::map<std::string, double> judge(dit::DiT& average, const HeldOut& held_out, std::int64_t steps) const override;

 private:
  // Of some of the images; parts of the means over the batch.
  struct Forward {
    Tensor loss, kept;  // with their gradients
    Tensor means;       // (4): mse, vb, kept, the complete model's mse
  };
  static constexpr std::int64_t kept_of_means = 2;

  Forward forward(dit::DiT& dit, const Inputs& in, std::int64_t step, double target) const;
  bool in_stage_1(std::int64_t step) const { return step < options_.complete_steps; }
  dit::Relaxation relaxation(const Inputs& in, std::int64_t step) const;
  engine::Masks imposed(const Inputs& in, double target) const;

  const Job& job_;
  const model::Architecture architecture_ = dit::architecture_of(job_.configuration);
  const DynamicOptions& options_;
  const diffusion::Process& process_;
};

engine::Masks Dynamic::imposed(const Inputs& in, double target) const {
  auto masks = masks_instead_of_routers(options_, architecture_, target, job_.seed, in.images, in.draws);
  for (Tensor& mask : masks)
    if (mask.defined()) mask = mask.to(job_.device);
  return masks;
}

dit::Relaxation Dynamic::relaxation(const Inputs& in, std::int64_t step) const {
  dit::Relaxation relaxation{.noise = {}, .temperature = options_.temperature};
  if (options_.decide != "routers" || step >= job_.options.steps - options_.settle_steps) return relaxation;
  std::int64_t decided = 0;  // of a layer
  for (const model::UnitAxis& axis : architecture_.units) decided += axis.routed();
  const Tensor noise = model::to_device(
      diffusion::logistic_rows(job_.seed, Purpose::gumbel, in.images, in.draws, {architecture_.depth, decided}),
      job_.device);
  std::int64_t first = 0;
  for (const model::UnitAxis& axis : architecture_.units) {
    relaxation.noise.push_back(noise.narrow(2, first, axis.routed()));
    first += axis.routed();
  }
  return relaxation;
}

Tensor Dynamic::backward(Replicas& replicas, const Inputs& in, std::int64_t step) {
  const double target = lambda_target(options_, step);
  std::vector<Forward> forward(replicas.size());
  replicas.in_shares(in, [&](std::size_t share, dit::DiT& dit, const Inputs& some) {
    forward[share] = this->forward(dit, some, step, target);
  });
  std::vector<Tensor> means;
  for (const Forward& of_share : forward) means.push_back(of_share.means);
  const Tensor here = torch::stack(means).sum(0);
  // The share kept, the mean over the batches of all processes; its gradient is that of each share's part.
  const Tensor all = here[kept_of_means].clone();
  job_.group.sum({all});
  replicas.in_shares(in, [&](std::size_t share, dit::DiT&, const Inputs&) {
    Forward& of_share = forward[share];
    const Tensor held = flops_term(all + (of_share.kept - of_share.kept.detach()), target, options_.flops_weight);
    (of_share.loss + held).backward();
    of_share = {};  // its memory is free before the others are done
  });
  replicas.sum_gradients();
  return here;
}

Dynamic::Forward Dynamic::forward(dit::DiT& dit, const Inputs& in, std::int64_t step, double target) const {
  // Before the other pass: its memory is free again by then.
  const Tensor complete_mse = in_stage_1(step) ? complete_backward(job_, dit, process_, in).mse.sum().detach()
                                               : torch::zeros({}, in.x.options());
  dit::Relaxed relaxed;
  {
    const Autocast autocast(job_.device, job_.options.bfloat16);
    relaxed = dit::relaxed_forward(dit, {in.x_t, in.t, in.y}, relaxation(in, step), imposed(in, target));
    relaxed.output = relaxed.output.to(torch::kFloat32);
  }
  const auto terms = process_.loss_terms(relaxed.output, in.x, in.x_t, in.t, in.noise);
  const auto batch = job_.options.batch;
  const Tensor kept = engine::shares_of(relaxed.masks, architecture_).select(1, 0).sum() / batch;
  return {.loss = terms.loss.sum() / batch,
          .kept = kept,
          .means = torch::cat({sums_of(terms) / batch, torch::stack({kept, complete_mse / batch})}).detach()};
}

std::map<std::string, double> Dynamic::metrics(const Tensor& sums, std::int64_t first, std::int64_t last) const {
  const Tensor means = (sums / (last - first)).cpu();
  auto values = train_losses(means, process_);
  values["train_lambda"] = means[kept_of_means].item<double>();
  values["lambda_target"] = lambda_target(options_, last - 1);
  if (in_stage_1(first))
    values["train_complete_mse"] =
        sums[3].item<double>() / static_cast<double>(std::min(last, options_.complete_steps) - first);
  return values;
}

std::map<std::string, double> Dynamic::judge(dit::DiT& average, const HeldOut& held_out, std::int64_t steps) const {
  const auto axes = static_cast<std::int64_t>(architecture_.units.size());
  const auto evaluate = [&](const Pass& pass, std::int64_t shares) {
    return held_out.evaluate(pass, process_, job_.device, job_.options.batch, job_.group, shares);
  };
  // Each image has a time of its own: packing would take longer than the work that it saves.
  const auto engine = dit::masked_engine(average);
  const double target = lambda_target(options_, steps - 1);
  const HeldOutLoss dynamic = evaluate(
      [&](const Inputs& in) {
        const auto outcome = engine->forward({in.x_t, in.t, in.y}, imposed(in, target));
        return Passed{outcome.output, engine::shares_of(outcome.masks, architecture_)};
      },
      1 + axes);
  auto values = held_out_losses(dynamic);
  values["lambda_realised"] = dynamic.shares.front();
  for (std::size_t axis = 0; axis < architecture_.units.size(); ++axis)
    values["units_on." + architecture_.units[axis].name] = dynamic.shares[axis + 1];
  if (options_.decide == "static") return values;  // its complete model is not trained
  const HeldOutLoss complete =
      evaluate([&](const Inputs& in) { return Passed{average->forward(in.x_t, in.t, in.y)}; }, 0);
  values["held_out_complete_mse"] = complete.mse;
  return values;
}

}  // namespace

std::unique_ptr<Objective> dynamic_objective(const Job& job, const diffusion::Process& process) {
  return std::make_unique<Dynamic>(job, process);
}

}  // namespace dydit::train
