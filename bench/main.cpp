// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the harness itself. Every option of Google Benchmark works; compare variants with
//   dydit_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/memory.h"
#include "suite.h"
#include "suites.h"

int main(int argc, char** argv) {
  using namespace dydit::bench;
  dydit::prepare_memory();  // as dydit does
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (devices().size() == 1) fmt::print(stderr, "dydit_bench: no GPU, so no benchmarks with device:cuda\n");
  add_ceilings();
  add_kernels();
  add_parts();
  add_models();
  add_engines();
  add_plans();
  add_loaders();
  add_checkpoints();
  add_samplings();
  add_studies();
  add_collectors();
#ifdef DYDIT_WITH_CUDA
  add_gpu_collectors();
  add_gpu_kernels();
#endif
  benchmark::RunSpecifiedBenchmarks();
  return any_failed ? 1 : 0;
}
