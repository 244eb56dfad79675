// SPDX-License-Identifier: Apache-2.0
#include "fused_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/range.h"
#include "dit/engines.h"
#include "gpu/few_rows.h"
#include "gpu/support.h"
#include "model/fused.h"

namespace dydit::dit {

using model::BlockPart;
using torch::Tensor;

namespace {

constexpr std::size_t graphs_kept = 2048;  // each with its launches, inputs and outputs: megabytes

}  // namespace

std::string fused_lacks(const DiTImpl& dit) {
  const Configuration& c = dit.configuration;
  if (std::string why = gpu::lacks(dit.pos_embed.device(), dit.pos_embed.scalar_type()); !why.empty()) return why;
  if (c.hidden_size % 32 != 0 || c.head_size() % 8 != 0 || c.group_size() % 8 != 0 || c.hidden_size > 2048)
    return "the width must be a multiple of 32 up to 2048, heads and channel groups of 8";
  if (c.dynamic && !gpu::has_token_router(c.hidden_size, c.token_router_width()))
    return fmt::format("there is no kernel for a router of width {}", c.hidden_size);
  if (gpu::final_columns(c.hidden_size, c.patch_size * c.patch_size * c.out_channels()) == 0)
    return "patches of more than 128 numbers";
  return "";
}

FusedModel::FusedModel(DiT dit, std::shared_ptr<Packing> packing) : dit_(std::move(dit)), packing_(std::move(packing)) {
  if (const std::string why = fused_lacks(*dit_); !why.empty())
    throw RunError("the fused engine cannot run this model", why, "choose another engine, dtype or device");
}

void FusedModel::prepare() {
  torch::NoGradGuard no_grad;
  const Configuration& c = dit_->configuration;
  const model::Linear& last = dit_->final_layer->linear;
  const std::int64_t columns = gpu::final_columns(c.hidden_size, last->weight.size(0));
  final_weight_ = torch::constant_pad_nd(last->weight, {0, 0, 0, columns - last->weight.size(0)});
  patch_weight_ = dit_->x_embedder->proj->weight.flatten(1).t().contiguous();
  const auto& first = *dit_->t_embedder->mlp[0]->as<model::Linear>();
  const auto& second = *dit_->t_embedder->mlp[2]->as<model::Linear>();
  conditioner_ = {.weight1 = first.weight,
                  .bias1 = first.bias,
                  .weight2 = second.weight,
                  .bias2 = second.bias,
                  .labels = dit_->y_embedder->embedding_table->weight,
                  .frequencies = timestep_frequencies(dit_->pos_embed.device())};
  std::vector<Tensor> weights, biases;
  const auto add = [&](torch::nn::Sequential& adaln) {
    const auto& linear = *adaln[1]->as<model::Linear>();
    weights.push_back(linear.weight);
    biases.push_back(linear.bias);
  };
  for (std::size_t layer = 0; layer < dit_->blocks->size(); ++layer) add(dit_->block(layer).adaLN_modulation);
  add(dit_->final_layer->adaLN_modulation);
  adaln_weight_ = torch::cat(weights);
  adaln_bias_ = torch::cat(biases);
}

std::size_t FusedModel::bytes() const {
  std::size_t bytes = 0;
  for (const Tensor& copy : {adaln_weight_, adaln_bias_, final_weight_, patch_weight_})
    if (copy.defined()) bytes += copy.nbytes();
  return bytes;
}

Tensor FusedModel::no_counts() const {
  return torch::zeros({dit_->configuration.depth}, dit_->pos_embed.options().dtype(torch::kInt32));
}

std::shared_ptr<const PackedSublayer> FusedModel::sublayer(std::size_t layer, bool is_mlp,
                                                           const std::optional<WidthPlan>& plan) {
  const Units all(static_cast<std::size_t>(dit_->configuration.num_heads), true);
  const Units& units = !plan ? all : is_mlp ? plan->channels[layer] : plan->heads[layer];
  if (none(units)) return nullptr;
  return is_mlp ? packing_->mlp(layer, units) : packing_->attention(layer, units);
}

std::optional<double> FusedModel::rows_on(std::size_t layer, const Tensor& rows, const Tensor& count) const {
  if (!count.defined()) return static_cast<double>(rows.size(0));
  return imposed_rows_.empty() ? std::nullopt : std::optional(imposed_rows_[layer]);
}

// Of few tokens a product waits for its weights, and what is between products waits for nothing. Not of weights that
// are packed for each use.
std::vector<Tensor> FusedModel::weights_ahead(std::size_t layer, bool is_mlp, const std::optional<WidthPlan>& plan,
                                              std::int64_t rows) {
  if (rows > gpu::few_rows || layer >= dit_->blocks->size() || (plan && !packing_->keeps(*plan))) return {};
  const auto packed = sublayer(layer, is_mlp, plan);
  if (packed == nullptr) return {};
  std::vector<Tensor> weights{packed->in.weight(), packed->out.weight()};
  std::erase_if(weights, [](const Tensor& weight) { return !weight.is_contiguous(); });  // a part of the model's own
  return weights;
}

// In memory that nobody else holds.
static Tensor own(Tensor stream) {
  return stream.use_count() > 1 || stream.storage().use_count() > 1 ? stream.clone() : stream;
}

Tensor FusedModel::add(const char* name, Tensor stream, const gpu::Product& product, const Tensor& gate, BlockPart part,
                       const BlockAt& at) {
  gpu::Product added = product;
  added.backwards = next_turn();
  if (!at.parts.both.defined()) {
    stream = own(std::move(stream));
    added.epilogue = gpu::Epilogue::gated_residual;
    added.out = stream.flatten(0, 1);
    added.gate = gate;
    added.tokens = stream.size(1);
    in_range(product_range(name, added, rows_on(at.layer, added.x, added.count)), [&] { products_.run(added); });
    return stream;
  }
  const Tensor kept = at.parts.of(part);
  added.out = kept.flatten(0, 1);
  if (product.rows.defined()) {  // of tokens that are off 0
    kept.zero_();
    added.epilogue = gpu::Epilogue::gated_residual;
    added.gate = torch::ones_like(gate);
    added.tokens = stream.size(1);
  }
  in_range(product_range(name, added, rows_on(at.layer, added.x, added.count)), [&] { products_.run(added); });
  return add(std::move(stream), {.passes = {kept.unsqueeze(0)}, .factors = {1}}, gate.unsqueeze(1), Tensor());
}

// What is reused of some parts, times their gates (n,parts,D).
Tensor FusedModel::add(Tensor stream, const engine::Reused& reused, const Tensor& gates, const Tensor& on) {
  const gpu::Reuse add{
      .stream = own(std::move(stream)), .passes = reused.passes, .factors = reused.factors, .gates = gates, .on = on};
  in_range(reuse_range(add), [&] { gpu::reuse(add); });
  return add.stream;
}

Tensor FusedModel::attention(Tensor x, const BlockAt& at, const std::optional<WidthPlan>& plan) {
  const Range range("attention");
  const auto& m = at.modulation;
  const std::int64_t rows = x.size(0) * x.size(1);
  const BlockImpl& block = dit_->block(at.layer);
  const auto packed = sublayer(at.layer, /*is_mlp=*/false, plan);
  Tensor mixed = torch::empty({rows, 0}, x.options());
  if (packed != nullptr) {
    const Tensor normed = torch::empty_like(x);
    // What the MLP reads is fetched by two kernels: one is too short for all of it.
    const std::vector<Tensor> mlp = weights_ahead(at.layer, /*is_mlp=*/true, plan, rows);
    const auto half = mlp.begin() + std::ssize(mlp) / 2;
    in_range(norm_range(x), [&] {
      gpu::modulated_norm(x, m.shift1, m.scale1, normed, {{mlp.begin(), half}, next_turn()});
    });
    const Tensor& weight = packed->in.weight();
    const Tensor qkv = torch::empty({rows, weight.size(0)}, x.options());
    const gpu::Product product{
        .x = normed.flatten(0, 1), .weight = weight, .bias = packed->in.bias(), .out = qkv, .backwards = next_turn()};
    in_range(product_range("qkv", product, rows), [&] { products_.run(product); });
    mixed = in_range(attention_range(qkv, x.size(1)), [&] {
      return attentions_
          .run(qkv.view({x.size(0), x.size(1), weight.size(0)}), packed->units, {{half, mlp.end()}, next_turn()})
          .flatten(0, 1);
    });
  }
  const Tensor weight = packed == nullptr ? block.attn->proj->weight.narrow(1, 0, 0) : packed->out.weight();
  return add("proj", std::move(x), {.x = mixed, .weight = weight, .bias = block.attn->proj->bias}, m.gate1,
             BlockPart::attention, at);
}

// Of the rows that were routed, or of all where `routed` has none.
Tensor FusedModel::mlp(Tensor x, const BlockAt& at, const FusedPass& pass, const gpu::Route& routed) {
  const Range range("mlp");
  const BlockImpl& block = dit_->block(at.layer);
  const auto packed = sublayer(at.layer, /*is_mlp=*/true, pass.plan);
  Tensor hidden = torch::empty({x.size(0) * x.size(1), 0}, x.options());
  if (packed != nullptr) {
    const Tensor& weight = packed->in.weight();
    hidden = torch::empty({hidden.size(0), weight.size(0)}, x.options());
    const gpu::Product product{.epilogue = gpu::Epilogue::gelu,
                               .x = routed.out,
                               .weight = weight,
                               .bias = packed->in.bias(),
                               .out = hidden,
                               .count = routed.count,
                               .backwards = next_turn()};
    in_range(product_range("fc1", product, rows_on(at.layer, product.x, product.count)),
             [&] { products_.run(product); });
  }
  const Tensor weight = packed == nullptr ? block.mlp->fc2->weight.narrow(1, 0, 0) : packed->out.weight();
  return add("fc2", std::move(x),
             {.x = hidden, .weight = weight, .bias = block.mlp->fc2->bias, .count = routed.count, .rows = routed.rows},
             at.modulation.gate2, BlockPart::mlp, at);
}

Tensor FusedModel::block(Tensor x, const BlockAt& at, const FusedPass& pass, const Tensor& imposed,
                         const Tensor& count) {
  const auto& m = at.modulation;
  BlockImpl& block = dit_->block(at.layer);
  x = attention(std::move(x), at, pass.plan);
  const auto rows = x.size(0) * x.size(1);
  gpu::Route routed{.x = x,
                    .shift = m.shift2,
                    .scale = m.scale2,
                    .out = torch::empty({rows, x.size(2)}, x.options()),
                    .around = {weights_ahead(at.layer + 1, /*is_mlp=*/false, pass.plan, rows), next_turn()}};
  if (!pass.plan) {
    in_range(norm_range(x), [&] { gpu::modulated_norm(x, m.shift2, m.scale2, routed.out, routed.around); });
    routed.x = Tensor();
    return mlp(std::move(x), at, pass, routed);
  }
  const Tensor given = layer_of(imposed, at.layer);
  routed.imposed = given;
  if (!given.defined() || pass.routers == Overruled::run) {
    auto& first = *block.token_selection->mlp_head[0]->as<model::Linear>();
    auto& second = *block.token_selection->mlp_head[2]->as<model::Linear>();
    routed.router = {first.weight, first.bias, second.weight, second.bias};
    routed.logits = torch::empty({x.size(0), x.size(1)}, x.options().dtype(torch::kFloat32));
    at.on.logits.push_back(routed.logits);
  }
  routed.on = torch::empty({x.size(0), x.size(1)}, x.options().dtype(torch::kBool));
  at.on.masks.push_back(routed.on);
  routed.rows = torch::empty({rows}, x.options().dtype(torch::kInt32));
  routed.count = count;
  if (routed.router.weight1.defined() && gpu::logits_apart(rows)) {
    in_range(router_range(routed), [&] { gpu::token_logits(routed); });
    routed.has_logits = true;
    routed.around.backwards = next_turn();
  }
  in_range(route_range(routed, rows_on(at.layer, routed.out, routed.count)), [&] { gpu::route(routed); });
  backwards_ = false;  // rows are written in the order in which they find places, whichever way it went
  routed.x = Tensor();
  return mlp(std::move(x), at, pass, routed);
}

// What is around its blocks: adaLN of all in one product.
class FusedModel::Frame final : public dit::Frame {
 public:
  Frame(FusedModel& model, const model::Inputs& in) : model_(model), in_(in) {}

