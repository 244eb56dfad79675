// SPDX-License-Identifier: Apache-2.0
// The compact engine computes the function of the masked one, for any sizes, masks and decisions.
#include <iostream>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "distance.h"
#include "dit/relaxed.h"
#include "dit/support.h"
#include "routing.h"

using dydit::test::engine_named;
using dydit::test::rel_l2;
using torch::Tensor;
namespace axis = dydit::dit::axis;
namespace dit = dydit::dit;
namespace engine = dydit::engine;

namespace {

constexpr int cases = 1000;

// Everything of one case is a function of its number.
class Draw {
 public:
  explicit Draw(int number) : random_(29, dydit::Purpose::synthetic, static_cast<std::uint64_t>(number)) {
    torch::manual_seed(number);
  }
  std::int64_t one_to(std::uint64_t most) { return static_cast<std::int64_t>(random_.below(most) + 1); }
  bool maybe() { return random_.below(2) == 1; }

 private:
  dydit::Random random_;
};

struct Case {
  explicit Case(int number) {
    Draw draw(number);
    dit::Configuration c;
    c.patch_size = draw.one_to(2);
    c.input_size = c.patch_size * draw.one_to(6);
    c.in_channels = 3;
    c.num_heads = 1 + draw.one_to(4);
    c.hidden_size = 4 * c.num_heads * draw.one_to(4);
    while (c.hidden_size < 16) c.hidden_size += 4 * c.num_heads;
    c.depth = draw.one_to(3);
    c.mlp_ratio = static_cast<double>(draw.one_to(4));
    c.num_classes = 10;
    c.dynamic = true;
    c.first_unit_always_on = draw.maybe();
    dit = dit::DiT(c);
    dit->eval();
    const torch::NoGradGuard no_grad;
    for (auto& item : dit->named_parameters())
      if (item.key() != "pos_embed")
        item.value().normal_(0,
                             item.value().dim() > 1 ? 1 / std::sqrt(static_cast<double>(item.value().size(1))) : 0.3);
    n = draw.one_to(5);
    in.x = torch::randn({n, c.in_channels, c.input_size, c.input_size});
    in.t = torch::randint(0, 1000, {draw.maybe() ? n : 1}, torch::kInt64).expand({n}).contiguous();
    in.y = torch::randint(0, 11, {n}, torch::kInt64);
    // Shares from none to all; unit 0 is always on in one of the dialects.
    const auto random_mask = [&](std::int64_t units, bool first_is_on) {
      const double share = static_cast<double>(draw.one_to(5) - 1) / 4;
      Tensor mask = torch::rand({n, c.depth, units}) < share;
      if (first_is_on) mask.select(2, 0).fill_(true);
      return mask;
    };
    const bool first = c.first_unit_always_on;
    imposed = {random_mask(c.num_heads, first), random_mask(c.num_heads, first), random_mask(c.tokens(), false)};
    if (draw.maybe()) {  // one plan for all images
      imposed[axis::heads] = imposed[axis::heads].narrow(0, 0, 1).expand_as(imposed[axis::heads]).contiguous();
      imposed[axis::channels] = imposed[axis::channels].narrow(0, 0, 1).expand_as(imposed[axis::channels]).contiguous();
    }
  }

  dit::DiT as(torch::Dtype type) const {
    dit::DiT other(dit->configuration);
    other->to(type);
    const torch::NoGradGuard no_grad;
    const auto given = dit->named_parameters();
    for (auto& item : other->named_parameters()) item.value().copy_(given[item.key()]);
    return other;
  }
  dit::DiT in_float64() const { return as(torch::kFloat64); }

  dit::DiT dit{nullptr};
  std::int64_t n = 0;
  dydit::model::Inputs in;
  engine::Masks imposed;
};

}  // namespace

