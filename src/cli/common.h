// SPDX-License-Identifier: Apache-2.0
// Options that several subcommands share.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "base/bounds.h"
#include "dit/bounds.h"
#include "dit/configuration.h"
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

/// The options of a schema but those in `except`: what is given goes into `given` under the names of profiles. Of a flag that
/// is on where nobody asks, --no-NAME switches it off.
void add_options(CLI::App& app, const std::vector<Option>& options, Json& given, const std::vector<std::string>& except = {});

/// --process and what it needs; nothing where none is given.
struct ProcessOptions {
  Json given = Json::object();

  void add_to(CLI::App& app);
  std::optional<diffusion::ProcessSpec> process() const;
};

/// --device, --dtype, --threads, --seed, --quiet
struct Machine {
  std::string device = "auto", dtype = "float32";
  std::optional<std::int64_t> threads;  ///< else all cores of this process
  std::optional<std::uint64_t> seed;
  bool quiet = false;

  void add_to(CLI::App& app);
  /// Sets LibTorch's threads; fills catalog, device, type, threads, quiet and group. The processes of a machine share its
  /// threads, and each takes a GPU of its own.
  run::RunSettings settings(const study::Catalog& catalog, const distributed::ProcessGroup& group = {}) const;
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
  Json given = Json::object();

  void add_to(CLI::App& app);
  dit::Configuration configuration() const { return dit::from_json(given); }
};

/// Throws RunError where cells failed.
void require_whole(const run::Finished& finished);

/// The report of runs; gives the page's path.
std::filesystem::path write_report(const std::vector<record::Run>& runs, const std::filesystem::path& out,
                                   std::optional<bool> normalise_each);

/// The command line of this process.
std::vector<std::string> arguments();
/// As a line for a shell, the program as "dydit".
std::string command_line(const std::vector<std::string>& arguments);

}  // namespace dydit::cli
