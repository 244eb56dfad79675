// SPDX-License-Identifier: Apache-2.0
#include "instrument/collector.h"

#include <torch/torch.h>

#include <algorithm>
#include <set>

#include "base/range.h"
#include "catch.h"
#include "cost/cost.h"
#include "dit/dit.h"
#include "model/shares.h"
#include "timeline/attribution.h"

using namespace dydit;
using namespace dydit::instrument;
using namespace dydit::timeline;

static std::int64_t count(const Timeline& t, HostSpan::Kind kind, const std::string& name) {
  return std::ranges::count_if(t.host,
                               [&](const HostSpan& span) { return span.kind == kind && t.names[span.name] == name; });
}

TEST_CASE("operators, ranges and kernels are collected where they are, with their work") {
  const auto x = torch::randn({3, 4}), w = torch::randn({5, 4});
  const Timeline t = collect({}, [&] {
    const Range pass("pass");
    {
      const Range block("block", 2);
      const auto y = at::linear(x, w);  // 3 x 5 x 4
      y.view({15}).add_(1);
    }
    const Range kernel({.name = "ours", .kernel = true, .macs = 4, .bytes = 8});
  });
  const auto asked = collect({}, [&] {
    const auto work = [] { return Observed::here().observer->work(); };
    CHECK(work().macs == 0);
    const Range range({.name = "product", .macs = 6, .bytes = 2});
    CHECK((work().macs == 6 && work().bytes == 2));
    {
      const Range inside("inside");
      CHECK(work().macs == 0);
    }
    CHECK(work().macs == 6);
    const Range kernel({.name = "ours", .kernel = true, .macs = 4});
    CHECK(work().macs == 6);  // the range's
  });
  CHECK(asked.ranges.nodes.size() == 3);
  CHECK(count(t, HostSpan::Kind::op, "aten::linear") == 1);
  CHECK(count(t, HostSpan::Kind::op, "aten::addmm") == 0);  // within it
  CHECK(count(t, HostSpan::Kind::kernel, "ours") == 1);
  const auto named = [&](const std::string& name) {
    return *std::ranges::find_if(t.host, [&](const HostSpan& span) { return t.names[span.name] == name; });
  };
  CHECK(named("aten::linear").macs == 60);
  CHECK(named("aten::linear").bytes == 4 * (12 + 20 + 15));
  CHECK(t.ranges.path(named("aten::linear").node, true) == "pass/block 2");
  CHECK(named("aten::view").bytes == 0);
  CHECK(named("aten::add_").bytes == 4 * 2 * 15);
  CHECK(t.ranges.path(named("ours").node, true) == "pass");
  CHECK(t.threads == 1);
  CHECK(t.lost == 0);
  for (const HostSpan& span : t.host) CHECK((t.window.begin <= span.at.begin && span.at.end <= t.window.end));
  CHECK(Observed::here().observer == nullptr);
  const auto operators = collect({.operators = false}, [&] { at::linear(x, w); });
  CHECK(operators.host.empty());
}

TEST_CASE("what is overwritten is not read, and of what is picked from only what is picked is") {
  const auto to = torch::zeros({15}), from = torch::ones({15}), table = torch::randn({100, 5}),
             rows = torch::tensor({7, 3}, torch::kInt64);
  const Timeline t = collect({}, [&] {
    to.fill_(1);
    to.copy_(from);
    table.index_select(0, rows);
  });
  const auto bytes = [&](const std::string& name) {
    return std::ranges::find_if(t.host, [&](const HostSpan& span) { return t.names[span.name] == name; })->bytes;
  };
  CHECK(bytes("aten::fill_") == 4 * 15);
  CHECK(bytes("aten::copy_") == 2 * 4 * 15);
  CHECK(bytes("aten::index_select") == 8 * 2 + 2 * 4 * 10);
}

TEST_CASE("spans beyond the memory are lost and counted") {
  const Timeline t = collect({.operators = false, .most_spans = 2}, [] {
    for (int i = 0; i < 5; ++i) const Range range("one", i);
  });
  CHECK(t.host.size() == 2);
  CHECK(t.lost == 3);
}

TEST_CASE("what settles is done before the window and not collected") {
  bool settled = false;
  const Timeline t = collect({.settle =
                                  [&] {
                                    const Range range("settles");
                                    settled = true;
                                  }},
                             [&] {
                               const Range range("counts");
                               CHECK(settled);
                             });
  REQUIRE(t.host.size() == 1);
  CHECK(t.ranges.path(t.host.front().node, true) == "counts");
}

TEST_CASE("what throws leaves nobody observed") {
  CHECK_THROWS(collect({}, [] {
    const Range range("pass");
    throw std::runtime_error("no");
  }));
  CHECK(Observed::here().observer == nullptr);
}

TEST_CASE("threads that take shares are in the range that gave them") {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  const Timeline t = collect({}, [] {
    const Range pass("pass");
    model::for_each_apart(2, torch::kCPU, [](std::size_t i) {
      const Range block("block", static_cast<std::int64_t>(i));
      torch::ones({200, 200}).mm(torch::ones({200, 200}));
    });
  });
  at::set_num_threads(before);
  std::set<std::string> paths;
  for (const HostSpan& span : t.host)
    if (t.names[span.name] == "aten::mm") paths.insert(t.ranges.path(span.node, true));
  CHECK(paths == std::set<std::string>{"pass/block 0", "pass/block 1"});
}

TEST_CASE("the MACs of a pass are those that the cost model counts, and little time is nobody's") {
  torch::InferenceMode inference;
  const std::string name = GENERATE("DiT-S/4", "DyDiT-S/4");
  dit::DiT dit(dit::published(name));
  dit->randomise(0);
  const auto in = torch::randn({4, 4, 32, 32}), t = torch::tensor({1, 2, 3, 4}), y = torch::tensor({0, 1, 2, 3});
  dit->forward(in, t, y);
  const Attribution a = attribute(collect({}, [&] {
    const Range pass("pass");
    dit->forward(in, t, y);
  }));
  double macs = 0;
  for (const Attributed& row : a.rows) macs += row.macs;
  CHECK(macs == Approx(4 * cost::macs_of(dit->architecture)).epsilon(1e-12));
  CHECK(a.remainder < 0.05 * a.wall);
  CHECK(a.lost == 0);
  CHECK(a.malformed == 0);
}