TEST_CASE("with imposed masks the compact engine is as near to the masked one as float32 allows") {
  const torch::NoGradGuard no_grad;
  double worst = 0;
  for (int number = 0; number < cases; ++number) {
    const Case c(number);
    const auto masked = dit::masked_engine(c.dit)->forward(c.in, c.imposed);
    const auto compact = dit::compact_engine(c.dit)->forward(c.in, c.imposed);
    const auto exact = dit::masked_engine(c.in_float64())->forward(c.in, c.imposed);
    const double distance = rel_l2(compact.output, masked.output);
    const double bound = std::max(1e-5, 2 * rel_l2(masked.output, exact.output));
    worst = std::max(worst, distance / bound);
    CAPTURE(number, distance, bound, dit::to_json(c.dit->configuration).dump());
    REQUIRE(distance <= bound);
    REQUIRE(torch::equal(compact.masks[axis::tokens], c.imposed[axis::tokens]));
    REQUIRE(!compact.logits[axis::tokens].defined());
  }
  std::cout << "imposed masks: " << cases << " cases, the worst at " << worst << " of its bound\n";
}

TEST_CASE("in bfloat16 the compact engine is as near to float64 as the masked one") {
  const torch::NoGradGuard no_grad;
  for (int number = 0; number < cases / 5; ++number) {
    const Case c(number);
    const dit::DiT dit = c.as(torch::kBFloat16);
    const auto exact = dit::masked_engine(c.in_float64())->forward(c.in, c.imposed).output;
    const double masked = rel_l2(dit::masked_engine(dit)->forward(c.in, c.imposed).output, exact),
                 compact = rel_l2(dit::compact_engine(dit)->forward(c.in, c.imposed).output, exact);
    CAPTURE(number, masked, compact, dit::to_json(c.dit->configuration).dump());
    REQUIRE(compact <= 2 * masked + 2e-3);  // half a unit in the last place of bfloat16 is 2e-3
  }
}

TEST_CASE("the compact engine decides as the masked one, but for logits that are zero within rounding") {
  const torch::NoGradGuard no_grad;
  std::int64_t decisions = 0, different = 0;
  for (int number = 0; number < cases; ++number) {
    const Case c(number);
    const auto masked = dit::masked_engine(c.dit)->forward(c.in);
    const auto compact = dit::compact_engine(c.dit)->forward(c.in);
    // What float32 makes of the logits, the decisions being the same.
    const auto exact = dit::masked_engine(c.in_float64())->forward(c.in, masked.masks, engine::Overruled::run);
    CAPTURE(number);
    bool agree = true;
    const auto compare = [&](const Tensor& ours, const Tensor& theirs, const Tensor& logits, double error) {
      const Tensor apart = ours != theirs;
      decisions += apart.numel();
      if (!apart.any().item<bool>()) return;
      agree = false;
      different += apart.sum().item<std::int64_t>();
      REQUIRE(logits.masked_select(apart).abs().max().item<double>() <= 16 * error);
    };
    const auto error_of = [](const Tensor& logits, const Tensor& wide) {
      return logits.numel() == 0 ? 0.0 : (logits.to(torch::kFloat64) - wide).abs().max().item<double>();
    };
    const auto routed = [&](const Tensor& mask) {
      const std::int64_t units = c.dit->configuration.routed_units();
      return mask.narrow(2, mask.size(2) - units, units);
    };
    compare(routed(compact.masks[axis::heads]), routed(masked.masks[axis::heads]), masked.logits[axis::heads],
            error_of(masked.logits[axis::heads], exact.logits[axis::heads]));
    compare(routed(compact.masks[axis::channels]), routed(masked.masks[axis::channels]), masked.logits[axis::channels],
            error_of(masked.logits[axis::channels], exact.logits[axis::channels]));
    // Tokens: a layer's logits follow from the decisions before it, so the first one that differs is the one to judge.
    for (std::int64_t layer = 0; agree && layer < c.dit->configuration.depth; ++layer) {
      const auto of = [&](const Tensor& tensor) { return tensor.select(1, layer); };
      compare(of(compact.masks[axis::tokens]), of(masked.masks[axis::tokens]), of(masked.logits[axis::tokens]),
              error_of(of(masked.logits[axis::tokens]), of(exact.logits[axis::tokens])));
    }
    if (agree)
      REQUIRE(rel_l2(compact.output, masked.output) <= std::max(1e-5, 2 * rel_l2(masked.output, exact.output)));
  }
  std::cout << "own decisions: " << different << " of " << decisions << " differ\n";
  CHECK(different * 1000 <= decisions);
}

