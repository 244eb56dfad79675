// SPDX-License-Identifier: Apache-2.0
#include "cache/cached.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/range.h"
#include "history.h"

namespace dydit::cache {

using engine::Masks;
using engine::Overruled;
using engine::Program;
using model::Share;
using torch::Tensor;

namespace {

// Memory, as it is told apart from other memory.
std::string memory_of(const Tensor& features) {
  return fmt::format("{}+{}", features.const_data_ptr(), features.stride(0));
}

class Around final : public Cached {
 public:
  Around(std::shared_ptr<engine::Engine> engine, const CacheSpec& spec, const model::Architecture& architecture)
      : engine_(std::move(engine)),
        spec_(spec),
        name_(to_json(spec).dump()),
        depth_(static_cast<std::size_t>(architecture.depth)),
        blocks_(blocks_of(spec, architecture.depth)),
        history_(spec.order) {}

  engine::Outcome forward(const model::Inputs& in, const Masks& imposed, Overruled routers) override;
  void begin(std::int64_t passes) override;
  void plan(const Tensor& times) override { engine_->plan(times); }
  void plan(const Masks& of_timesteps) override { engine_->plan(of_timesteps); }
  std::size_t packed_bytes() const override { return engine_->packed_bytes(); }
  double weight_bytes(const model::Activity& activity) const override { return engine_->weight_bytes(activity); }
  const std::vector<bool>& full() const override { return full_; }
  std::size_t cache_bytes() const override { return most_bytes_; }
  std::size_t held_bytes() const override { return history_.held_bytes(); }

 private:
  void forget();
  bool changed(const Tensor& seen);
  engine::Outcome next_pass(const model::Inputs& in, const Masks& imposed, Overruled routers);
  // Whether the pass becomes a full one is seen in the pass itself.
  engine::Outcome tested(const model::Inputs& in, const Masks& imposed, Overruled routers, bool& full);
  // From block `next` on.
  Program full_pass(std::size_t next);
  Program between(std::size_t next);

  bool as_decided() const { return spec_.decisions == "kept" && !decided_.empty() && engine_->decides(); }
  const Masks& decided();
  std::int64_t since() const { return std::ssize(full_) - last_full_; }

