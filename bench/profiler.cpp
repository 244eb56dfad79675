// SPDX-License-Identifier: Apache-2.0
// The same passes on a GPU, seen by our collector or by PyTorch's profiler: for bench/peers/profilers.py, which holds
// one against the other.
//   dydit_profiler ours|pytorch PASSES MODEL:BATCH...
// prints for each model a line of JSON: "kernels" is what the GPU did in PASSES + 1 passes, by the name of kernel, copy
// or set ("calls", "seconds"), "wall" the seconds of PASSES of them, "alone" those of as many before a profiler was
// there. A dynamic model runs with the compact engine, and half of its units are on.
#include <fmt/format.h>
#include <torch/csrc/autograd/profiler_kineto.h>
#include <torch/cuda.h>

#include <chrono>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/memory.h"
#include "dit/engines.h"
#include "instrument/collector.h"
#include "instrument/timer.h"

namespace {

using namespace dydit;
namespace kineto = torch::autograd::profiler;

using Work = std::function<void()>;

struct Seen {
  struct Sum {
    std::int64_t calls = 0;
    double seconds = 0;
  };
  std::map<std::string, Sum> kernels;
  double wall = 0;  // seconds of the passes

  void add(const std::string& name, double nanoseconds) {
    Sum& sum = kernels[name];
    ++sum.calls;
    sum.seconds += 1e-9 * nanoseconds;
  }
};

// Seconds of so many passes, behind one that a profiler may still get ready in.
double timed(const Work& pass, std::int64_t passes) {
  pass();
  torch::cuda::synchronize();
  const double began = instrument::steady_seconds();
  for (std::int64_t i = 0; i < passes; ++i) pass();
  torch::cuda::synchronize();
  return instrument::steady_seconds() - began;
}

// A GPU that has rested runs faster for a while, and one profiler takes longer to tell what it saw.
void rest() { std::this_thread::sleep_for(std::chrono::seconds(1)); }

Seen by_ours(instrument::GpuSession& session, const Work& pass, std::int64_t passes) {
  Seen seen;
  const auto look = [&] {
    return instrument::collect({.operators = false, .work = false, .gpu = &session},
                               [&] { seen.wall = timed(pass, passes); });
  };
  look();  // as the other one
  rest();
  const timeline::Timeline timeline = look();
  if (timeline.lost + timeline.malformed > 0) throw RunError("records were lost", "CUPTI");
  for (const timeline::DeviceSpan& span : timeline.device)
    seen.add(timeline.names[span.name], static_cast<double>(span.at.length()));
  return seen;
}

Seen by_pytorch(const Work& pass, std::int64_t passes) {
  using torch::profiler::impl::ActivityType;
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
  const std::set<ActivityType> activities{ActivityType::CPU, ActivityType::CUDA};
  Seen seen;
  const auto look = [&] {
    kineto::prepareProfiler(config, activities);
    kineto::enableProfiler(config, activities, {at::RecordScope::FUNCTION});
    seen.wall = timed(pass, passes);
    return kineto::disableProfiler();
  };
  look();  // the first one is said to be slow
  rest();
  for (const auto result = look(); const kineto::KinetoEvent& event : result->events())
    if (event.deviceType() == c10::DeviceType::CUDA) seen.add(event.name(), static_cast<double>(event.durationNs()));
  return seen;
}

Work pass_of(const std::string& model, std::int64_t n) {
  const torch::Device gpu(torch::kCUDA, 0);
  dit::DiT dit(dit::published(model));
  dit->to(gpu, torch::kBFloat16);
  for (auto& parameter : dit->parameters()) parameter.normal_(0, 0.02);
  dit->eval();
  const auto& of = dit->architecture;
  const auto x = torch::randn({n, of.channels, of.side, of.side}, torch::TensorOptions(gpu).dtype(torch::kBFloat16)),
             t = torch::full({n}, 500, torch::TensorOptions(gpu).dtype(torch::kInt64)), y = torch::zeros_like(t);
  if (!of.dynamic()) return [=]() mutable { dit->forward(x, t, y); };
  engine::Masks masks;
  torch::manual_seed(0);
  for (const model::UnitAxis& axis : of.units) {
    const bool widths = axis.scope == model::Scope::timestep;
    auto mask = (torch::rand({widths ? 1 : n, axis.layers, axis.units}) < 0.5).expand({n, -1, -1}).contiguous();
    if (widths) mask.select(2, 0).fill_(true);  // the unit that is always on
    masks.push_back(mask.to(gpu));
  }
  const std::shared_ptr<engine::Engine> compact = dit::compact_engine(dit);
  compact->checks_finite = false;
  return [=] { compact->forward({x, t, y}, masks); };
}

int run(const std::vector<std::string>& words) {
  const UsageError wrong("wrong usage", "dydit_profiler", "give: ours|pytorch PASSES MODEL:BATCH...");
  if (words.size() < 3 || (words[0] != "ours" && words[0] != "pytorch")) throw wrong;
  if (!torch::cuda::is_available())
    throw RunError("no GPU to look at", "dydit_profiler", "see whether nvidia-smi finds one");
  torch::InferenceMode inference;
  const std::int64_t passes = std::stol(words[1]);
  std::vector<Work> works;
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::size_t colon = words[i].find(':');
    if (colon == std::string::npos) throw wrong;
    works.push_back(pass_of(words[i].substr(0, colon), std::stol(words[i].substr(colon + 1))));
  }
  std::vector<double> alone;  // before CUPTI is there
  for (const Work& pass : works) {
    for (int i = 0; i < 2; ++i) pass();
    alone.push_back(timed(pass, passes));
  }
  std::optional<instrument::GpuSession> session;
  if (words[0] == "ours") session.emplace();
  for (std::size_t i = 0; i < works.size(); ++i) {
    const Seen seen = session ? by_ours(*session, works[i], passes) : by_pytorch(works[i], passes);
    nlohmann::json kernels = nlohmann::json::object();
    for (const auto& [name, sum] : seen.kernels) kernels[name] = {{"calls", sum.calls}, {"seconds", sum.seconds}};
    std::cout << nlohmann::json{{"kernels", kernels}, {"wall", seen.wall}, {"alone", alone[i]}}.dump() << "\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  prepare_memory();  // as dydit does
  try {
    return run({argv + 1, argv + argc});
  } catch (const Error& error) {
    fmt::print(stderr, "dydit_profiler: {}\n", error.what());
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "dydit_profiler: {}\n", error.what());
    return static_cast<int>(ExitCode::failed);
  }
}
