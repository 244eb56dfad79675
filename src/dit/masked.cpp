// SPDX-License-Identifier: Apache-2.0
#include "dit/engines.h"
#include "masked_pass.h"
#include "routing.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

class Masked final : public engine::Engine {
 public:
  explicit Masked(DiT dit) : dit_(std::move(dit)) {}

  Outcome forward(const model::Inputs& in, const Masks& given, Overruled routers) override {
    const Masks imposed = engine::require_fit(given, dit_->architecture.units, in.x.size(0));
    const model::OnlyShares only(in.x.device());
    const Tensor time = dit_->t_embedder(in.t);
    Widths widths = widths_of(dit_, time, imposed, routers);
    const Conditioning conditioning = dit_->condition(time, in.y);
    const PartialOutcome whole = in_shares(in.x.size(0), in.x.device(), [&](const model::Share& share) {
      std::vector<Tensor> on, logits;
      const Tensor imposed_tokens = share.of(imposed[axis::tokens]);
      const auto tokens = [&](std::size_t layer, const Tensor& residual) {
        on.push_back(tokens_of(dit_->block(layer), residual, layer_of(imposed_tokens, layer), routers, logits));
        return on.back();
      };
      const Tensor output = masked_pass(dit_, share.of(in.x), conditioning.of(share), share.of(widths.masks[axis::heads]),
                                        share.of(widths.masks[axis::channels]), tokens);
      return PartialOutcome{output, stacked(on), stacked(logits)};
    });
    widths.masks[axis::tokens] = whole.tokens;
    widths.logits[axis::tokens] = whole.token_logits;
    const Outcome outcome{whole.output, widths.masks, widths.logits};
    if (checks_finite) require_finite(outcome);
    return outcome;
  }

  double weight_bytes(const model::Activity&) const override { return engine::bytes_of(*dit_); }

 private:
  DiT dit_;
};

}  // namespace

std::unique_ptr<engine::Engine> masked_engine(DiT dit) {
  require_routers(dit->configuration);
  return std::make_unique<Masked>(std::move(dit));
}

}  // namespace dydit::dit
