// SPDX-License-Identifier: Apache-2.0
#include "variants.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "instrument/ceilings.h"
#include "instrument/stopwatch.h"

namespace dydit::study {

using torch::Tensor;

namespace {

constexpr auto unlimited = std::numeric_limits<std::size_t>::max();

// Not the published initialisation alone, whose zeros switch every block off.
model::DiT untrained(const SpeedSetting& s, const Group& group) {
  torch::NoGradGuard no_grad;
  model::Configuration c = model::published(group.model);
  c.input_size = s.spec.input_size;
  model::DiT dit(c);
  dit->initialise(s.seed);
  torch::manual_seed(s.seed);
  for (auto& item : dit->named_parameters())
    if (item.key().find("adaLN") != std::string::npos) item.value().normal_(0, 0.02);
  dit->to(s.device, group.dtype);
  dit->eval();
  return dit;
}

}  // namespace

std::string name_of(const Cell& cell) {
  return cell.engine + " " + to_string(cell.which);
}

const Variants::Input& Variants::input(std::int64_t pass) const {
  return inputs_[static_cast<std::size_t>(pass % draws)];
}

Variants::Variants(const SpeedSetting& setting, const Group& group)
    : setting_(setting), group_(group), dit_(untrained(setting, group)) {
  const auto& c = dit_->configuration;
  const auto options = torch::TensorOptions().device(setting.device).dtype(group.dtype);
  for (std::int64_t i = 0; i < draws; ++i)
    inputs_.push_back({torch::randn({group.batch, c.in_channels, c.input_size, c.input_size}, options),
                       torch::full({group.batch}, 500, options.dtype(torch::kInt64)),
                       torch::randint(0, c.num_classes, {group.batch}, options.dtype(torch::kInt64))});
  add("dense all", [this](std::int64_t pass) {
    const Input& in = input(pass);
    dit_->forward(in.x, in.t, in.y);
  });
  const auto product = instrument::product_ceiling(setting.device, group.dtype);
  const auto copy = instrument::copy_ceiling(
      setting.device, group.batch * c.tokens() * c.hidden_size * static_cast<std::int64_t>(c10::elementSize(group.dtype)));
  product_macs = product.amount;
  copied_bytes = copy.amount;
  all_.insert(all_.end(), {product.variant, copy.variant});
  const auto& engines = setting.spec.engine;
  if (std::find(engines.begin(), engines.end(), "compact") == engines.end()) return;
  compact_ = engine::compact_engine(dit_, {.packing_budget = unlimited});
  compact_->plan(inputs_.front().t.narrow(0, 0, 1));  // what the width routers say is known before a pass
  const auto open = masks_of(Which::all, 1);
  add_engine("compact path", compact_, open, engine::Overruled::skipped);
  add_parts("compact path", open, Parts::Of::engine, {"fixed", "routed"});
  add_parts("dense all", open, Parts::Of::dense_model, {"fixed", "attention", "products"});
}

std::vector<engine::Masks> Variants::masks_of(Which which, double keep) const {
  std::vector<engine::Masks> masks;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    const auto one = imposed_masks(dit_->configuration, which, keep, group_.batch, setting_.seed, draw);
    masks.push_back({one.heads.to(setting_.device), one.channels.to(setting_.device), one.tokens.to(setting_.device)});
  }
  return masks;
}

void Variants::add_engine(const std::string& name, const std::shared_ptr<engine::Engine>& engine,
                          const std::vector<engine::Masks>& masks, engine::Overruled routers) {
  add(name, [this, engine, masks, routers](std::int64_t pass) {
    const Input& in = input(pass);
    engine->forward(in.x, in.t, in.y, masks[static_cast<std::size_t>(pass % draws)], routers);
  });
}

void Variants::add_parts(const std::string& name, const std::vector<engine::Masks>& masks, Parts::Of of,
                         const std::vector<std::string>& names) {
  static const std::map<std::string, void (Parts::*)(Parts::Pass)> runs{{"fixed", &Parts::fixed},
                                                             {"attention", &Parts::attention},
                                                             {"products", &Parts::products},
                                                             {"routed", &Parts::routed},
                                                             {"together", &Parts::together}};
  const auto parts = std::make_shared<Parts>(dit_, masks, of);
  for (const std::string& part : names)
    add(name + " " + part, [parts, run = runs.at(part)](std::int64_t pass) { ((*parts).*run)(pass); });
}

// Several times, after one that asks the system for memory.
void Variants::pack(Case& packed) const {
  constexpr int times = 5;
  const engine::Masks& first = packed.masks.front();
  instrument::Stopwatch watch(setting_.device);
  for (int i = 0; i <= times; ++i) {
    const auto fresh = engine::compact_engine(dit_, {.packing_budget = unlimited});
    if (i > 0) watch.start();
    fresh->plan(engine::Masks{first.heads.narrow(0, 0, 1), first.channels.narrow(0, 0, 1), {}});
    if (i > 0) watch.stop();
  }
  packed.packing = watch.laps();
}

void Variants::add_cell(const Cell& cell) {
  if (cell.engine == "dense") return;
  Case c;
  c.masks = masks_of(cell.which, group_.keep);
  std::vector<Tensor> heads, channels, tokens;
  for (const engine::Masks& masks : c.masks) {
    heads.push_back(masks.heads);
    channels.push_back(masks.channels);
    tokens.push_back(masks.tokens);
  }
  c.activity = engine::activity_of({torch::cat(heads), torch::cat(channels), torch::cat(tokens)});
  const std::string name = name_of(cell);
  if (cell.engine == "masked") {
    add_engine(name, engine::masked_engine(dit_), c.masks, engine::Overruled::run);
  } else {
    pack(c);
    add_engine(name, compact_, c.masks, engine::Overruled::run);
  }
  if (cell.engine == "compact" && cell.which != Which::all) {  // its counterfactuals; with everything on, "compact path"
    add_engine(name + " without routers", compact_, c.masks, engine::Overruled::skipped);
    add_parts(name, c.masks, Parts::Of::engine, {"fixed", "attention", "products", "routed", "together"});
  }
  cases_.emplace(name, std::move(c));
}

std::int64_t Variants::weight_bytes(const Cell& cell) const {
  std::int64_t bytes = 0;
  for (const Tensor& parameter : dit_->parameters()) bytes += static_cast<std::int64_t>(parameter.nbytes());
  if (cell.engine != "compact") return bytes;
  const auto& layers = case_of(cell).activity.layers;
  double off = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const model::BlockImpl& block = dit_->block(layer);
    const auto units = static_cast<double>(configuration().num_heads);
    const auto both = [](const model::Linear& in, const model::Linear& out) {
      return static_cast<double>(in->weight.nbytes() + out->weight.nbytes());
    };
    off += (1 - layers[layer].heads / units) * both(block.attn->qkv, block.attn->proj) +
           (1 - layers[layer].groups / units) * both(block.mlp->fc1, block.mlp->fc2);
  }
  return bytes - std::llround(off);
}

}  // namespace dydit::study
