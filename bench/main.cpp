// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the harness itself. Every option of Google Benchmark works; compare variants with
//   dydit_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
#include <benchmark/benchmark.h>

#include "base/memory.h"

int main(int argc, char** argv) {
  dydit::prepare_memory();  // as dydit does
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
}