  Tensor embed(const model::Share&) override {
    const Tensor vector = in_range(conditioning_range(model_.conditioner_, in_.x.size(0)),
                                   [&] { return gpu::condition(model_.conditioner_, in_.t, in_.y); });
    modulation_ = torch::empty({in_.x.size(0), model_.adaln_weight_.size(0)}, vector.options());
    const gpu::Product adaln{
        .x = vector, .weight = model_.adaln_weight_, .bias = model_.adaln_bias_, .out = modulation_};
    in_range(product_range("adaLN", adaln, vector.size(0)), [&] { model_.products_.run(adaln); });
    counts_ = model_.no_counts();
    const Configuration& c = model_.dit_->configuration;
    return in_range(narrow_range("embed", model_.patch_weight_, in_.x.size(0) * c.tokens()), [&] {
      return gpu::embed_patches(in_.x, model_.patch_weight_, model_.dit_->x_embedder->proj->bias,
                                model_.dit_->pos_embed.flatten(0, 1), c.patch_size);
    });
  }

  std::vector<Tensor> adaln(std::size_t, std::size_t) override {
    const std::int64_t of_block = 6 * width(), depth = model_.dit_->configuration.depth;
    std::vector<Tensor> all;
    for (std::int64_t layer = 0; layer < depth; ++layer)
      all.push_back(modulation_.narrow(1, layer * of_block, of_block));
    all.push_back(modulation_.narrow(1, depth * of_block, 2 * width()));
    return all;
  }

