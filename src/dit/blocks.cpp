// SPDX-License-Identifier: Apache-2.0
#include "blocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/range.h"
#include "model/finite.h"
#include "model/fused.h"

namespace dydit::dit {

using model::BlockPart;
using torch::Tensor;

Tensor through(Tensor tokens, std::size_t first, std::size_t last, const Conditioning& conditioning,
               const model::Share& share, TokensOn& on, const RunBlock& run, const engine::Keep& keep) {
  for (std::size_t layer = first; layer < last; ++layer) {
    const Range range("block", static_cast<std::int64_t>(layer));
    KeepPart keep_part;
    if (keep) keep_part = [&](BlockPart part, const Tensor& output) { keep(layer, part, share, output); };
    tokens = run(std::move(tokens), {layer, conditioning.of_block(layer), share, on, keep_part});
  }
  return tokens;
}

PartialOutcome pass_of(DiT dit, const Tensor& x, const Conditioning& conditioning, const RunBlock& run) {
  return in_shares(x.size(0), x.device(), [&](const model::Share& share) {
    const Conditioning of_share = conditioning.of(share);
    TokensOn on;
    const Tensor tokens = through(dit->embed(share.of(x)), 0, dit->blocks->size(), of_share, share, on, run);
    return PartialOutcome{dit->unpatchify(dit->final_layer(tokens, of_share.final_layer)), stacked(on.masks),
                          stacked(on.logits)};
  });
}

namespace {

class Stretches final : public engine::Pass {
 public:
  Stretches(const DiT& dit, const PassStart& start, BlocksUnder blocks)
      : dit_(dit),
        start_(start),
        blocks_(std::move(blocks)),
        run_(blocks_(start.masks, start.routers)),
        shares_(model::shares_of(start.in.x.size(0), start.in.x.device())),
        vector_(dit_->conditioning_vector(start.time, start.in.y)),
        ran_(model::block_parts, std::vector<double>(depth())),
        tokens_on_(depth()),
        logits_(depth()) {
    conditioning_.blocks.resize(depth());
  }

  Tensor begin() override {
    return in_shares([&](const model::Share& share) { return dit_->embed(share.of(start_.in.x)); });
  }

  Tensor modulated(const Tensor& tokens) override {
    condition(0, 1);
    return in_shares([&](const model::Share& share) {
      const auto m = conditioning_.of_block(0);
      return model::modulated_norm(share.of(tokens), share.of(m.shift1), share.of(m.scale1));
    });
  }

  Tensor run(Tensor tokens, std::size_t first, std::size_t last, const engine::Keep& keep) override {
    if (first == last) return tokens;
    condition(first, last);
    next_ = last;
    for (std::size_t layer = first; layer < last; ++layer)
      for (const BlockPart part : {BlockPart::attention, BlockPart::mlp}) count(part, layer);
    return stretch(first, last, [&](const model::Share& share, const Conditioning& of_share, TokensOn& on) {
      return through(share.of(tokens), first, last, of_share, share, on, run_, keep);
    });
  }

  Tensor reuse(Tensor tokens, std::size_t first, std::size_t last, const engine::Foretold& outputs,
               bool masked) override {
    condition(first, last);
    next_ = last;
    const Tensor imposed = start_.masks.empty() ? Tensor() : start_.masks[axis::tokens];
    const bool asks = !start_.masks.empty() && !start_.complete && !(imposed.defined() && masked);
    const RunBlock other = [&](Tensor x, const BlockAt& at) {
      const auto& m = at.modulation;
      Tensor residual = model::gated_residual(std::move(x), outputs(at.layer, BlockPart::attention, at.share), m.gate1);
      Tensor out = outputs(at.layer, BlockPart::mlp, at.share);
      if (asks) {
        const Tensor mask = tokens_of(dit_->block(at.layer), at.layer, residual, at.share.of(imposed),
                                      Overruled::skipped, at.on.logits);
        out = out * mask.unsqueeze(2).to(out.scalar_type());
      }
      return model::gated_residual(std::move(residual), out, m.gate2);
    };
    return stretch(first, last, [&](const model::Share& share, const Conditioning& of_share, TokensOn& on) {
      return through(share.of(tokens), first, last, of_share, share, on, other);
    });
  }

  void impose(const Masks& masks) override {
    for (std::size_t axis = 0; axis < start_.masks.size(); ++axis) {
      Tensor& mask = start_.masks[axis];
      const auto passed = static_cast<std::int64_t>(next_), left = masks[axis].size(1) - passed;
      // Of tokens the masks that blocks had are kept apart.
      mask = axis == axis::tokens ? masks[axis]
                                  : torch::cat({mask.narrow(1, 0, passed), masks[axis].narrow(1, passed, left)}, 1);
    }
    run_ = blocks_(start_.masks, Overruled::skipped);
  }

  Outcome end(const Tensor& tokens) override {
    if (!conditioning_.final_layer.defined()) {
      const model::OnlyShares only(device());
      conditioning_.final_layer = dit_->adaln(vector_, depth(), depth() + 1).front();
    }
    Outcome outcome{.output = in_shares([&](const model::Share& share) {
                      return dit_->unpatchify(dit_->final_layer(share.of(tokens), share.of(conditioning_.final_layer)));
                    }),
                    .masks = executed(),
                    .logits = start_.logits,
                    .ran = ran_};
    if (!outcome.logits.empty() && std::ranges::all_of(logits_, &Tensor::defined))
      outcome.logits[axis::tokens] = stacked(logits_);
    if (start_.checks_finite) require_finite(outcome, logits_);
    return outcome;
  }