TEST_CASE("a planned timestep takes the decisions of its routers, and so does one beside it that is not planned") {
  const torch::NoGradGuard no_grad;
  for (int number = 0; number < cases / 5; ++number) {
    const Case c(number);
    const auto expected = dit::compact_engine(c.dit)->forward(c.in);
    const auto planned = dit::compact_engine(c.dit), in_part = dit::compact_engine(c.dit);
    planned->plan(torch::cat({c.in.t.flip(0), torch::tensor({1000})}));
    in_part->plan(c.in.t.narrow(0, 0, 1));
    CAPTURE(number);
    for (const auto* one : {&planned, &in_part}) {
      const auto outcome = (*one)->forward(c.in);
      REQUIRE(torch::equal(outcome.masks[axis::heads], expected.masks[axis::heads]));
      REQUIRE(torch::equal(outcome.masks[axis::channels], expected.masks[axis::channels]));
      REQUIRE(torch::equal(outcome.masks[axis::tokens], expected.masks[axis::tokens]));
      REQUIRE(torch::equal(outcome.output, expected.output));
    }
    REQUIRE(!planned->forward(c.in).logits[axis::heads].defined());  // no width router ran
    // Of images at one time that is said, the plan is found without a look at t.
    dydit::model::Inputs at{c.in.x, c.in.t.narrow(0, 0, 1).expand_as(c.in.t).contiguous(), c.in.y};
    const auto looked = planned->forward(at);
    at.time = at.t[0].item<double>();
    const auto said = planned->forward(at);
    REQUIRE(torch::equal(said.output, looked.output));
    for (const std::size_t axis : {axis::heads, axis::channels, axis::tokens})
      REQUIRE(torch::equal(said.masks[axis], looked.masks[axis]));
    REQUIRE(!said.logits[axis::heads].defined());
  }
}