  Tensor final_layer(const Tensor& tokens, const Tensor& adaln) override {
    const Configuration& c = model_.dit_->configuration;
    const auto m = adaln.chunk(2, 1);
    const auto& linear = model_.dit_->final_layer->linear;
    return in_range(narrow_range("final layer", linear->weight, tokens.size(0) * tokens.size(1)), [&] {
      return gpu::final_layer(tokens, {.shift = m[0],
                                       .scale = m[1],
                                       .weight = model_.final_weight_,
                                       .bias = linear->bias,
                                       .channels = c.out_channels(),
                                       .side = c.input_size,
                                       .patch = c.patch_size});
    });
  }

  Tensor add(Tensor tokens, std::size_t first, std::size_t last, const Conditioning&, const engine::Reused& reused,
             const Tensor& on) override {
    // Of a block's six vectors the third and the last one are gates.
    const auto parts = static_cast<std::int64_t>(2 * (last - first)), begin = static_cast<std::int64_t>(2 * first);
    const Tensor gates = modulation_.unflatten(1, {-1, width()}).slice(1, 3 * begin + 2, 3 * (begin + parts), 3);
    engine::Reused some{.passes = {}, .factors = reused.factors};
    for (const Tensor& pass : reused.passes) some.passes.push_back(pass.narrow(0, begin, parts));
    return model_.add(std::move(tokens), some, gates, on.defined() ? on.narrow(1, begin / 2, parts / 2) : on);
  }