 private:
  std::size_t depth() const { return dit_->blocks->size(); }
  torch::Device device() const { return start_.in.x.device(); }
  void count(BlockPart part, std::size_t layer) { ran_[static_cast<std::size_t>(part)][layer] = 1; }

  Tensor in_shares(const std::function<Tensor(const model::Share&)>& work) const {
    const model::OnlyShares only(device());
    return model::joined(shares_, work);
  }

  // adaLN of blocks [first, last), where it did not run before.
  void condition(std::size_t first, std::size_t last) {
    const model::OnlyShares only(device());
    while (first < last && conditioning_.blocks[first].defined()) ++first;
    auto outputs = dit_->adaln(vector_, first, last);
    for (std::size_t layer = first; layer < last; ++layer) {
      conditioning_.blocks[layer] = outputs[layer - first];
      count(BlockPart::adaln, layer);
    }
  }

  // Blocks [first, last) of every share, and what their token routers decide.
  Tensor stretch(std::size_t first, std::size_t last,
                 const std::function<Tensor(const model::Share&, const Conditioning&, TokensOn&)>& work) {
    std::vector<TokensOn> of_shares(shares_.size());
    const Tensor tokens = in_shares([&](const model::Share& share) {
      Conditioning of_share;
      of_share.blocks.resize(depth());
      for (std::size_t layer = first; layer < last; ++layer)
        of_share.blocks[layer] = share.of(conditioning_.blocks[layer]);
      return work(share, of_share, of_shares[share.number]);
    });
    const auto put = [&](std::vector<Tensor>& layers, std::vector<Tensor> TokensOn::*of) {
      if ((of_shares.front().*of).empty()) return false;
      for (std::size_t layer = first; layer < last; ++layer) {
        std::vector<Tensor> parts;
        for (const TokensOn& on : of_shares) parts.push_back((on.*of)[layer - first]);
        layers[layer] = parts.size() == 1 ? parts.front() : torch::cat(parts);
      }
      return true;
    };
    put(tokens_on_, &TokensOn::masks);
    if (put(logits_, &TokensOn::logits))
      for (std::size_t layer = first; layer < last; ++layer) count(BlockPart::routers, layer);
    return tokens;
  }

  // A mask (N,depth,U) with nothing on in blocks in which a part did not run.
  Tensor where_ran(const Tensor& mask, BlockPart part) const {
    const auto& ran = ran_[static_cast<std::size_t>(part)];
    std::vector<Tensor> stretches_of_blocks;
    for (std::size_t first = 0, last = 0; first < depth(); first = last) {
      while (last < depth() && ran[last] == ran[first]) ++last;
      const Tensor some = mask.narrow(1, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last - first));
      stretches_of_blocks.push_back(ran[first] > 0 ? some : torch::zeros_like(some));
    }
    return stretches_of_blocks.size() == 1 ? stretches_of_blocks.front() : torch::cat(stretches_of_blocks, 1);
  }

  // The masks with nothing on where a part did not run.
  Masks executed() const {
    Masks masks = start_.masks;
    if (masks.empty()) return masks;
    masks[axis::heads] = where_ran(masks[axis::heads], BlockPart::attention);
    masks[axis::channels] = where_ran(masks[axis::channels], BlockPart::mlp);
    std::vector<Tensor> tokens = tokens_on_;
    const auto decided = std::ranges::find_if(tokens, &Tensor::defined);
    if (decided == tokens.end()) {  // of the complete model, or no MLP ran
      const Tensor all =
          masks[axis::tokens].defined()
              ? masks[axis::tokens]
              : masks[axis::heads].new_zeros({start_.in.x.size(0), std::ssize(tokens), dit_->configuration.tokens()});
      masks[axis::tokens] = where_ran(all, BlockPart::mlp);
      return masks;
    }
    const Tensor none = torch::zeros_like(*decided);
    for (Tensor& block : tokens)
      if (!block.defined()) block = none;
    masks[axis::tokens] = stacked(tokens);
    return masks;
  }

  // Routers that one stretch ran and another did not are told by their blocks.
  static void require_finite(const Outcome& outcome, const std::vector<Tensor>& of_tokens) {
    Masks logits = outcome.logits;
    if (!logits.empty()) logits[axis::tokens] = Tensor();
    dit::require_finite(logits);
    const auto found = model::not_finite(of_tokens);
    if (!found.empty())
      throw NotFinite("a router's logits are not finite", fmt::format("blocks.{}.token_selection", found.front()),
                      model::not_finite_reason);
    model::require_finite_output(outcome.output);
  }

  DiT dit_;
  PassStart start_;
  BlocksUnder blocks_;
  RunBlock run_;
  std::size_t next_ = 0;  // the block that is the next one
  std::vector<model::Share> shares_;
  Tensor vector_;  // adaLN's input
  Conditioning conditioning_;
  model::BlockRuns ran_;
  std::vector<Tensor> tokens_on_, logits_;  // of each block that ran
};

}  // namespace

std::unique_ptr<engine::Pass> stretches(const DiT& dit, const PassStart& start, BlocksUnder blocks) {
  return std::make_unique<Stretches>(dit, start, std::move(blocks));
}

std::unique_ptr<engine::Pass> complete_stretches(const DiT& dit, const model::Inputs& in, const RunBlock& run) {
  const model::OnlyShares only(in.x.device());
  const PassStart start{.in = in,
                        .time = DiT(dit)->t_embedder(in.t),
                        .masks = engine::all_on(dit->architecture, in.x.size(0), in.x.device()),
                        .logits = {},
                        .routers = Overruled::skipped,
                        .checks_finite = false,
                        .complete = true};
  return stretches(dit, start, [run](const Masks&, Overruled) { return run; });
}

}  // namespace dydit::dit
