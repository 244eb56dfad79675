// SPDX-License-Identifier: Apache-2.0
#include "cost/cost.h"

#include <algorithm>
#include <map>

#include "base/random.h"
#include "catch.h"
#include "dit/configuration.h"

using namespace dydit::cost;
using dydit::dit::architecture_of;
using dydit::dit::Configuration;
using dydit::dit::published;
using dydit::model::Kind;
using dydit::model::Part;
namespace axis = dydit::dit::axis;

namespace {

using On = std::vector<std::vector<double>>;  // [axis][layer]

// Also layers with nothing on, as the older dialect of DyDiT has them.
On random_on(const Configuration& c, dydit::Random& random) {
  const auto up_to = [&](std::int64_t most) {
    return static_cast<double>(random.below(static_cast<std::uint64_t>(most) + 1));
  };
  On on(3);
  for (std::int64_t layer = 0; layer < c.depth; ++layer) {
    on[axis::heads].push_back(up_to(c.num_heads));
    on[axis::channels].push_back(up_to(c.num_heads));
    on[axis::tokens].push_back(up_to(c.tokens()));
  }
  return on;
}

double macs_of_routers(const std::vector<Part>& parts) {
  double macs = 0;
  for (const Part& part : parts) macs += part.kind == Kind::routers ? part.macs : 0;
  return macs;
}

Work sum_of(const std::vector<Work>& work) {
  Work sum;
  for (const Work& part : work) {
    sum.macs += part.macs;
    sum.bytes += part.bytes;
  }
  return sum;
}

// "mlp" is "mlp.fc1" and "mlp.fc2".
Work total_of(const std::vector<Work>& work, const std::string& part) {
  std::vector<Work> of_part;
  std::ranges::copy_if(work, std::back_inserter(of_part),
                       [&](const Work& each) { return each.part == part || each.part.starts_with(part + "."); });
  return sum_of(of_part);
}

// Four tokens of 16 numbers, two heads, an MLP of two groups of 16 channels.
Configuration tiny() {
  Configuration c;
  c.input_size = 4;
  c.in_channels = 1;
  c.hidden_size = 16;
  c.depth = 1;
  c.num_heads = 2;
  c.mlp_ratio = 2;
  c.dynamic = true;
  return c;
}

}  // namespace

TEST_CASE("MACs and bytes of a tiny model by hand") {
  // One head and one group on; of two images one has a token on and one has two.
  const Activity activity = Activity::of_one({{1}, {1}, {1.5}});
  struct Expected {
    double macs, weights, activations;  // of one image
  };
  const std::map<std::string_view, Expected> parts{
      {"patch", {4 * 4 * 16, 4 * 16 + 16 + 4 * 16, 4 * (4 + 16)}},
      {"conditioning", {256 * 16 + 16 * 16, 256 * 16 + 16 + 16 * 16 + 16, 256 + 16 + 16 + 16 + 16 + 16}},
      {"adaln", {16 * 96, 16 * 96 + 96, 16 + 96}},
      // In and out: first norm; x, y, residual; norm of routed rows; x, norm of all rows; y and residual of routed
      // rows; six vectors of the block and two of the final norm.
      {"elementwise", {0, 0, 2 * 64 + 3 * 64 + 24 + 2 * 64 + 2 * 24 + 8 * 16}},
      {"attention.qkv", {4 * 16 * 24, 16 * 24 + 24, 4 * (16 + 24)}},
      {"attention.products", {2 * 4 * 4 * 8, 0, 4 * (24 + 8)}},
      {"attention.projection", {4 * 8 * 16, 8 * 16 + 16, 4 * (8 + 16)}},
      {"routers", {2 * 16 + 4 * 16 + 4, 2 * 17 + 17 + 2, 2 * 17 + 4 * 17 + 4 * 2}},
      {"mlp.fc1", {1.5 * 16 * 16, 16 * 16 + 16, 1.5 * (16 + 16)}},
      {"mlp.fc2", {1.5 * 16 * 16, 16 * 16 + 16, 1.5 * (16 + 16)}},
      {"final", {16 * 32 + 4 * 16 * 8, 16 * 32 + 32 + 16 * 8 + 8, 16 + 32 + 4 * (16 + 8)}}};
  const auto work = work_of(architecture_of(tiny()), activity, /*batch=*/2, /*bytes_of_number=*/4);
  CHECK(work.size() == parts.size());
  for (const Work& part : work) {
    INFO(part.part);
    const Expected& expected = parts.at(part.part);
    CHECK(part.macs == 2 * expected.macs);
    CHECK(part.bytes == 4 * (expected.weights + 2 * expected.activations));
  }
  CHECK(total_of(work, "mlp").macs == 4 * 1.5 * 16 * 16);
  CHECK(total_of(work, "attention").bytes == 4 * (408 + 144 + 2 * (160 + 128 + 96)));
  CHECK(total_of(work, "attention.qkv").macs == 2 * 4 * 16 * 24);
}

TEST_CASE("a layer without a token reads nothing of its MLP") {
  const auto work = work_of(architecture_of(tiny()), Activity::of_one({{2}, {2}, {0}}), 1, 4);
  CHECK(total_of(work, "mlp").macs == 0);
  CHECK(total_of(work, "mlp").bytes == 0);
}

