// SPDX-License-Identifier: Apache-2.0
#include "kept.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/range.h"
#include "instrument/interleaved.h"
#include "model/device.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

std::size_t usual_budget(torch::Device device) {
  constexpr std::size_t of_free = 8;  // several engines may be there
  return std::max(std::size_t{2} << 30, model::free_memory(device) / of_free);
}

}  // namespace

Kept::Kept(DiT dit, const engine::Options& options)
    : dit_(std::move(dit)),
      packing_(std::make_shared<Packing>(
          dit_, options.packing_budget ? *options.packing_budget : usual_budget(dit_->pos_embed.device()))),
      round_up_(options.round_up) {
  engine::require_fit(round_up_, dit_->architecture.units);
}

Masks Kept::rounded(const Masks& widths, const Masks& logits) const {
  Masks more = widths;
  if (!rounds()) return more;
  for (const std::size_t axis : {axis::heads, axis::channels})
    more[axis] = engine::rounded_up(widths[axis], logits[axis], round_up_[axis]);
  return more;
}

std::optional<Kept::Decision> Kept::known(const model::Inputs& in) {
  if (known_.empty()) return std::nullopt;
  const Tensor timesteps =
      in.time ? torch::full({in.x.size(0)}, *in.time, torch::kFloat64) : in.t.to(torch::kCPU, torch::kFloat64);
  Decision decision;
  std::vector<Known*> of_images;
  for (std::int64_t i = 0; i < timesteps.numel(); ++i) {
    const auto found = known_.find(timesteps.const_data_ptr<double>()[i]);
    if (found == known_.end()) return std::nullopt;
    of_images.push_back(&found->second);
    decision.groups[found->second.plan].push_back(i);
  }
  const bool alike = std::ranges::adjacent_find(of_images, std::not_equal_to<>()) == of_images.end();
  const auto together = [&](Tensor Known::*axis) {
    std::vector<Tensor> all;
    for (Known* one : of_images) all.push_back(one->*axis);
    return torch::stack(all);
  };
  if (!alike) {
    decision.widths = {.masks = {together(&Known::heads), together(&Known::channels), Tensor()}, .logits = Masks(3)};
    return decision;
  }
  Known& one = *of_images.front();
  const std::int64_t images = timesteps.numel();
  if (one.of_batch.empty() || one.of_batch.front().size(0) != images)
    one.of_batch = {one.heads.unsqueeze(0).expand({images, -1, -1}), one.channels.unsqueeze(0).expand({images, -1, -1}),
                    Tensor()};
  decision.widths = {.masks = one.of_batch, .logits = Masks(3)};
  return decision;
}

std::map<WidthPlan, std::vector<std::int64_t>> Kept::groups_of(const Masks& widths) {
  const Tensor heads = widths[axis::heads].cpu(), channels = widths[axis::channels].cpu();
  std::map<WidthPlan, std::vector<std::int64_t>> groups;
  for (std::int64_t i = 0; i < heads.size(0); ++i) groups[{units_of(heads[i]), units_of(channels[i])}].push_back(i);
  return groups;
}

WidthPlan Kept::one_plan(const std::map<WidthPlan, std::vector<std::int64_t>>& groups) {
  if (groups.size() != 1)
    throw UsageError("images of one pass have different widths", "cache", "give images at one time");
  return groups.begin()->first;
}

// Timesteps that are known need no router.
Kept::Decision Kept::decide(const model::Inputs& in, const Masks& given, Overruled routers) {
  const Masks imposed = engine::require_fit(given, dit_->architecture.units, in.x.size(0));
  const bool heads = imposed[axis::heads].defined(), channels = imposed[axis::channels].defined();
  const Tensor time = dit_->t_embedder(in.t);
  Decision decision;
  auto of_times = heads && channels && of_widths(routers) == Overruled::skipped ? std::nullopt : known(in);
  if (of_times) {
    decision = std::move(*of_times);
    if (heads) decision.widths.masks[axis::heads] = imposed[axis::heads];
    if (channels) decision.widths.masks[axis::channels] = imposed[axis::channels];
  } else {
    decision.widths = widths_of(dit_, time, imposed, of_widths(routers));
  }
  if (!of_times || heads || channels) {
    Masks own = decision.widths.logits;  // those of imposed widths say nothing
    if (heads) own[axis::heads] = Tensor();
    if (channels) own[axis::channels] = Tensor();
    decision.widths.masks = rounded(decision.widths.masks, own);
    decision.groups = groups_of(decision.widths.masks);
  }
  decision.time = time;
  decision.imposed = imposed;
  return decision;
}

Outcome Kept::forward(const model::Inputs& in, const Masks& given, Overruled routers) {
  torch::NoGradGuard no_grad;
  const Range range("pass");
  const model::OnlyShares only(in.x.device());
  const Decision decision = decide(in, given, routers);
  Outcome outcome{.output = {}, .masks = decision.widths.masks, .logits = decision.widths.logits};
  const bool one = decision.groups.size() == 1;  // of all images: nothing is copied
  const auto put = [&](Tensor& whole, const Tensor& images, const Tensor& part) {
    if (one) whole = part;
    if (one || !part.defined()) return;
    if (!whole.defined()) {
      auto sizes = part.sizes().vec();
      sizes.front() = in.x.size(0);
      whole = torch::empty(sizes, part.options());
    }
    whole.index_copy_(0, images, part);
  };
  for (const auto& [plan, members] : decision.groups) {
    const Tensor images = one ? Tensor() : torch::tensor(members, torch::kInt64).to(in.x.device());
    const auto of = [&](const Tensor& tensor) {
      return one || !tensor.defined() ? tensor : tensor.index_select(0, images);
    };
    const PartialOutcome part =
        run(plan, {of(in.x), of(in.t), of(in.y)}, of(decision.time), of(decision.imposed[axis::tokens]), routers);
    put(outcome.output, images, part.output);
    put(outcome.masks[axis::tokens], images, part.tokens);
    put(outcome.logits[axis::tokens], images, part.token_logits);
  }
  if (checks_finite) require_finite(outcome);
  return outcome;
}

