// SPDX-License-Identifier: Apache-2.0
// Parts of a block by themselves. Of one block the products, and of the complete model the whole block; and the parts
// of a pass of which a waterfall is derived (docs/dynamic.md), of all blocks. The compact engine's are those that masks
// over heads, groups and tokens leave. What works between the products: kernel/.
#include <algorithm>

#include "cost/cost.h"
#include "dit/engines.h"
#include "dit/packing.h"
#include "instrument/interleaved.h"
#include "routing.h"
#include "subject.h"
#include "suites.h"

namespace dydit::bench {

namespace {

using torch::Tensor;

constexpr double half = 0.5;

// A product of the first block: rows x in -> out, of the complete model or packed.
struct Product {
  std::int64_t rows, in, out;
  std::function<void(const Tensor& x)> run;
};

Product product_of(const Subject& subject, const dit::DiT& dit, const std::string& part) {
  auto& block = dit->block(0);
  const auto& c = dit->configuration;
  const std::int64_t rows = subject.batch * c.tokens(), d = c.hidden_size, hidden = c.mlp_hidden();
  if (part == "qkv") return {rows, d, 3 * d, [&](const Tensor& x) { block.attn->qkv(x); }};
  if (part == "projection") return {rows, d, d, [&](const Tensor& x) { block.attn->proj(x); }};
  if (part == "fc1_gelu") return {rows, d, hidden, [&](const Tensor& x) { block.mlp->fc1->gelu(x); }};
  return {rows, hidden, d, [&](const Tensor& x) { block.mlp->fc2(x); }};
}

Product packed_product_of(const Subject& subject, const dit::DiT& dit, const std::string& part) {
  const auto& c = dit->configuration;
  const engine::Masks masks = subject.masks(dit, "both", half);
  const auto units = [&](std::size_t axis) { return dit::units_of(masks[axis][0].cpu()).front(); };
  dit::Packing packing(dit, /*budget=*/0);
  const auto attention = packing.attention(0, units(dit::axis::heads)),
             mlp = packing.mlp(0, units(dit::axis::channels));
  const std::int64_t all = subject.batch * c.tokens(), d = c.hidden_size, width = attention->units * c.head_size(),
                     hidden = mlp->units * c.group_size();
  const std::int64_t rows = dit::routed_of(masks[dit::axis::tokens].select(1, 0)).height;
  if (part == "qkv") return {all, d, 3 * width, [=](const Tensor& x) { attention->in.forward(x); }};
  if (part == "projection") return {all, width, d, [=](const Tensor& x) { attention->out.forward(x); }};
  if (part == "fc1_gelu") return {rows, d, hidden, [=](const Tensor& x) { mlp->in.gelu(x); }};
  return {rows, hidden, d, [=](const Tensor& x) { mlp->out.forward(x); }};
}

void product(State& state, const Subject& subject, bool packed, const std::string& part) {
  const torch::InferenceMode inference;
  const dit::DiT dit = subject.network("DyDiT");
  const Product product = packed ? packed_product_of(subject, dit, part) : product_of(subject, dit, part);
  const Tensor x = instrument::operand({product.rows, product.in}, 0, subject.options());
  time(state, subject.device, [&] { product.run(x); });
  count_macs(state, static_cast<double>(product.rows * product.in * product.out));
}

void block(State& state, const Subject& subject) {
  const torch::InferenceMode inference;
  const dit::DiT dit = subject.network("DyDiT");
  const auto& c = dit->configuration;
  Tensor x = instrument::operand({subject.batch, c.tokens(), c.hidden_size}, 0, subject.options());
  const Tensor adaln = instrument::operand({subject.batch, 6 * c.hidden_size}, 1, subject.options()) * 0.02;
  const auto modulation = dit::BlockImpl::split(adaln);
  time(state, subject.device, [&] { x = dit->block(0).forward(std::move(x), modulation); });  // as the stream goes on
  double macs = 0;                                                                            // of all blocks alike
  for (const auto kind : {model::Kind::attention, model::Kind::products})
    macs += cost::macs_of(cost::work_of(dit->architecture, complete(dit->architecture.units), subject.batch, 1), kind);
  count_macs(state, macs / static_cast<double>(c.depth));
}

// Of all blocks.
void part_of_pass(State& state, const Subject& subject, const std::string& engine_name, double keep,
                  const std::string& name) {
  const torch::InferenceMode inference;
  const dit::DiT dit = subject.network("DyDiT");
  const engine::Family family = dit::family();
  const auto engine = family.engine(engine_name).make(dit.ptr(), {});
  const engine::Masks masks = subject.masks(dit, "both", keep);
  const auto parts = engine->parts({.inputs = {subject.inputs(dit)}, .masks = {masks}});
  const auto part = std::ranges::find(parts, name, &engine::PartRun::name);
  time(state, subject.device, [&] { part->run(0); });
  const auto work = cost::work_of(dit->architecture, engine::activity_of(masks), subject.batch, 1);
  if (name == "attention") count_macs(state, cost::macs_of(work, model::Kind::attention));
  if (name == "products") count_macs(state, cost::macs_of(work, model::Kind::products));
}

}  // namespace

void add_parts() {
  for (const Subject& subject : subjects())
    for (const auto& [engine, keep] : {std::pair{"dense", 1.0}, {"compact", half}}) {
      const bool packed = keep != 1;
      const auto axes = [&](const char* part) {
        return subject.axes({{"engine", engine}, {"keep", keep}, {"part", part}});
      };
      for (const char* part : {"qkv", "projection", "fc1_gelu", "fc2"})
        add("part", axes(part), [=](State& state) { product(state, subject, packed, part); });
      if (!packed) add("part", axes("block"), [=](State& state) { block(state, subject); });
      for (const char* part : packed ? std::vector{"fixed", "attention", "products", "routed", "together"}
                                     : std::vector{"fixed", "attention", "products"})
        add("part", axes(part),
            [=, engine = engine, keep = keep](State& state) { part_of_pass(state, subject, engine, keep, part); });
    }
}

}  // namespace dydit::bench
