// SPDX-License-Identifier: Apache-2.0
#include "blocks.h"

#include <algorithm>

#include "base/range.h"
#include "model/fused.h"

namespace dydit::dit {

using model::BlockPart;
using torch::Tensor;

Tensor through(Tensor tokens, std::size_t first, std::size_t last, const Conditioning& conditioning,
               const model::Share& share, TokensOn& on, const RunBlock& run, const Tensor& keep) {
  for (std::size_t layer = first; layer < last; ++layer) {
    const Range range("block", static_cast<std::int64_t>(layer));
    KeptParts parts;
    if (keep.defined())
      parts.both = keep.narrow(0, static_cast<std::int64_t>(2 * layer), 2).narrow(1, share.first, share.count);
    tokens = run(std::move(tokens), {layer, conditioning.of_block(layer), share, on, parts});
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

Tensor where_ran(const Tensor& mask, const std::vector<double>& ran) {
  if (std::ranges::all_of(ran, [](double one) { return one > 0; })) return mask;
  if (std::ranges::all_of(ran, [](double one) { return one == 0; })) return mask.new_zeros({1}).expand(mask.sizes());
  std::vector<Tensor> stretches_of_blocks;
  for (std::size_t first = 0, last = 0; first < ran.size(); first = last) {
    while (last < ran.size() && ran[last] == ran[first]) ++last;
    const Tensor some = mask.narrow(1, static_cast<std::int64_t>(first), static_cast<std::int64_t>(last - first));
    stretches_of_blocks.push_back(ran[first] > 0 ? some : torch::zeros_like(some));
  }
  return torch::cat(stretches_of_blocks, 1);
}

Tensor Frame::add(Tensor tokens, std::size_t first, std::size_t last, const Conditioning& conditioning,
                  const engine::Reused& of_share, const Tensor& on) {
  for (std::size_t layer = first; layer < last; ++layer) {
    const Range range("block", static_cast<std::int64_t>(layer));
    const auto m = conditioning.of_block(layer);
    tokens = model::gated_residual(std::move(tokens), of_share.sum(2 * layer), m.gate1);
    Tensor out = of_share.sum(2 * layer + 1);
    if (on.defined()) out = out * layer_of(on, layer).unsqueeze(2).to(out.scalar_type());
    tokens = model::gated_residual(std::move(tokens), out, m.gate2);
  }
  return tokens;
}

namespace {

class OwnLayers final : public Frame {
 public:
  OwnLayers(const DiT& dit, const model::Inputs& in, const Tensor& time)
      : dit_(dit), x_(in.x), vector_(dit_->conditioning_vector(time, in.y)) {}

  Tensor embed(const model::Share& share) override { return dit_->embed(share.of(x_)); }
  std::vector<Tensor> adaln(std::size_t first, std::size_t last) override {
    std::vector<Tensor> all(dit_->blocks->size() + 1);
    const auto some = dit_->adaln(vector_, first, last);
    std::ranges::copy(some, all.begin() + static_cast<std::ptrdiff_t>(first));
    return all;
  }
  Tensor final_layer(const Tensor& tokens, const Tensor& adaln) override {
    return dit_->unpatchify(dit_->final_layer(tokens, adaln));
  }

 private:
  DiT dit_;
  Tensor x_, vector_;  // what adaLN reads
};

class Stretches final : public engine::Pass {
 public:
  Stretches(const DiT& dit, const PassStart& start, std::unique_ptr<Frame> frame, BlocksUnder blocks)
      : dit_(dit),
        start_(start),
        frame_(std::move(frame)),
        blocks_(std::move(blocks)),
        run_(blocks_(start.masks, start.routers)),
        shares_(model::shares_of(start.in.x.size(0), start.in.x.device())),
        conditioning_(depth() + 1),
        ran_(model::block_parts, std::vector<double>(depth())),
        tokens_on_(depth()),
        logits_(depth()) {}

  Tensor begin() override {
    return in_shares([&](const model::Share& share) { return frame_->embed(share); });
  }

  Tensor modulated(const Tensor& tokens) override {
    condition(0, 1);
    return in_shares([&](const model::Share& share) {
      const auto m = BlockImpl::split(conditioning_.front());
      return model::modulated_norm(share.of(tokens), share.of(m.shift1), share.of(m.scale1));
    });
  }

  Tensor run(Tensor tokens, std::size_t first, std::size_t last, const Tensor& keep) override {
    if (first == last) return tokens;
    condition(first, last);
    next_ = last;
    for (std::size_t layer = first; layer < last; ++layer)
      for (const BlockPart part : {BlockPart::attention, BlockPart::mlp}) count(part, layer);
    return stretch(std::move(tokens), first, last,
                   [&](Tensor x, const model::Share& share, const Conditioning& of_share, TokensOn& on) {
                     return through(std::move(x), first, last, of_share, share, on, run_, keep);
                   });
  }

  Tensor reuse(Tensor tokens, std::size_t first, std::size_t last, const engine::Reused& outputs,
               bool masked) override {
    condition(first, last);
    next_ = last;
    const Tensor imposed = start_.masks.empty() || start_.complete ? Tensor() : start_.masks[axis::tokens];
    const bool routed = !start_.masks.empty() && !start_.complete && !imposed.defined();
    const auto work = [&](Tensor of_tokens, const model::Share& share, const Conditioning& of_share, TokensOn& on) {
      const engine::Reused some = outputs.of(share);
      if (!routed)
        return frame_->add(std::move(of_tokens), first, last, of_share, some, masked ? Tensor() : share.of(imposed));
      return through(std::move(of_tokens), first, last, of_share, share, on, [&](Tensor x, const BlockAt& at) {
        const auto& m = at.modulation;
        Tensor residual = model::gated_residual(std::move(x), some.sum(2 * at.layer), m.gate1);
        const Tensor mask =
            tokens_of(dit_->block(at.layer), at.layer, residual, Tensor(), Overruled::skipped, at.on.logits);
        const Tensor out = some.sum(2 * at.layer + 1);
        return model::gated_residual(std::move(residual), out * mask.unsqueeze(2).to(out.scalar_type()), m.gate2);
      });
    };
    return stretch(std::move(tokens), first, last, work);
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
    condition(depth(), depth() + 1);
    Outcome outcome{.output = in_shares([&](const model::Share& share) {
                      return frame_->final_layer(share.of(tokens), share.of(conditioning_[depth()]));
                    }),
                    .masks = executed(),
                    .logits = start_.logits,
                    .ran = ran_};
    if (!outcome.logits.empty()) outcome.logits[axis::tokens] = of_all_blocks(logits_);
    if (start_.checks_finite) require_finite(outcome);
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
    while (first < last && conditioning_[first].defined()) ++first;
    if (first == last) return;
    const auto outputs = frame_->adaln(first, last);
    for (std::size_t layer = 0; layer < outputs.size(); ++layer) {
      if (!outputs[layer].defined() || conditioning_[layer].defined()) continue;
      conditioning_[layer] = outputs[layer];
      if (layer < depth()) count(BlockPart::adaln, layer);
    }
  }

  // Blocks [first, last) of every share, and what their token routers decide. Of one share tokens may become what they
  // are next, where nobody else holds them.
  Tensor stretch(Tensor tokens, std::size_t first, std::size_t last,
                 const std::function<Tensor(Tensor, const model::Share&, const Conditioning&, TokensOn&)>& work) {
    std::vector<TokensOn> of_shares(shares_.size());
    const bool whole = shares_.size() == 1;
    tokens = in_shares([&](const model::Share& share) {
      Conditioning of_share;
      of_share.blocks.resize(depth());
      for (std::size_t layer = first; layer < last; ++layer) of_share.blocks[layer] = share.of(conditioning_[layer]);
      return work(whole ? std::move(tokens) : share.of(tokens), share, of_share, of_shares[share.number]);
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

  const std::vector<double>& of_part(BlockPart part) const { return ran_[static_cast<std::size_t>(part)]; }

  // The masks with nothing on where a part did not run.
  Masks executed() const {
    Masks masks = start_.masks;
    if (masks.empty()) return masks;
    for (const auto& [axis, part] : {std::pair{axis::heads, BlockPart::attention}, {axis::channels, BlockPart::mlp}})
      if (masks[axis].defined()) masks[axis] = where_ran(masks[axis], of_part(part));
    const Tensor decided = of_all_blocks(tokens_on_);
    if (decided.defined()) {
      masks[axis::tokens] = decided;
      return masks;
    }
    // Of the complete model, or no MLP ran.
    const Tensor all =
        masks[axis::tokens].defined()
            ? masks[axis::tokens]
            : torch::zeros({1}, torch::TensorOptions(torch::kBool).device(device()))
                  .expand({start_.in.x.size(0), static_cast<std::int64_t>(depth()), dit_->configuration.tokens()});
    masks[axis::tokens] = where_ran(all, of_part(BlockPart::mlp));
    return masks;
  }

  // (N,depth,T) with zeros for blocks that have none; undefined where no block has.
  static Tensor of_all_blocks(std::vector<Tensor> blocks) {
    const auto some = std::ranges::find_if(blocks, &Tensor::defined);
    if (some == blocks.end()) return {};
    Tensor none;
    for (Tensor& block : blocks)
      if (!block.defined()) block = none.defined() ? none : none = torch::zeros_like(*some);
    return stacked(blocks);
  }

  DiT dit_;
  PassStart start_;
  std::unique_ptr<Frame> frame_;
  BlocksUnder blocks_;
  RunBlock run_;
  std::size_t next_ = 0;  // the block that is the next one
  std::vector<model::Share> shares_;
  std::vector<Tensor> conditioning_;  // adaLN's outputs (N,6D), of the final layer (N,2D)
  model::BlockRuns ran_;
  std::vector<Tensor> tokens_on_, logits_;  // of each block that ran
};

}  // namespace

std::unique_ptr<Frame> frame_of(const DiT& dit, const model::Inputs& in, const Tensor& time) {
  return std::make_unique<OwnLayers>(dit, in, time);
}

std::unique_ptr<engine::Pass> stretches(const DiT& dit, const PassStart& start, std::unique_ptr<Frame> frame,
                                        BlocksUnder blocks) {
  return std::make_unique<Stretches>(dit, start, std::move(frame), std::move(blocks));
}

std::unique_ptr<engine::Pass> complete_stretches(const DiT& dit, const model::Inputs& in, const RunBlock& run) {
  const model::OnlyShares only(in.x.device());
  const PassStart start{
      .in = in, .masks = engine::all_on(dit->architecture, in.x.size(0), in.x.device()), .complete = true};
  return stretches(dit, start, frame_of(dit, in, DiT(dit)->t_embedder(in.t)),
                   [run](const Masks&, Overruled) { return run; });
}

}  // namespace dydit::dit