std::unique_ptr<engine::Pass> Kept::pass(const model::Inputs& in, const Masks& given, Overruled routers) {
  torch::NoGradGuard no_grad;
  const model::OnlyShares only(in.x.device());
  Decision decision = decide(in, given, routers);
  decision.widths.masks[axis::tokens] = decision.imposed[axis::tokens];
  const Tensor time = decision.time.defined() ? decision.time : dit_->t_embedder(in.t);
  const auto under = [this](const Masks& masks, Overruled of_masks) {
    return blocks(one_plan(groups_of(masks)), masks[axis::tokens], of_masks);
  };
  return stretches(dit_, {in, decision.widths.masks, decision.widths.logits, routers, checks_finite},
                   frame_of(dit_, in, time), under);
}

engine::RoundedPlan Kept::know(const Tensor& timesteps) {
  const auto [planned, logits] = widths_of(dit_, dit_->t_embedder(timesteps), Masks(3), Overruled::skipped);
  require_finite(logits);
  const Masks widths = rounded(planned, logits);
  const Tensor at = timesteps.to(torch::kCPU, torch::kFloat64);
  knows_ = true;
  for (const auto& [plan, rows] : groups_of(widths))
    for (const std::int64_t i : rows)
      known_[at.const_data_ptr<double>()[i]] = {widths[axis::heads][i], widths[axis::channels][i], plan, {}};
  return {planned, widths};
}

void Kept::plan(const Tensor& timesteps) {
  torch::NoGradGuard no_grad;
  prepare(know(timesteps));
}

void Kept::plan(const Masks& widths) {
  torch::NoGradGuard no_grad;
  if (widths.size() < 2 || !widths[axis::heads].defined() || !widths[axis::channels].defined())
    throw UsageError("a plan without widths", "masks", "give heads and channels");
  const Masks both{widths[axis::heads], widths[axis::channels], Tensor()};
  engine::require_fit(both, dit_->architecture.units, both[axis::heads].size(0));
  knows_ = true;
  prepare({both, rounded(both)});
}

void Kept::prepare(const engine::RoundedPlan& plan) {
  if (rounds()) rounded_plan_ = plan;
  const Tensor heads = plan.kept[axis::heads].cpu(), channels = plan.kept[axis::channels].cpu();
  std::vector<WidthPlan> plans;
  for (std::int64_t i = 0; i < heads.size(0); ++i) plans.push_back({units_of(heads[i]), units_of(channels[i])});
  packing_->prepare(plans);
}

namespace {

// What blocks work on that are run by themselves: their gates are 0, so that they leave the tokens as they are.
struct BlockInputs {
  BlockInputs(const DiT& dit, std::int64_t images) : shares(model::shares_of(images, dit->pos_embed.device())) {
    const Configuration& c = dit->configuration;
    const auto options = dit->pos_embed.options();
    std::uint64_t which = 16;  // after those of parts
    for (const model::Share& share : shares) {
      tokens.push_back(instrument::operand({share.count, c.tokens(), c.hidden_size}, which++, options));
      modulation.push_back(
          BlockImpl::split(instrument::operand({share.count, 6 * c.hidden_size}, which++, options).contiguous()));
      modulation.back().gate1.zero_();
      modulation.back().gate2.zero_();
    }
  }

  std::vector<model::Share> shares;
  std::vector<Tensor> tokens;  // of each share (n,T,D)
  std::vector<BlockImpl::Modulation> modulation;
};

}  // namespace

std::vector<std::function<void()>> Kept::blocks_alone(const std::vector<Masks>& masks) {
  const std::int64_t images = masks.front().front().size(0);
  const auto inputs = std::make_shared<BlockInputs>(dit_, images);
  std::vector<std::function<void()>> runs;
  for (const Masks& given : masks) {
    engine::require_fit(given, dit_->architecture.units, images);
    const Tensor heads = given[axis::heads][0].cpu(), channels = given[axis::channels][0].cpu();
    const RunBlock run = blocks({units_of(heads), units_of(channels)}, given[axis::tokens], Overruled::skipped);
    runs.push_back([inputs, run, device = dit_->pos_embed.device()] {
      torch::NoGradGuard no_grad;
      const model::OnlyShares only(device);
      model::in_shares(inputs->shares, [&](const model::Share& share) {
        TokensOn on;
        Tensor& tokens = inputs->tokens[share.number];
        tokens = run(std::move(tokens), {0, inputs->modulation[share.number], share, on, {}});
      });
    });
  }
  return runs;
}

// All but those of the units that are off.
double Kept::weight_bytes(const model::Activity& activity) const {
  double bytes = engine::bytes_of(*dit_);
  const auto units = static_cast<double>(dit_->configuration.num_heads);
  const auto both = [](const model::Linear& first, const model::Linear& second) {
    return static_cast<double>(first->weight.nbytes() + second->weight.nbytes());
  };
  for (std::size_t layer = 0; layer < dit_->blocks->size(); ++layer) {
    const BlockImpl& block = dit_->block(layer);
    bytes -= (1 - activity.on[axis::heads][layer] / units) * both(block.attn->qkv, block.attn->proj) +
             (1 - activity.on[axis::channels][layer] / units) * both(block.mlp->fc1, block.mlp->fc2);
  }
  return bytes;
}

}  // namespace dydit::dit
