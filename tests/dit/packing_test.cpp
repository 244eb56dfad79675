// SPDX-License-Identifier: Apache-2.0
#include "dit/packing.h"

#include "catch.h"

using namespace dydit;

namespace {

constexpr std::int64_t steps = 6, depth = 2, heads = 4;

dit::DiT small_model() {
  dit::Configuration c;
  c.input_size = 8;
  c.hidden_size = 64;
  c.depth = depth;
  c.num_heads = heads;
  c.num_classes = 10;
  c.dynamic = true;
  dit::DiT dit(c);
  dit->initialise(0);
  return dit;
}

// Step k has the units 0 and 1 + k % 3 of layer 0, and k % 2 others of layer 1: all parts are as large or half as
// large.
std::vector<dit::WidthPlan> schedule() {
  std::vector<dit::WidthPlan> plans;
  for (std::size_t step = 0; step < steps; ++step) {
    dit::Units first(heads, false), second(heads, false);
    first[0] = first[1 + step % 3] = second[0] = true;
    second[1 + step % 2] = true;
    plans.push_back({{first, second}, {second, first}});
  }
  return plans;
}

// How many parts a run through the schedule finds packed as the run before found them.
int found_again(dit::Packing& packing, std::vector<std::shared_ptr<const dit::PackedSublayer>>& last) {
  std::vector<std::shared_ptr<const dit::PackedSublayer>> parts;
  for (const dit::WidthPlan& plan : schedule())
    for (std::size_t layer = 0; layer < depth; ++layer) {
      parts.push_back(packing.attention(layer, plan.heads[layer]));
      parts.push_back(packing.mlp(layer, plan.channels[layer]));
    }
  int found = 0;
  for (std::size_t i = 0; i < last.size(); ++i) found += parts[i] == last[i] ? 1 : 0;
  last = std::move(parts);
  return found;
}

}  // namespace

TEST_CASE("a plan larger than its budget keeps what fits, run after run") {
  const torch::NoGradGuard no_grad;
  const dit::DiT dit = small_model();
  dit::Packing roomy(dit, std::size_t{1} << 30);
  roomy.prepare(schedule());
  dit::Packing half(dit, roomy.bytes() / 2);
  half.prepare(schedule());
  const std::size_t kept = half.bytes();
  CHECK(kept > roomy.bytes() / 4);
  std::vector<std::shared_ptr<const dit::PackedSublayer>> last;
  found_again(half, last);
  for (int run = 0; run < 3; ++run) CHECK(found_again(half, last) >= static_cast<int>(last.size()) / 4);
  CHECK(half.bytes() <= roomy.bytes() / 2);
}

TEST_CASE("what a plan needs makes room for another plan, and for nothing else") {
  const torch::NoGradGuard no_grad;
  const dit::DiT dit = small_model();
  const auto plans = schedule();
  const std::vector<dit::WidthPlan> first{plans[0]}, second{plans[1]};
  dit::Packing probe(dit, std::size_t{1} << 30);
  probe.prepare(first);
  dit::Packing packing(dit, probe.bytes());
  packing.prepare(first);
  const auto kept = packing.attention(0, plans[0].heads[0]);
  const auto other = packing.attention(0, plans[1].heads[0]);
  CHECK(packing.attention(0, plans[0].heads[0]) == kept);
  CHECK(packing.attention(0, plans[1].heads[0]) != other);
  packing.prepare(second);
  CHECK(packing.attention(0, plans[1].heads[0]) == packing.attention(0, plans[1].heads[0]));
  CHECK(packing.bytes() <= probe.bytes());
}

TEST_CASE("what is kept of a plan, and whether something was dropped since, can be asked") {
  const torch::NoGradGuard no_grad;
  const dit::DiT dit = small_model();
  const auto plans = schedule();
  dit::Packing roomy(dit, std::size_t{1} << 30);
  CHECK_FALSE(roomy.keeps(plans.front()));
  roomy.prepare(plans);
  for (const dit::WidthPlan& plan : plans) CHECK(roomy.keeps(plan));
  CHECK(roomy.drops() == 0);
  const dit::Units none(heads, false);
  CHECK(roomy.keeps({{none, none}, {none, none}}));  // nothing is needed

  dit::Packing one(dit, std::size_t{1} << 30);
  one.prepare({plans[0]});
  dit::Packing tight(dit, one.bytes());
  tight.prepare({plans[0]});
  CHECK(tight.keeps(plans[0]));
  CHECK(tight.drops() == 0);
  tight.prepare({plans[1]});  // takes its place
  CHECK(tight.drops() > 0);
  CHECK_FALSE(tight.keeps(plans[0]));

  dit::Packing nothing(dit, 0);
  nothing.prepare(plans);
  CHECK_FALSE(nothing.keeps(plans[0]));
}
