// SPDX-License-Identifier: Apache-2.0
#include "start.h"

#include <array>

#include "dit/importance.h"
#include "dit/routers.h"
#include "dit/weights.h"
#include "train/baseline_masks.h"
#include "train/held_out.h"

namespace dydit::train {

using torch::Tensor;

namespace {

// Summed over batches of the training images, of the complete model's loss.
dit::Importance taylor_on_images(const Job& job, const diffusion::Process& process, dit::DiT& dit) {
  constexpr std::int64_t images = 1024, batch = 64;
  dit::Importance total;
  const HeldOut sample(job.images, images, job.seed, process, /*draws=*/1);
  sample.for_each(process, job.device, batch, {}, [&](const Inputs& in) {
    const Tensor output = dit->forward(in.x_t, in.t, in.y);
    process.loss_terms(output, in.x, in.x_t, in.t, in.noise).loss.mean().backward();
    const auto more = dit::taylor_importance(dit);
    total.heads = total.heads.defined() ? total.heads + more.heads : more.heads;
    total.channels = total.channels.defined() ? total.channels + more.channels : more.channels;
    dit->zero_grad();
  });
  return total;
}

dit::Importance importance_by(const std::string& order, const Job& job, const diffusion::Process& process,
                              dit::DiT& dit) {
  if (order == "random") return dit::random_importance(job.configuration, job.seed);
  if (order == "magnitude") return dit::magnitude_importance(dit);
  return taylor_on_images(job, process, dit);
}

using model::Scope;

constexpr std::array<Scope, 2> scopes{Scope::timestep, Scope::token};

// Which routers are trained; the decisions of the others are imposed.
bool trains(const DynamicOptions& o, Scope scope) {
  return o.decide == "routers" && o.skip != (scope == Scope::timestep ? "tokens" : "widths");
}

double bias_of(const DynamicOptions& o, Scope scope) { return scope == Scope::timestep ? o.width_bias : o.token_bias; }

}  // namespace

dit::DiT fresh_model(const Job& job) {
  dit::DiT dit(job.configuration);
  dit->initialise(job.seed);
  dit->to(job.device);
  if (!job.options.dynamic) return dit;
  for (const Scope scope : scopes)
    if (!trains(*job.options.dynamic, scope)) dit::freeze_routers(dit, scope);
  return dit;
}

void begin(const Job& job, const diffusion::Process& process, dit::DiT& dit) {
  bool routed = false;
  if (!job.start.checkpoint.empty()) {
    dit::DiT start = dit::load_dit(job.start.checkpoint, job.start.weights, job.start.num_heads, job.device);
    routed = start->configuration.dynamic;
    if (job.configuration.dynamic && !routed) start = dit::with_open_routers(start, job.seed);
    model::load_parameters(*dit, model::parameters_of(*start), job.start.checkpoint.string());
  }
  if (!job.options.dynamic) return;
  const DynamicOptions& o = *job.options.dynamic;
  // Routers that are not trained let all through whatever they are given, as a checkpoint is run by its routers. Those
  // that are begin with the biases asked for, or go on where the start is routed.
  for (const Scope scope : scopes)
    if (!trains(o, scope))
      dit::open_routers(dit, scope, bias_of(o, scope));
    else if (!routed)
      dit::bias_routers(dit, scope, bias_of(o, scope));
  if (o.order != "none") dit::order_units(dit, importance_by(o.order, job, process, dit));
  if (o.decide == "static") dit::close_routers(dit, static_widths(dit->architecture, o.lambda), o.width_bias);
}

}  // namespace dydit::train
