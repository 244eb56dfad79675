// SPDX-License-Identifier: Apache-2.0
// Dynamic engines under imposed masks, their routers run and overruled, beside the dense model: laps of both alternate.
// Counters as docs/dynamic.md has them: `theoretical` is the dense model's MACs over those that are left, with routers;
// `actual` the dense model's time over the engine's; `eta` actual / theoretical. What is timed is compared with the
// masked engine's output before and after.
#include "dit/engines.h"
#include <limits>

#include "agreement.h"
#include "cost/cost.h"
#include "subject.h"
#include "suites.h"

namespace dydit::bench {

namespace {

void engine_beside_dense(State& state, const Subject& subject, const std::string& name, const std::string& which,
                         double keep) {
  const torch::InferenceMode inference;
  dit::DiT dit = subject.network("DyDiT");
  const model::Inputs in = subject.inputs(dit);
  const engine::Masks masks = subject.masks(dit, which, keep);
  const engine::Family family = dit::family();
  const auto engine = family.engine(name).make(dit.ptr(), {.packing_budget = std::numeric_limits<std::size_t>::max()});
  const auto forward = [&] { return engine->forward(in, masks, engine::Overruled::run).output; };
  const torch::Tensor reference = dit::masked_engine(dit)->forward(in, masks).output;
  const auto check = [&] {
    engine->checks_finite = true;
    study::require_agreement(forward(), reference, study::tolerance_of(subject.dtype, dit->architecture.depth));
    engine->checks_finite = false;  // on a GPU the host would wait for it
  };
  check();
  const double actual = time_beside(
      state, subject.device, [&] { benchmark::DoNotOptimize(forward()); },
      [&] { benchmark::DoNotOptimize(dit->complete(in)); });
  check();
  const double left = cost::rho(dit->architecture, engine::activity_of(masks)).with_routers;
  count_items(state, subject.batch);
  count_macs(state, left * macs_of_pass(dit, subject.batch));
  state.counters["theoretical"] = 1 / left;
  state.counters["actual"] = actual;
  state.counters["eta"] = actual * left;
}

}  // namespace

void add_engines() {
  for (const Subject& subject : subjects())
    for (const char* engine : {"masked", "compact"})
      for (const double keep : {0.5, 0.7})
        for (const char* which : {"widths", "tokens", "both"})
          add("engine", subject.axes({{"engine", engine}, {"keep", keep}, {"which", which}}),
              [=](State& state) { engine_beside_dense(state, subject, engine, which, keep); });
}

}  // namespace dydit::bench
