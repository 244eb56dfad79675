// SPDX-License-Identifier: Apache-2.0
// Cheap benchmarks with different noise: arithmetic in registers, caches, main memory, branches, the allocator, the
// system. One run of the program is one process run of a pool from which comparisons are resampled (proof.cpp). Every
// option of Google Benchmark works.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <Eigen/Core>
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "base/random.h"

namespace {

using benchmark::DoNotOptimize;
using benchmark::State;

std::vector<float> floats(std::size_t n) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform;
  std::vector<float> values(n);
  std::ranges::generate(values, [&] { return uniform(generator); });
  return values;
}

void dependent_products(State& state) {
  double x = 1.0000001;
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) x = x * 1.0000001 + 1e-9;
    DoNotOptimize(x);
  }
}

void roots(State& state) {
  const std::vector<float> values = floats(1000);
  for (auto _ : state) {
    float sum = 0;
    for (const float one : values) sum += std::sqrt(one);
    DoNotOptimize(sum);
  }
}

void exponentials(State& state) {
  const std::vector<float> values = floats(1000);
  for (auto _ : state) {
    double sum = 0;
    for (const float one : values) sum += std::exp(static_cast<double>(one));
    DoNotOptimize(sum);
  }
}

void matrix_product(State& state) {
  const auto n = state.range(0);
  const Eigen::MatrixXf a = Eigen::MatrixXf::Random(n, n), b = Eigen::MatrixXf::Random(n, n);
  Eigen::MatrixXf c(n, n);
  for (auto _ : state) {
    c.noalias() = a * b;
    DoNotOptimize(c.data());
  }
}

void copy(State& state) {
  std::vector<char> from(static_cast<std::size_t>(state.range(0)), 1), to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    DoNotOptimize(to.data());
    benchmark::ClobberMemory();
  }
}

void sum(State& state) {
  const std::vector<float> values = floats(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) DoNotOptimize(std::reduce(values.begin(), values.end()));
}

// Each load waits for the one before.
void chase(State& state) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(state.range(0))), next(order.size());
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  for (std::size_t i = 0; i < order.size(); ++i) next[order[i]] = order[(i + 1) % order.size()];
  std::uint32_t at = 0;
  for (auto _ : state) {
    for (int i = 0; i < 1000; ++i) at = next[at];
    DoNotOptimize(at);
  }
}

void sort(State& state) {
  const std::vector<float> values = floats(static_cast<std::size_t>(state.range(0)));
  std::vector<float> sorted(values.size());
  for (auto _ : state) {
    sorted = values;
    std::ranges::sort(sorted);
    DoNotOptimize(sorted.data());
  }
}

void binary_search(State& state) {
  std::vector<float> values = floats(1 << 16);
  const std::vector<float> keys(values.begin(), values.begin() + 200);
  std::ranges::sort(values);
  for (auto _ : state)
    for (const float key : keys) DoNotOptimize(std::ranges::lower_bound(values, key));
}

void hash(State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) DoNotOptimize(dydit::hash_of(text));
}

void normals(State& state) {
  std::vector<float> values(1024);
  std::uint64_t i = 0;
  for (auto _ : state) {
    dydit::Random(1, dydit::Purpose::synthetic, i++).fill_normal(values);
    DoNotOptimize(values.data());
  }
}

template <typename Map>
void insert_all(State& state) {
  for (auto _ : state) {
    Map map;
    for (int i = 0; i < 500; ++i) map[i * 7919 % 1009] = i;
    DoNotOptimize(map.size());
  }
}

void allocations(State& state) {
  std::vector<std::unique_ptr<char[]>> held(100);
  for (auto _ : state)
    for (std::size_t i = 0; i < held.size(); ++i) held[i] = std::make_unique<char[]>(16 << (i % 8));
}

void formatted(State& state) {
  for (auto _ : state)
    for (int i = 0; i < 50; ++i) DoNotOptimize(fmt::format("{}/{:.3f}", i, i * 0.7));
}

void json(State& state) {
  const std::string text = R"({"name": "a", "values": [1, 2.5, 3, null, true], "nested": {"b": [[], {}]}})";
  for (auto _ : state) DoNotOptimize(nlohmann::json::parse(text));
}

void process_number(State& state) {
  for (auto _ : state) DoNotOptimize(::getppid());
}

void clock_read(State& state) {
  for (auto _ : state) DoNotOptimize(std::chrono::steady_clock::now());
}

void pages(State& state) {
  constexpr std::size_t bytes = 1 << 18;
  for (auto _ : state) {
    auto* memory =
        static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (std::size_t i = 0; i < bytes; i += 4096) memory[i] = 1;
    ::munmap(memory, bytes);
  }
}

void pipe_there(State& state) {
  int ends[2];
  if (::pipe(ends) != 0) return state.SkipWithError("no pipe");
  char byte = 0;
  for (auto _ : state)
    if (::write(ends[1], &byte, 1) != 1 || ::read(ends[0], &byte, 1) != 1) return state.SkipWithError("pipe broken");
  ::close(ends[0]);
  ::close(ends[1]);
}

void thread_start(State& state) {
  for (auto _ : state) std::thread([] {}).join();
}

void hand_over(State& state) {
  std::atomic<int> turn{0};
  std::thread other([&] {
    for (int now; (now = turn.load()) >= 0;) {
      if (now == 1) turn.store(0);
      std::this_thread::yield();
    }
  });
  for (auto _ : state) {
    turn.store(1);
    while (turn.load() == 1) std::this_thread::yield();
  }
  turn.store(-1);
  other.join();
}

BENCHMARK(dependent_products);
BENCHMARK(roots);
BENCHMARK(exponentials);
BENCHMARK(matrix_product)->Arg(16)->Arg(96);
BENCHMARK(copy)->Arg(4 << 10)->Arg(128 << 10)->Arg(4 << 20);
BENCHMARK(sum)->Arg(1 << 12)->Arg(1 << 18);
BENCHMARK(chase)->Arg(1 << 12)->Arg(1 << 17)->Arg(1 << 21);
BENCHMARK(sort)->Arg(1 << 8)->Arg(1 << 12);
BENCHMARK(binary_search);
BENCHMARK(hash)->Arg(64)->Arg(64 << 10);
BENCHMARK(normals);
BENCHMARK(insert_all<std::map<int, int>>)->Name("map");
BENCHMARK(insert_all<std::unordered_map<int, int>>)->Name("unordered_map");
BENCHMARK(allocations);
BENCHMARK(formatted);
BENCHMARK(json);
BENCHMARK(process_number);
BENCHMARK(clock_read);
BENCHMARK(pages);
BENCHMARK(pipe_there);
BENCHMARK(thread_start)->UseRealTime();
BENCHMARK(hand_over)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