  std::shared_ptr<engine::Engine> engine_;
  CacheSpec spec_;
  std::string name_;
  std::size_t depth_;
  Blocks blocks_;
  History history_;
  std::vector<bool> planned_, full_;
  std::int64_t last_full_ = 0, images_ = 0;
  Tensor like_;         // tokens (0,T,D)
  Tensor previous_;     // what the test saw in the last pass
  double changes_ = 0;  // since the last full pass
  Masks decided_;       // in the last full pass
  std::size_t most_bytes_ = 0;
};

void Around::begin(std::int64_t passes) {
  planned_ = full_passes(spec_, passes);
  full_.clear();
  most_bytes_ = 0;
  images_ = 0;
  forget();  // what an interrupted one left
}

void Around::forget() {
  engine_->keeps_programs() ? history_.forget() : history_.give_back();
  previous_ = Tensor();
  decided_.clear();
}

// Whether what the test sees (N,T,D) has changed so much since the last full pass that another is due. What is not
// finite has.
bool Around::changed(const Tensor& seen) {
  const Range range("change");
  const Tensor before = previous_.defined() && previous_.size(0) >= seen.size(0) ? previous_.narrow(0, 0, seen.size(0))
                                                                                 : torch::zeros_like(seen);
  const auto shares = model::shares_of(seen.size(0), seen.device());
  std::vector<Tensor> sums(shares.size());
  model::in_shares(shares, [&](const Share& share) {
    const Tensor old = share.of(before);
    sums[share.number] =
        torch::stack({(share.of(seen) - old).abs().sum(torch::kFloat32), old.abs().sum(torch::kFloat32)});
  });
  const Tensor sum = torch::stack(sums).to(torch::kFloat64).sum(0).cpu();
  changes_ += sum.const_data_ptr<double>()[0] / sum.const_data_ptr<double>()[1];
  previous_ = seen;
  return !(changes_ < *spec_.threshold);
}

Program Around::full_pass(std::size_t next) {
  const bool parts = spec_.keep == "parts";
  const std::int64_t features = parts ? 2 * static_cast<std::int64_t>(depth_) : 1;
  const Tensor keep = history_.full_pass(std::max<std::int64_t>(since(), 1),
                                         {features, images_, like_.size(1), like_.size(2)}, like_.options());
  return {fmt::format("full {} {}", memory_of(keep), name_), [=, this](engine::Pass& pass, Tensor tokens) {
            if (parts) return pass.run(std::move(tokens), next, depth_, keep);
            const Tensor before = pass.run(std::move(tokens), next, blocks_.first);
            Tensor after = pass.run(before, blocks_.first, blocks_.last + 1);
            model::in_shares(model::shares_of(images_, after.device()), [&](const Share& share) {
              Tensor kept = share.of(keep[0]);
              torch::sub_out(kept, share.of(after), share.of(before));
            });
            return pass.run(std::move(after), blocks_.last + 1, depth_);
          }};
}

Program Around::between(std::size_t next) {
  const engine::Reused reused = history_.foretold(images_, since());
  const bool masked = as_decided() && spec_.order == 0;  // a polynomial goes on where the last full pass has 0
  std::string name = fmt::format("between {} {}", masked, name_);
  for (std::size_t i = 0; i < reused.passes.size(); ++i)
    name += fmt::format(" {} of {}", reused.factors[i], memory_of(reused.passes[i]));
  return {name, [=, this](engine::Pass& pass, Tensor tokens) {
            if (spec_.keep == "parts") return pass.reuse(std::move(tokens), next, depth_, reused, masked);
            const Tensor before = pass.run(std::move(tokens), next, blocks_.first);
            Tensor after = model::joined(model::shares_of(images_, before.device()), [&](const Share& share) {
              return share.of(before) + reused.of(share).sum(0);
            });
            return pass.run(std::move(after), blocks_.last + 1, depth_);
          }};
}

const Masks& Around::decided() {
  if (decided_.front().size(0) != images_) decided_ = engine::narrow(decided_, 0, images_);
  return decided_;
}

engine::Outcome Around::tested(const model::Inputs& in, const Masks& imposed, Overruled routers, bool& full) {
  const auto pass = engine_->pass(in, imposed, routers);
  Tensor tokens = pass->begin(), seen;
  std::size_t next = 0;
  if (spec_.test == "input") {
    seen = pass->modulated(tokens);
  } else {
    const Tensor after = pass->run(tokens, 0, 1);
    seen = after - tokens;
    tokens = after;
    next = 1;
  }
  full = changed(seen) || full;
  if (!full && as_decided()) pass->impose(decided());
  const Program program = full ? full_pass(next) : between(next);
  return pass->end(program.run(*pass, std::move(tokens)));
}

engine::Outcome Around::forward(const model::Inputs& in, const Masks& imposed, Overruled routers) {
  torch::NoGradGuard no_grad;
  const Range range("pass");
  const model::OnlyShares only(in.x.device());
  try {
    return next_pass(in, imposed, routers);
  } catch (...) {  // what it kept may be in part
    images_ = 0;
    forget();
    throw;
  }
}

engine::Outcome Around::next_pass(const model::Inputs& in, const Masks& imposed, Overruled routers) {
  const std::size_t number = full_.size();
  if (number >= planned_.size())
    throw UsageError("a pass that the trajectory does not have", std::to_string(number), "begin another one");
  const bool begins = in.x.size(0) > images_;
  images_ = in.x.size(0);
  engine_->checks_finite = checks_finite;
  if (begins) history_.forget();
  if (!like_.defined()) {
    const Tensor tokens = engine_->pass(in, imposed, routers)->begin();
    like_ = torch::empty({0, tokens.size(1), tokens.size(2)}, tokens.options());
  }
  bool full = planned_[number] || begins;
  const bool kept = !full && as_decided();
  engine::Outcome outcome = spec_.test != "none"
                                ? tested(in, imposed, routers, full)
                                : engine_->forward_by(full ? full_pass(0) : between(0), in, kept ? decided() : imposed,
                                                      kept ? Overruled::skipped : routers);
  if (full) {
    changes_ = 0;
    last_full_ = std::ssize(full_);
    decided_ = outcome.masks;
  }
  full_.push_back(full);
  most_bytes_ = std::max(most_bytes_, history_.bytes() + (previous_.defined() ? previous_.nbytes() : 0));
  if (full_.size() == planned_.size()) forget();
  return outcome;
}

}  // namespace

std::unique_ptr<Cached> cached(std::shared_ptr<engine::Engine> engine, const CacheSpec& spec,
                               const model::Architecture& architecture) {
  return std::make_unique<Around>(std::move(engine), spec, architecture);
}

}  // namespace dydit::cache