TEST_CASE("a layer without a head or a group reads their biases alone") {
  Configuration c = tiny();
  c.first_unit_always_on = false;
  const auto activity = Activity::of_one({{0}, {0}, {1.5}});
  const auto work = work_of(architecture_of(c), activity, /*batch=*/1, /*bytes_of_number=*/1);
  CHECK(total_of(work, "attention").macs == 0);
  CHECK(total_of(work, "attention").bytes == 16);
  CHECK(total_of(work, "mlp").macs == 0);
  CHECK(total_of(work, "mlp").bytes == 16);
  // The residual of all rows, that of the routed ones, the final norm; two gates, shift and scale.
  CHECK(total_of(work, "elementwise").bytes == 2 * 64 + 24 + 2 * 64 + 4 * 16);
  CHECK(total_of(work, "routers").macs == 2 * 2 * 16 + 4 * 16 + 4);
  CHECK(lambda_realised(architecture_of(c), Activity::of_one({{0}, {0}, {4}})) == 0);
}

TEST_CASE("the parts are all that is executed, whatever is on") {
  dydit::Random random(5, dydit::Purpose::synthetic, 0);
  for (const std::string& size : dydit::dit::published_names())
    for (const std::string& name : {size, "Dy" + size}) {
      INFO(name);
      const Configuration c = published(name);
      const auto architecture = architecture_of(c);
      const On on = random_on(c, random);
      const auto whole = architecture.parts(complete(architecture.units)),
                 done = architecture.parts(Activity::of_one(on));
      const auto work = work_of(architecture, Activity::of_one(on), /*batch=*/7, /*bytes_of_number=*/2);
      CHECK(sum_of(work).macs == 7 * (macs_of(done) + macs_of_routers(done)));
      CHECK(macs_of(work, Kind::routers) == 7 * macs_of_routers(done));
      CHECK(macs_of_routers(done) == macs_of_routers(whole));
      CHECK((macs_of_routers(done) > 0) == c.dynamic);
      // What is off is what the formulas of a whole block say, in integers.
      const auto t = c.tokens(), d = c.hidden_size;
      std::int64_t off = 0;
      for (std::size_t layer = 0; layer < static_cast<std::size_t>(c.depth); ++layer) {
        const auto heads = c.num_heads - static_cast<std::int64_t>(on[axis::heads][layer]);
        const auto group_tokens = static_cast<std::int64_t>(on[axis::channels][layer] * on[axis::tokens][layer]);
        off += heads * (4 * t * d * d + 2 * t * t * d) / c.num_heads;
        off += 2 * d * c.group_size() * (c.num_heads * t - group_tokens);
      }
      CHECK(macs_of(whole) == macs_of(architecture));
      CHECK(macs_of(done) == macs_of(whole) - static_cast<double>(off));
    }
}

TEST_CASE("more that is on is more work, and no part of it less") {
  dydit::Random random(6, dydit::Purpose::synthetic, 0);
  const Configuration c = published("DyDiT-S/4");
  const auto architecture = architecture_of(c);
  for (int i = 0; i < 100; ++i) {
    On less = random_on(c, random);
    const std::size_t layer = random.below(12);
    double &heads = less[axis::heads].at(layer), &groups = less[axis::channels].at(layer),
           &tokens = less[axis::tokens].at(layer);
    heads = std::min(heads, 5.0);
    groups = std::min(groups, 5.0);
    tokens = i % 10 == 0 ? 0 : std::min(tokens, 63.0);
    const auto before = work_of(architecture, Activity::of_one(less), 4, 4);
    const auto raised = [&](double& units) {
      units += 1;
      const auto after = work_of(architecture, Activity::of_one(less), 4, 4);
      units -= 1;
      for (std::size_t part = 0; part < after.size(); ++part) {
        INFO(after[part].part);
        CHECK(after[part].macs >= before[part].macs);
        CHECK(after[part].bytes >= before[part].bytes);
      }
      return sum_of(after);
    };
    const Work sum = sum_of(before), head = raised(heads), token = raised(tokens), group = raised(groups);
    CHECK((head.macs > sum.macs && head.bytes > sum.bytes));
    CHECK(((groups == 0 || token.macs > sum.macs) && token.bytes > sum.bytes));
    CHECK((tokens == 0 || (group.macs > sum.macs && group.bytes > sum.bytes)));
  }
}

TEST_CASE("the roofline is the longer time of each part") {
  const std::vector<Work> two{{.part = "compute", .macs = 600, .bytes = 10},
                              {.part = "memory", .macs = 20, .bytes = 500}};
  CHECK(roofline_seconds(two, {.macs_per_second = 100, .bytes_per_second = 50}) == 6 + 10);
  CHECK(roofline_seconds(two, {.macs_per_second = 1e-3, .bytes_per_second = 50}) == Approx(620e3));
  CHECK(roofline_seconds(two, {.macs_per_second = 100, .bytes_per_second = 1e-3}) == Approx(510e3));
  // One image of XL/2 waits for its weights, many compute.
  const auto xl = architecture_of(published("DiT-XL/2"));
  const Ceilings h200{.macs_per_second = 378e12, .bytes_per_second = 4.2e12};
  const auto bound = [&](std::int64_t batch) {
    const auto work = work_of(xl, complete(xl.units), batch, 2);
    const double compute = sum_of(work).macs / h200.macs_per_second,
                 memory = sum_of(work).bytes / h200.bytes_per_second;
    const double seconds = roofline_seconds(work, h200);
    CHECK((seconds >= compute && seconds >= memory && seconds <= compute + memory));
    return std::pair{seconds / compute, seconds / memory};
  };
  CHECK(bound(1).second < 1.1);
  CHECK(bound(1).first > 1.2);
  CHECK(bound(64).first < 1.5);
  CHECK(bound(64).second > 1.2);
}
