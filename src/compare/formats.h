// SPDX-License-Identifier: Apache-2.0
// Readers of other projects' result files, and what they share.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "compare/results.h"

namespace dydit::compare {

using Json = nlohmann::json;

/// A place in a file, for messages.
struct Where {
  const std::string& path;
  const std::string& benchmark;

  InputError error(const std::string& what, const std::string& remedy) const;
};

/// The repetitions of one benchmark.
struct Gathered {
  std::vector<double> seconds = {};
  std::map<std::string, std::array<double, 2>> counts = {};
  std::string error = {};
  std::string quantity = {};

  /// Throws InputError for a time that is not within 1e-30 and 1e30 s.
  void add_time(double time, const Where& where);
  void add_count(const std::string& name, double count);
};

/// Medians of what was gathered; a benchmark with an error has no time.
ProcessRun run_of(const std::map<std::string, Gathered>& gathered);

/// A text, `otherwise` where there is none.
std::string text_or(const Json& object, const char* key, const std::string& otherwise);
/// Throw InputError where the object has no number of that name.
double number(const Json& object, const char* key, const Where& where);
std::int64_t whole(const Json& object, const char* key, const Where& where);

/// `file` is an object with a list "benchmarks".
ProcessRun read_google_benchmark(const Json& file, const std::string& path, const Reading& reading);
ProcessRun read_nvbench(const Json& file, const std::string& path, const Reading& reading);

}  // namespace dydit::compare
