// SPDX-License-Identifier: Apache-2.0
// What CUPTI tells of a pass, launched call by call and as a graph; passed over where there is no GPU.
#include <torch/cuda.h>

#include "catch.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <set>

#include "base/range.h"
#include "cost/cost.h"
#include "dit/dit.h"
#include "dit/support.h"
#include "gpu_support.h"
#include "instrument/collector.h"
#include "timeline/attribution.h"

using namespace dydit;
using namespace dydit::instrument;
using namespace dydit::timeline;

namespace {

// Each kernel's path: of those without a range "".
std::multiset<std::string> paths_of(const Timeline& t) {
  std::multiset<std::string> paths;
  for (const DeviceSpan& span : t.device)
    if (span.kind == DeviceSpan::Kind::kernel) paths.insert(t.ranges.path(span.node, true));
  return paths;
}

void require_sound(const Timeline& t, double most_remainder) {
  CHECK(t.lost == 0);
  CHECK(t.malformed == 0);
  CHECK_FALSE(t.device.empty());
  const Attribution a = attribute(t);
  CHECK(a.malformed == 0);
  CHECK(a.remainder <= most_remainder * a.wall);
  for (const DeviceSpan& span : t.device) {
    if (span.kind != DeviceSpan::Kind::kernel || span.at.begin < t.window.begin) continue;  // cut off
    INFO("kernel: " << t.names[span.name]);
    CHECK(t.ranges.path(span.node, true) != "");
  }
}

}  // namespace

// One session in a process.
TEST_CASE("what a GPU does is in the range that asked for it, in a graph too") {
  if (!torch::cuda::is_available()) {
    WARN("skipped: no GPU");
    return;
  }
  torch::InferenceMode inference;
  const torch::Device gpu(torch::kCUDA, 0);
  dit::DiT dit(dit::published("DiT-S/2"));
  dit->randomise(0);
  dit->to(gpu, torch::kBFloat16);
  const std::int64_t n = 8;
  const auto x = torch::randn({n, 4, 32, 32}, torch::TensorOptions(gpu)),
             t = torch::full({n}, 500, torch::TensorOptions(gpu).dtype(torch::kInt64)),
             y = torch::zeros({n}, torch::TensorOptions(gpu).dtype(torch::kInt64));
  const auto pass = [&] { return dit->forward(x, t, y); };
  const c10::cuda::CUDAStreamGuard stream(c10::cuda::getStreamFromPool());
  for (int i = 0; i < 3; ++i) pass();
  GpuSession session;

  const Timeline counted = collect({.gpu = &session}, [&] { pass(); });
  require_sound(counted, 0.02);
  double macs = 0;
  for (const Attributed& row : attribute(counted).rows) macs += row.macs;
  CHECK(macs == Approx(static_cast<double>(n) * cost::macs_of(dit->architecture)).epsilon(1e-12));
  const Timeline timed = collect({.operators = false, .work = false, .gpu = &session}, [&] { pass(); });
  require_sound(timed, 0.02);
  CHECK(paths_of(timed) == paths_of(counted));
  CHECK(paths_of(timed).count("pass/block 11/attention/qkv") >= 1);
  for (const DeviceSpan& span : timed.device) {
    if (span.kind != DeviceSpan::Kind::kernel) continue;
    CHECK(span.launch.registers > 0);
    CHECK((span.launch.occupancy > 0 && span.launch.occupancy <= 1));
  }

  // A node of a graph is in the range in which it was captured.
  at::cuda::CUDAGraph graph;
  const Timeline capture = collect({.operators = false, .work = false, .gpu = &session}, [&] {
    graph.capture_begin();
    pass();
    graph.capture_end();
  });
  const Timeline replay = collect({.operators = false, .work = false, .gpu = &session}, [&] { graph.replay(); });
  CHECK_FALSE(replay.device.empty());
  CHECK(paths_of(replay) == paths_of(timed));
  for (const DeviceSpan& span : replay.device) CHECK(span.graph_node != 0);
  require_sound(replay, 0.05);

  // Kernels of our own know their work, in a graph too: of as many tokens as are imposed.
  if (!test::has_hopper()) return;
  const model::Inputs in{x.to(torch::kBFloat16), t, y};
  const auto macs_of = [&](engine::Engine& engine, const engine::Masks& masks) {
    engine.checks_finite = false;  // by kernels behind the pass
    const auto forward = [&] { engine.forward(in, masks); };
    for (int i = 0; i < 3; ++i) forward();
    const Timeline own = collect({.operators = false, .work = false, .gpu = &session, .settle = forward}, forward);
    require_sound(own, 0.05);
    double sum = 0;
    for (const Attributed& row : attribute(own).rows) sum += row.macs;
    return sum / static_cast<double>(n);
  };
  CHECK(macs_of(*test::engine_named("fused-dense", dit), {}) ==
        Approx(cost::macs_of(dit->architecture)).epsilon(1e-12));
  dit::DiT dynamic(dit::published("DyDiT-S/2"));
  dynamic->randomise(0);
  dynamic->to(gpu, torch::kBFloat16);
  const auto fused = test::engine_named("fused", dynamic);
  for (const double share : {1.0, 0.5, 1.0}) {
    engine::Masks masks = engine::all_on(dynamic->architecture, n, gpu);
    masks[dit::axis::tokens] = torch::rand(masks[dit::axis::tokens].sizes(), x.options()) < share;
    const double kept = cost::rho(dynamic->architecture, engine::activity_of(masks)).without_routers;
    CHECK(macs_of(*fused, masks) == Approx(kept * cost::macs_of(dynamic->architecture)).epsilon(1e-6));
  }
}