  Tensor count(std::size_t layer) const { return counts_.narrow(0, static_cast<std::int64_t>(layer), 1); }

 private:
  std::int64_t width() const { return model_.dit_->configuration.hidden_size; }

  FusedModel& model_;
  model::Inputs in_;
  Tensor modulation_, counts_;
};

Outcome FusedModel::work(const FusedPass& pass, const model::Inputs& in, const Tensor& imposed,
                         const engine::Program* program) {
  if (!adaln_weight_.defined()) prepare();
  backwards_ = false;
  auto frame = std::make_unique<Frame>(*this, in);
  const RunBlock run = [this, &pass, &imposed, frame = frame.get()](Tensor x, const BlockAt& at) {
    return block(std::move(x), at, pass, imposed, frame->count(at.layer));
  };
  const PassStart start{
      .in = in, .masks = pass.plan ? Masks{Tensor(), Tensor(), imposed} : Masks(), .logits = Masks(pass.plan ? 3 : 0)};
  const auto stretches = dit::stretches(dit_, start, std::move(frame), [&](const Masks&, Overruled) { return run; });
  Tensor tokens = stretches->begin();
  tokens = program == nullptr ? stretches->run(std::move(tokens), 0, dit_->blocks->size())
                              : program->run(*stretches, std::move(tokens));
  return stretches->end(tokens);
}

Outcome FusedModel::pass(const FusedPass& pass, const model::Inputs& in, const Tensor& imposed,
                         const engine::Program* program) {
  imposed_rows_.clear();
  std::vector<std::int64_t> shapes = in.x.sizes().vec();
  for (const Tensor& input : {in.x, in.t, in.y}) shapes.push_back(static_cast<std::int64_t>(input.scalar_type()));
  Captured& captured = captured_[{pass, shapes, program == nullptr ? "" : program->name}];
  captured.used = ++passes_;
  if (captured_.size() > graphs_kept)
    captured_.erase(std::ranges::min_element(captured_, {}, [](const auto& entry) { return entry.second.used; }));
  const bool kept = !pass.plan || packing_->keeps(*pass.plan);
  if (!captured.ran || !kept) {
    Outcome outcome = work(pass, in, imposed, program);
    captured.ran = true;  // to its end: all shapes are measured
    return outcome;
  }
  // Captured anew where weights were dropped, or where somebody observes and nobody did, or saw another share of
  // tokens.
  const bool observed = Observed::here().observer != nullptr;
  const std::vector<double> rows = observed && imposed.defined() ? counted_.of(imposed) : std::vector<double>();
  const double on = std::accumulate(rows.begin(), rows.end(), 0.0);
  constexpr double alike = 0.05;  // draws of one share
  const bool stale = captured.drops != packing_->drops() ||
                     (observed && (!captured.observed || std::abs(on - captured.imposed) > alike * on));
  const std::vector<Tensor> inputs{in.x, in.t, in.y, imposed};
  if (captured.graph == nullptr || stale) {
    imposed_rows_ = rows;
    // The old one lives until then: memory that no graph holds cannot be captured in.
    captured.graph = std::make_unique<gpu::Graph>(inputs, memory_, [&](const std::vector<Tensor>& of) {
      const Outcome outcome = work(pass, {of[0], of[1], of[2]}, of[3], program);
      captured.runs = outcome.ran;
      std::vector<Tensor> outputs{outcome.output};
      if (pass.plan) outputs.insert(outputs.end(), {outcome.masks[axis::tokens], outcome.logits[axis::tokens]});
      return outputs;
    });
    imposed_rows_.clear();
    captured.drops = packing_->drops();
    captured.observed = observed;
    captured.imposed = on;
  }
  const std::vector<Tensor> outputs = captured.graph->run(inputs);
  Outcome outcome{.output = outputs[0], .masks = {}, .ran = captured.runs};
  if (!pass.plan) return outcome;
  outcome.masks = {Tensor(), Tensor(), outputs[1]};
  outcome.logits = {Tensor(), Tensor(), outputs[2]};
  return outcome;
}

}  // namespace dydit::dit
