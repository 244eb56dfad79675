// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"
#include "masked_pass.h"
#include "routing.h"

namespace dydit::engine {

using torch::Tensor;

namespace {

class Masked final : public Engine {
 public:
  explicit Masked(model::DiT dit) : dit_(std::move(dit)) {}

  Outcome forward(const Tensor& x, const Tensor& t, const Tensor& y, const Masks& imposed,
                  Overruled routers) override {
    require_fit(imposed, dit_->configuration, x.size(0));
    const model::OnlyShares only(x.device());
    const Tensor time = dit_->t_embedder(t);
    Widths widths = widths_of(dit_, time, imposed, routers);
    const model::Conditioning conditioning = dit_->condition(time, y);
    const PartialOutcome whole = in_shares(x.size(0), x.device(), [&](const model::Share& share) {
      std::vector<Tensor> on, logits;
      const Tensor imposed_tokens = share.of(imposed.tokens);
      const auto tokens = [&](std::size_t layer, const Tensor& residual) {
        on.push_back(tokens_of(dit_->block(layer), residual, layer_of(imposed_tokens, layer), routers, logits));
        return on.back();
      };
      const Tensor output = masked_pass(dit_, share.of(x), conditioning.of(share), share.of(widths.masks.heads),
                                        share.of(widths.masks.channels), tokens);
      return PartialOutcome{output, stacked(on), stacked(logits)};
    });
    widths.masks.tokens = whole.tokens;
    widths.logits.tokens = whole.token_logits;
    const Outcome outcome{whole.output, widths.masks, widths.logits};
    if (checks_finite) require_finite(outcome);
    return outcome;
  }

  // All weights are used at every timestep.
  void plan(const Tensor&) override {}
  void plan(const Masks&) override {}
  std::size_t packed_bytes() const override { return 0; }

 private:
  model::DiT dit_;
};

}  // namespace

std::unique_ptr<Engine> masked_engine(model::DiT dit) {
  require_routers(dit->configuration);
  return std::make_unique<Masked>(std::move(dit));
}

}  // namespace dydit::engine