TEST_CASE("packed weights stay within their budget, whatever it is, and change nothing") {
  const torch::NoGradGuard no_grad;
  for (int number = 0; number < 50; ++number) {
    const Case c(number);
    const auto roomy = dit::compact_engine(c.dit), tiny = dit::compact_engine(c.dit, {.packing_budget = 0}),
               middle = dit::compact_engine(c.dit, {.packing_budget = 20'000});
    for (const auto* one : {&roomy, &middle}) (*one)->plan(c.in.t);
    const Tensor expected = roomy->forward(c.in, c.imposed).output;
    for (int again = 0; again < 2; ++again)
      for (const auto* one : {&roomy, &tiny, &middle})
        REQUIRE(torch::equal((*one)->forward(c.in, c.imposed).output, expected));
    REQUIRE(roomy->packed_bytes() > 0);
    REQUIRE(tiny->packed_bytes() == 0);
    REQUIRE(middle->packed_bytes() <= 20'000);
  }
}

TEST_CASE("the rows of a mask are where it is on, and are rounded up to few different numbers") {
  torch::manual_seed(1);
  for (const std::int64_t tokens : {1, 16, 256})
    for (const double keep : {0.0, 0.3, 1.0}) {
      const Tensor mask = torch::rand({4, 3, tokens}).select(1, 1) < keep;  // does not lie together
      const auto routed = dit::routed_of(mask);
      CHECK(torch::equal(routed.rows, mask.flatten().nonzero().squeeze(1)));
      CHECK(routed.height >= routed.rows.numel());
      CHECK(routed.height <= routed.rows.numel() + routed.rows.numel() / 64);
    }
  std::set<std::int64_t> heights;
  for (std::int64_t on = 513; on <= 1024; ++on) heights.insert(dit::routed_of(torch::arange(1024) < on).height);
  CHECK(heights.size() == 64);
}

TEST_CASE("a plan packs on several threads what its passes need, and no more; another plan takes its place") {
  const torch::NoGradGuard no_grad;
  dit::Configuration configuration = dit::published("DyDiT-S/8");
  configuration.hidden_size = 96;
  configuration.first_unit_always_on = GENERATE(true, false);
  dit::DiT dit(configuration);
  torch::manual_seed(0);
  for (auto& item : dit->named_parameters())
    if (item.key() != "pos_embed") item.value().normal_(0, 0.05);
  const auto& c = dit->configuration;
  constexpr std::int64_t steps = 8;
  const auto random_plan = [&](int seed) {
    torch::manual_seed(seed);
    const auto widths = [&] {
      Tensor mask = torch::rand({steps, c.depth, c.num_heads}) < 0.5;
      mask.select(2, 0).fill_(c.first_unit_always_on);
      mask.select(1, 1).fill_(c.first_unit_always_on);  // a layer that is complete, or has nothing on
      return mask;
    };
    return engine::Masks{widths(), widths(), {}};
  };
  const engine::Masks plan = random_plan(1), other = random_plan(2);
  const Tensor x = torch::randn({steps, c.in_channels, c.input_size, c.input_size}),
               zeros = torch::zeros({steps}, torch::kInt64);
  const Tensor expected = dit::masked_engine(dit)->forward({x, zeros, zeros}, plan).output;
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  const auto roomy = dit::compact_engine(dit);
  roomy->plan(plan);
  const std::size_t needed = roomy->packed_bytes();
  CHECK(rel_l2(roomy->forward({x, zeros, zeros}, plan).output, expected) <= 1e-5);
  CHECK(roomy->packed_bytes() == needed);  // nothing was left to pack
  // Routers whose decisions a plan knows are not run, even where routers are that are overruled.
  const auto run = engine::Overruled::run;
  CHECK_FALSE(roomy->forward({x, zeros, zeros}, plan, run).logits[axis::heads].defined());
  CHECK(dit::compact_engine(dit)->forward({x, zeros, zeros}, plan, run).logits[axis::heads].defined());
  const auto exact = dit::compact_engine(dit, {.packing_budget = needed}),
             half = dit::compact_engine(dit, {.packing_budget = needed / 2});
  for (const auto* one : {&exact, &half}) {
    (*one)->plan(other);
    (*one)->plan(plan);
    CHECK(rel_l2((*one)->forward({x, zeros, zeros}, plan).output, expected) <= 1e-5);
  }
  CHECK(exact->packed_bytes() == needed);  // the other plan's parts are gone
  CHECK(half->packed_bytes() <= needed / 2);
  CHECK(half->packed_bytes() > needed / 4);
  at::set_num_threads(threads);
}

TEST_CASE("a block without a head or a group adds a gated bias, and nothing else") {
  const torch::NoGradGuard no_grad;
  int empty = 0;
  for (int number = 0; number < 100; ++number) {
    Case c(number);
    if (c.dit->configuration.first_unit_always_on) continue;
    ++empty;
    c.imposed[axis::heads].fill_(false);
    c.imposed[axis::channels].fill_(false);
    // By the formula: x += gate1 * proj.bias, x += token * gate2 * fc2.bias.
    Tensor x = c.dit->embed(c.in.x);
    const dit::Conditioning conditioning = c.dit->condition(c.dit->t_embedder(c.in.t), c.in.y);
    for (std::size_t layer = 0; layer < c.dit->blocks->size(); ++layer) {
      dit::BlockImpl& block = c.dit->block(layer);
      const auto m = conditioning.of_block(layer);
      const Tensor on = c.imposed[axis::tokens].select(1, static_cast<std::int64_t>(layer)).unsqueeze(2);
      x = x + m.gate1.unsqueeze(1) * block.attn->proj->bias;
      x = x + on * m.gate2.unsqueeze(1) * block.mlp->fc2->bias;
    }
    const Tensor expected = c.dit->unpatchify(c.dit->final_layer(x, conditioning.final_layer));
    CAPTURE(number);
    for (const char* kind : {"masked", "compact"})
      REQUIRE(rel_l2(engine_named(kind, c.dit)->forward(c.in, c.imposed).output, expected) <= 1e-5);
  }
  CHECK(empty > 10);
}

TEST_CASE("a logit or an output that is not finite is an error that names the router, never a decision") {
  const torch::NoGradGuard no_grad;
  const double value =
      GENERATE(static_cast<double>(NAN), static_cast<double>(INFINITY), -static_cast<double>(INFINITY));
  const std::string router = GENERATE("attn_rate.router", "mlp_rate.router", "token_selection.mlp_head.2");
  CAPTURE(value, router);
  int number = 0;
  while (Case(number).dit->blocks->size() < 2) ++number;
  const Case c(number);
  const auto parameters = c.dit->named_parameters();
  parameters["blocks.1." + router + ".bias"][0] = value;
  const auto refused = [&](const auto& work) {
    const std::string named = "logits are not finite: blocks.1." + router.substr(0, router.find('.'));
    CHECK_THROWS_AS(work(), dydit::NotFinite);
    CHECK_THROWS_WITH(work(), Catch::Matchers::Contains(named));
  };
  for (const char* kind : {"masked", "compact"}) {
    const auto engine = engine_named(kind, c.dit);
    refused([&] { return engine->forward(c.in); });
    refused([&] { return engine->forward(c.in, c.imposed, engine::Overruled::run); });
    CHECK_NOTHROW(engine->forward(c.in, c.imposed));  // no router was asked
  }
  if (router.find("_rate") != router.npos) refused([&] { dit::compact_engine(c.dit)->plan(c.in.t); });
  refused([&] { return dit::relaxed_forward(c.dit, c.in, {}); });
  CHECK_NOTHROW(dit::relaxed_forward(c.dit, c.in, {}, c.imposed));
}

TEST_CASE("weights that are finite, but overflow, decide nothing") {
  const torch::NoGradGuard no_grad;
  Case c(1);
  const auto parameters = c.dit->named_parameters();
  SECTION("in a router") {
    parameters["blocks.0.attn_rate.router.weight"].fill_(3e38);
    parameters["blocks.0.attn_rate.router.bias"].fill_(3e38);
  }
  SECTION("in the output alone") {
    parameters["final_layer.linear.bias"].fill_(3e38);
    parameters["final_layer.linear.weight"].fill_(3e38);
  }
  SECTION("before every router, in float16") {
    parameters["x_embedder.proj.weight"].fill_(3e4);
    c.dit->to(torch::kFloat16);
  }
  for (const char* kind : {"masked", "compact"}) {
    CHECK_THROWS_AS(engine_named(kind, c.dit)->forward(c.in), dydit::NotFinite);
  }
}

TEST_CASE("imposed masks that do not fit are refused by name") {
  int number = 0;
  while (!Case(number).dit->configuration.first_unit_always_on) ++number;
  const Case c(number);
  for (const char* kind : {"masked", "compact"}) {
    const auto engine = engine_named(kind, c.dit);
    engine::Masks wrong = c.imposed;
    wrong[axis::tokens] = wrong[axis::tokens].narrow(1, 0, 1).repeat({1, 7, 1});
    CHECK_THROWS_AS(engine->forward(c.in, wrong), dydit::UsageError);
    wrong = c.imposed;
    wrong[axis::heads] = torch::zeros_like(wrong[axis::heads]);
    CHECK_THROWS_AS(engine->forward(c.in, wrong), dydit::UsageError);
  }
  const auto compact = dit::compact_engine(c.dit);
  engine::Masks nothing = c.imposed;
  nothing[axis::heads] = torch::zeros_like(nothing[axis::heads]);
  CHECK_THROWS_AS(compact->plan(nothing), dydit::UsageError);
  CHECK_THROWS_AS(compact->plan(engine::Masks{c.imposed[axis::heads], {}, {}}), dydit::UsageError);
  CHECK_THROWS_AS(engine_named("fast", c.dit), dydit::UsageError);
  CHECK_THROWS_AS(dit::masked_engine(dit::DiT(dit::published("DiT-S/8"))), dydit::UsageError);
}
