// SPDX-License-Identifier: Apache-2.0
#include "start.h"

#include "model/importance.h"
#include "model/weights.h"
#include "train/held_out.h"
#include "train/baseline_masks.h"

namespace dydit::train {

using torch::Tensor;

namespace {

// Summed over batches of the training images, of the complete model's loss.
model::Importance taylor_on_images(const Job& job, const diffusion::GaussianDiffusion& diffusion,
                                   model::DiT& dit) {
  constexpr std::int64_t images = 1024, batch = 64;
  model::Importance total;
  const HeldOut sample(job.images, images, job.seed, diffusion_steps, /*draws=*/1);
  sample.for_each(diffusion, job.device, batch, {}, [&](const Inputs& in) {
    const Tensor output = dit->forward(in.x_t, in.t, in.y);
    diffusion.loss_terms(output, in.x, in.x_t, in.t, in.noise).loss.mean().backward();
    const auto more = model::taylor_importance(dit);
    total.heads = total.heads.defined() ? total.heads + more.heads : more.heads;
    total.channels = total.channels.defined() ? total.channels + more.channels : more.channels;
    dit->zero_grad();
  });
  return total;
}

model::Importance importance_by(const std::string& order, const Job& job,
                                const diffusion::GaussianDiffusion& diffusion, model::DiT& dit) {
  if (order == "random") return model::random_importance(job.configuration, job.seed);
  if (order == "magnitude") return model::magnitude_importance(dit);
  return taylor_on_images(job, diffusion, dit);
}

// Which routers are trained; the decisions of the others are imposed.
bool trains_widths(const DynamicOptions& o) {
  return o.decide == "routers" && o.skip != "tokens";
}
bool trains_tokens(const DynamicOptions& o) {
  return o.decide == "routers" && o.skip != "widths";
}

// Those that are not trained let all through whatever they are given, as a checkpoint is run by its routers.
// Those that are begin with the biases asked for, or go on where the start is `routed`.
void open_routers(const DynamicOptions& o, bool routed, model::DiT& dit) {
  torch::NoGradGuard no_grad;
  const auto open = [&](model::LinearImpl& last, bool trained, double bias) {
    if (!trained) last.weight.zero_();
    if (!trained || !routed) last.bias.fill_(bias);
  };
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    model::BlockImpl& block = dit->block(layer);
    open(*block.attn_rate->router, trains_widths(o), o.width_bias);
    open(*block.mlp_rate->router, trains_widths(o), o.width_bias);
    open(*block.token_selection->mlp_head[2]->as<model::Linear>(), trains_tokens(o), o.token_bias);
  }
}

// The first `counts` units of each layer are on, at every timestep. A router has no row for a unit that is
// always on.
void close_routers(const DynamicOptions& o, model::DiT& dit, model::WidthRouter model::BlockImpl::*router,
                   const std::vector<std::int64_t>& counts) {
  torch::NoGradGuard no_grad;
  for (std::size_t layer = 0; layer < counts.size(); ++layer) {
    model::Linear& linear = (dit->block(layer).*router)->router;
    const std::int64_t off = dit->configuration.num_heads - counts[layer];
    linear->bias.narrow(0, linear->bias.size(0) - off, off).fill_(-o.width_bias);
  }
}

}  // namespace

model::DiT fresh_model(const Job& job) {
  model::DiT dit(job.configuration);
  dit->initialise(job.seed);
  dit->to(job.device);
  if (!job.options.dynamic) return dit;
  const DynamicOptions& o = *job.options.dynamic;
  const auto freeze = [](torch::nn::Module& module) {
    for (Tensor& parameter : module.parameters()) parameter.requires_grad_(false);
  };
  for (std::size_t layer = 0; layer < dit->blocks->size(); ++layer) {
    model::BlockImpl& block = dit->block(layer);
    if (!trains_widths(o)) freeze(*block.attn_rate), freeze(*block.mlp_rate);
    if (!trains_tokens(o)) freeze(*block.token_selection);
  }
  return dit;
}

void begin(const Job& job, const diffusion::GaussianDiffusion& diffusion, model::DiT& dit) {
  bool routed = false;
  if (!job.start.checkpoint.empty()) {
    model::DiT start =
        model::load_dit(job.start.checkpoint, job.start.weights, job.start.num_heads, job.device);
    routed = start->configuration.dynamic;
    if (job.configuration.dynamic && !routed) start = model::with_open_routers(start, job.seed);
    model::load_parameters(*dit, model::parameters_of(*start), job.start.checkpoint.string());
  }
  if (!job.options.dynamic) return;
  const DynamicOptions& o = *job.options.dynamic;
  open_routers(o, routed, dit);
  if (o.order != "none") model::order_units(dit, importance_by(o.order, job, diffusion, dit));
  if (o.decide == "static") {
    const StaticWidths widths = static_widths(job.configuration, o.lambda);
    close_routers(o, dit, &model::BlockImpl::attn_rate, widths.heads);
    close_routers(o, dit, &model::BlockImpl::mlp_rate, widths.groups);
  }
}

}  // namespace dydit::train
