// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "engine/engine.h"
#include "model/fused.h"
#include "packing.h"
#include "routing.h"

namespace dydit::engine {

using torch::Tensor;

namespace {

// The units that are on at one timestep, layer by layer.
struct WidthPlan {
  std::vector<Units> heads, channels;
  auto operator<=>(const WidthPlan&) const = default;
};

std::vector<Units> units_of(const Tensor& mask) {  // (depth,H) on the host
  std::vector<Units> layers;
  const auto on = mask.accessor<bool, 2>();
  for (std::int64_t layer = 0; layer < mask.size(0); ++layer) {
    layers.emplace_back();
    for (std::int64_t unit = 0; unit < mask.size(1); ++unit) layers.back().push_back(on[layer][unit]);
  }
  return layers;
}

class Compact final : public Engine {
 public:
  Compact(model::DiT dit, const CompactOptions& options)
      : dit_(std::move(dit)), packing_(dit_, options.packing_budget) {}

  Outcome forward(const Tensor& x, const Tensor& t, const Tensor& y, const Masks& imposed) override;
  void plan(const Tensor& timesteps) override;

 private:
  struct Part {
    Tensor output, tokens, token_logits;
  };
  Part run(const Tensor& x, const Tensor& time, const Tensor& y, const WidthPlan& plan, const Tensor& imposed);
  Tensor mlp(const Tensor& normed, std::size_t layer, const Units& groups);
  Tensor routed_mlp(Tensor residual, const model::BlockImpl::Modulation& m, const Tensor& mask, std::size_t layer,
                    const Units& groups);

  model::DiT dit_;
  Packing packing_;
};

Tensor Compact::mlp(const Tensor& normed, std::size_t layer, const Units& groups) {
  const auto part = packing_.mlp(layer, groups);
  return part->out.forward(part->in.gelu(normed));
}

// The MLP on the tokens of `mask` (N,T) alone, added to the residual.
Tensor Compact::routed_mlp(Tensor residual, const model::BlockImpl::Modulation& m, const Tensor& mask,
                           std::size_t layer, const Units& groups) {
  const Tensor rows = mask.flatten().nonzero().squeeze(1);
  if (rows.numel() == 0) return residual;
  if (rows.numel() == mask.numel())
    return model::gated_residual(residual, mlp(model::modulated_norm(residual, m.shift2, m.scale2), layer, groups),
                                 m.gate2);
  const Tensor out = mlp(model::modulated_norm_rows(residual, rows, m.shift2, m.scale2), layer, groups);
  model::add_gated_rows(residual, rows, out, m.gate2);
  return residual;
}

// Images of one plan. `imposed`: tokens (N,depth,T), or undefined.
Compact::Part Compact::run(const Tensor& x, const Tensor& time, const Tensor& y, const WidthPlan& plan,
                           const Tensor& imposed) {
  Tensor tokens = dit_->embed(x);
  const Tensor silu_c = torch::silu(time + dit_->y_embedder(y));
  std::vector<Tensor> on, logits;
  for (std::size_t layer = 0; layer < plan.heads.size(); ++layer) {
    model::BlockImpl& block = dit_->block(layer);
    const auto m = block.modulation(silu_c);
    const auto attention = packing_.attention(layer, plan.heads[layer]);
    const Tensor qkv = attention->in.forward(model::modulated_norm(tokens, m.shift1, m.scale1));
    const Tensor attended = attention->out.forward(model::AttentionImpl::attend(qkv, attention->units));
    const Tensor residual = model::gated_residual(tokens, attended, m.gate1);
    Tensor mask = layer_of(imposed, layer);
    if (!mask.defined()) {
      logits.push_back(block.token_selection(residual));
      mask = decide(logits.back());
    }
    on.push_back(mask);
    tokens = routed_mlp(residual, m, mask, layer, plan.channels[layer]);
  }
  return {dit_->unpatchify(dit_->final_layer(tokens, silu_c)), stacked(on), stacked(logits)};
}

Outcome Compact::forward(const Tensor& x, const Tensor& t, const Tensor& y, const Masks& imposed) {
  torch::NoGradGuard no_grad;
  require_fit(imposed, dit_->configuration, x.size(0));
  const Tensor time = dit_->t_embedder(t);
  const Widths widths = widths_of(dit_, time, imposed);
  const Tensor heads = widths.masks.heads.cpu(), channels = widths.masks.channels.cpu();
  std::map<WidthPlan, std::vector<std::int64_t>> groups;
  for (std::int64_t i = 0; i < x.size(0); ++i)
    groups[{units_of(heads[i]), units_of(channels[i])}].push_back(i);

  Outcome outcome{.output = {}, .masks = widths.masks, .logits = widths.logits};
  if (groups.size() == 1) {
    Part part = run(x, time, y, groups.begin()->first, imposed.tokens);
    outcome.output = part.output;
    outcome.masks.tokens = part.tokens;
    outcome.logits.tokens = part.token_logits;
    return outcome;
  }
  const auto put = [&](Tensor& whole, const Tensor& images, const Tensor& part) {
    if (!part.defined()) return;
    if (!whole.defined()) {
      auto sizes = part.sizes().vec();
      sizes.front() = x.size(0);
      whole = torch::empty(sizes, part.options());
    }
    whole.index_copy_(0, images, part);
  };
  for (const auto& [plan, members] : groups) {
    const Tensor images = torch::tensor(members, torch::kInt64).to(x.device());
    const auto of = [&](const Tensor& tensor) {
      return tensor.defined() ? tensor.index_select(0, images) : tensor;
    };
    const Part part = run(of(x), of(time), of(y), plan, of(imposed.tokens));
    put(outcome.output, images, part.output);
    put(outcome.masks.tokens, images, part.tokens);
    put(outcome.logits.tokens, images, part.token_logits);
  }
  return outcome;
}

void Compact::plan(const Tensor& timesteps) {
  torch::NoGradGuard no_grad;
  const Widths widths = widths_of(dit_, dit_->t_embedder(timesteps), {});
  const Tensor heads = widths.masks.heads.cpu(), channels = widths.masks.channels.cpu();
  for (std::int64_t i = 0; i < timesteps.size(0); ++i) {
    const WidthPlan plan{units_of(heads[i]), units_of(channels[i])};
    for (std::size_t layer = 0; layer < plan.heads.size(); ++layer) {
      packing_.attention(layer, plan.heads[layer]);
      packing_.mlp(layer, plan.channels[layer]);
    }
  }
}

}  // namespace

std::unique_ptr<Engine> compact_engine(model::DiT dit, const CompactOptions& options) {
  require_routers(dit->configuration);
  return std::make_unique<Compact>(std::move(dit), options);
}

}  // namespace dydit::engine
