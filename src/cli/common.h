// SPDX-License-Identifier: Apache-2.0
// Options that several subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "base/bounds.h"
#include "model/bounds.h"
#include "model/configuration.h"
#include "run/bounds.h"
#include "run/runner.h"

namespace dydit::cli {

/// An option of one number in decimal digits, which `take` gets. Throws UsageError naming the option where its text is
/// none, or one that is not within the bounds; the help tells them.
template <typename T, typename Take>
CLI::Option* add_number(CLI::App& app, const std::string& option, const Bounds<T>& bounds, Take take,
                        const std::string& help) {
  return app
      .add_option_function<std::string>(
          option, [=](const std::string& text) { take(bounds.parse(text, option)); }, help)
      ->type_name(bounds.words());
}

/// What keeps a number of add_number in `target`, a T or an optional one, which outlives the options.
template <typename Target>
auto into(Target& target) {
  return [&target](auto value) { target = value; };
}

/// --device, --dtype, --threads, --seed, --quiet
struct Machine {
  std::string device = "auto", dtype = "float32";
  std::optional<std::int64_t> threads;  ///< else all cores of this process
  std::optional<std::uint64_t> seed;
  bool quiet = false;

  void add_to(CLI::App& app);
  /// Sets LibTorch's threads; fills device, type, threads, quiet and group. The processes of a machine share its
  /// threads, and each takes a GPU of its own.
  run::RunSettings settings(const distributed::ProcessGroup& group = {}) const;
};

/// --out, --force, --retry-failed
struct Output {
  std::string out;
  bool force = false, retry_failed = false;

  void add_to(CLI::App& app);
  void fill(run::RunSettings& settings) const;
};

/// --checkpoint, --weights, --num-heads
struct CheckpointOption {
  std::string path, weights = "automatic";
  std::optional<std::int64_t> num_heads;

  void add_to(CLI::App& app, bool required);
};

/// --model NAME and the dimensions that override it.
struct ConfigurationOptions {
  nlohmann::ordered_json given = nlohmann::ordered_json::object();

  void add_to(CLI::App& app);
  model::Configuration configuration() const { return model::from_json(given); }
};

/// Throws RunError where cells failed.
void require_whole(const run::Finished& finished);

/// --normalise timestep|each: the scale of loss maps.
void add_normalise(CLI::App& app, std::string& normalise);

/// The report of runs; gives the page's path. `normalise` is "timestep", "each", or empty for what the first
/// run's profile says.
std::filesystem::path write_report(const std::vector<record::Run>& runs, const std::filesystem::path& out,
                                   const std::string& normalise);

/// The command line of this process.
std::vector<std::string> arguments();
/// As a line for a shell, the program as "dydit".
std::string command_line(const std::vector<std::string>& arguments);

}  // namespace dydit::cli
