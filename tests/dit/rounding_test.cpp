// SPDX-License-Identifier: Apache-2.0
// The compact engine with numbers of units that are rounded up: it computes what the masked one does with as many on.
#include "base/error.h"
#include "catch.h"
#include "distance.h"
#include "dit/support.h"

using namespace dydit;
using engine::Masks;
using engine::Overruled;
using torch::Tensor;
namespace axis = dit::axis;

namespace {

constexpr std::int64_t images = 3, depth = 3, units = 4;
const engine::RoundUp tiles{{0, 2, 2, 4, 4}, {0, 1, 3, 3, 4}, {}};

dit::DiT model_with_routers(bool first_on) {
  dit::DiT dit(dit::from_json({{"input_size", 8},
                               {"patch_size", 2},
                               {"in_channels", 3},
                               {"hidden_size", 32},
                               {"depth", depth},
                               {"num_heads", units},
                               {"num_classes", 10},
                               {"dynamic", true},
                               {"first_unit_always_on", first_on}}));
  const torch::NoGradGuard no_grad;
  torch::manual_seed(5);
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, item.value().dim() > 1 ? 0.2 : 0.3);
  dit->eval();
  return dit;
}

model::Inputs inputs_at(const std::vector<std::int64_t>& times) {
  torch::manual_seed(6);
  return {torch::randn({images, 3, 8, 8}), torch::tensor(times), torch::tensor({1, 2, 3})};
}

// What is on is what was planned and more, as many units as the tiles say.
void check_rounded(const Masks& planned, const Masks& kept) {
  for (const std::size_t axis : {axis::heads, axis::channels}) {
    const Tensor to = torch::tensor(tiles[axis], torch::kInt64);
    CHECK(torch::equal(kept[axis].sum(2), to.index({planned[axis].sum(2)})));
    CHECK((kept[axis] | ~planned[axis]).all().item<bool>());
  }
}

void check_output(const engine::Outcome& outcome, const model::Inputs& in, const dit::DiT& dit) {
  CHECK(test::rel_l2(outcome.output, dit::masked_engine(dit)->forward(in, outcome.masks).output) <= 1e-5);
}

}  // namespace

TEST_CASE("routers' decisions are rounded up, planned or not, and the masked engine says the same of them") {
  const torch::NoGradGuard no_grad;
  for (const bool first_on : {true, false})
    for (const bool planned : {true, false}) {
      CAPTURE(first_on, planned);
      const dit::DiT dit = model_with_routers(first_on);
      const model::Inputs in = inputs_at({100, 500, 900});
      const auto exact = dit::compact_engine(dit), rounding = dit::compact_engine(dit, {.round_up = tiles});
      if (planned) rounding->plan(in.t);
      const engine::Outcome own = exact->forward(in), outcome = rounding->forward(in);
      check_rounded(own.masks, outcome.masks);
      CHECK_FALSE(torch::equal(own.masks[axis::heads], outcome.masks[axis::heads]));
      check_output(outcome, in, dit);
      if (!planned) continue;
      const auto plan = rounding->rounded_plan();
      REQUIRE(plan);
      CHECK(torch::equal(plan->planned[axis::heads], own.masks[axis::heads]));
      CHECK(torch::equal(plan->kept[axis::channels], outcome.masks[axis::channels]));
      // The next unit is the one that its router was nearest to turning on.
      const Tensor logits = dit::masked_engine(dit)->forward(in).logits[axis::heads];
      const Tensor more = plan->kept[axis::heads] & ~plan->planned[axis::heads], off = ~plan->kept[axis::heads];
      const auto routed = [&](const Tensor& mask) { return mask.narrow(2, units - logits.size(2), logits.size(2)); };
      const Tensor least = logits.masked_fill(~routed(more), INFINITY).amin(2),
                   most = logits.masked_fill(~routed(off), -INFINITY).amax(2);
      CHECK((least >= most).all().item<bool>());
    }
}

TEST_CASE("imposed widths are rounded up by the first units; none stays none, all stays all, and so do tokens") {
  const torch::NoGradGuard no_grad;
  const dit::DiT dit = model_with_routers(false);
  const model::Inputs in = inputs_at({300, 300, 300});
  Masks imposed = engine::all_on(dit->architecture, images, torch::kCPU);
  torch::manual_seed(8);
  for (Tensor& mask : imposed) mask = torch::rand(mask.sizes()) < 0.4;
  imposed[axis::heads].select(1, 0).fill_(false);
  imposed[axis::channels].select(1, 1).fill_(false);
  imposed[axis::channels].select(1, 2).fill_(true);
  const auto rounding = dit::compact_engine(dit, {.round_up = tiles});
  for (const Overruled routers : {Overruled::skipped, Overruled::run}) {
    const engine::Outcome outcome = rounding->forward(in, imposed, routers);
    check_rounded(imposed, outcome.masks);
    for (const std::size_t axis : {axis::heads, axis::channels})
      CHECK(torch::equal(outcome.masks[axis], engine::rounded_up(imposed[axis], {}, tiles[axis])));
    CHECK(torch::equal(outcome.masks[axis::tokens], imposed[axis::tokens]));
    check_output(outcome, in, dit);
    // What was executed can be imposed again.
    CHECK(torch::equal(rounding->forward(in, outcome.masks, routers).output, outcome.output));
  }
  rounding->plan(Masks{imposed[axis::heads], imposed[axis::channels]});
  const std::size_t packed = rounding->packed_bytes();
  check_rounded(imposed, rounding->rounded_plan()->kept);
  rounding->forward(in, imposed);
  CHECK(rounding->packed_bytes() == packed);  // the plan has what the pass needs
  CHECK_THROWS_AS(dit::compact_engine(dit, {.round_up = {{0, 1, 2}, {0, 1, 2}, {}}}), UsageError);
}

TEST_CASE("a pass in stretches has the rounded units on") {
  const torch::NoGradGuard no_grad;
  const dit::DiT dit = model_with_routers(true);
  const model::Inputs in = inputs_at({300, 300, 300});
  const auto rounding = dit::compact_engine(dit, {.round_up = tiles});
  const engine::Outcome whole = rounding->forward(in);
  const auto pass = rounding->pass(in);
  const engine::Outcome stretched = pass->end(pass->run(pass->begin(), 0, depth));
  CHECK(torch::equal(stretched.output, whole.output));
  for (std::size_t axis = 0; axis < 3; ++axis) CHECK(torch::equal(stretched.masks[axis], whole.masks[axis]));
}

TEST_CASE("a block runs by itself where an engine keeps what is on, whatever is") {
  const dit::DiT dit = model_with_routers(false);
  const Masks all = engine::all_on(dit->architecture, images, torch::kCPU);
  Masks none;
  for (const Tensor& mask : all) none.push_back(torch::zeros_like(mask));
  const auto compact = dit::compact_engine(dit);
  const auto runs = compact->blocks_alone({all, none});
  REQUIRE(runs.size() == 2);
  for (int again = 0; again < 2; ++again)
    for (const auto& run : runs) CHECK_NOTHROW(run());
  CHECK(dit::masked_engine(dit)->blocks_alone({all}).empty());
  CHECK_THROWS_AS(compact->blocks_alone({{all[0], all[1], all[2].narrow(2, 0, 4)}}), UsageError);
}
