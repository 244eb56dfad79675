// SPDX-License-Identifier: Apache-2.0
// Benchmarks of the harness itself. Every option of Google Benchmark works; compare variants with
//   dydit_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=15
#include <benchmark/benchmark.h>

BENCHMARK_MAIN();
