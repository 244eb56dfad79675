// SPDX-License-Identifier: Apache-2.0
// What a benchmark program left behind, ours or another: a time for each benchmark and process run, and counts.
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dydit::compare {

/// Which of Google Benchmark's times counts; the other formats have one.
enum class Clock { real, cpu };

struct Reading {
  Clock clock = Clock::real;
  /// Counts besides those that are known: counters of Google Benchmark, tags of nvbench, metrics of our records.
  std::vector<std::string> counts = {};
};

/// Of one benchmark in one process run.
struct Measured {
  std::optional<double> seconds = std::nullopt;  ///< median of the repetitions, > 0; nothing where it failed
  /// Numbers without noise, the least and the most of the repetitions: MACs, launches, allocations, bytes.
  std::map<std::string, std::array<double, 2>> counts = {};
  std::string error = {};     ///< why there is no time
  std::string quantity = {};  ///< which time it is: "real_time", "nv/cold/time/gpu/median"
};

/// By the benchmark's name.
using ProcessRun = std::map<std::string, Measured>;

struct Results {
  std::filesystem::path path;
  std::vector<ProcessRun> runs;
  std::vector<std::string> notes;  ///< what lies in the folder and is none of these, in words
};

/// `path`: a run directory, a JSON file of Google Benchmark or nvbench, or a folder of these, one for each process run,
/// which count in the order of their names. Throws InputError naming the file, and the benchmark in it, for what cannot
/// be read: no time above 0, an unknown unit, two benchmarks of one name, more than 64 MiB.
Results read_results(const std::filesystem::path& path, const Reading& reading = {});

/// One JSON file of Google Benchmark or nvbench. `where` is for messages.
ProcessRun read_json(std::string_view text, const std::string& where, const Reading& reading = {});

}  // namespace dydit::compare
