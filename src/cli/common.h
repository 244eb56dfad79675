// SPDX-License-Identifier: Apache-2.0
// The subcommands, each in its own file, and the options that several of them share.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/bounds.h"
#include "base/error.h"
#include "dit/bounds.h"
#include "dit/configuration.h"
#include "run/bounds.h"
#include "run/runner.h"
#include "study/catalog.h"

namespace dydit::cli {

/// Each declares a subcommand's options and what to call. The catalog outlives the program's options.
void add_info(CLI::App& app, const study::Catalog& catalog);
void add_train(CLI::App& app, const study::Catalog& catalog);
void add_study(CLI::App& app, const study::Catalog& catalog);
void add_sample(CLI::App& app, const study::Catalog& catalog);
void add_sweep(CLI::App& app, const study::Catalog& catalog);
void add_profile(CLI::App& app, const study::Catalog& catalog);
void add_costs(CLI::App& app, const study::Catalog& catalog);
void add_quality(CLI::App& app, const study::Catalog& catalog);
void add_compare(CLI::App& app, const study::Catalog& catalog);
void add_report(CLI::App& app, const study::Catalog& catalog);
void add_reproduce(CLI::App& app, const study::Catalog& catalog);
void add_probe(CLI::App& app, const study::Catalog& catalog);
void add_classifier(CLI::App& app, const study::Catalog& catalog);
void add_data(CLI::App& app, const study::Catalog& catalog);
void add_export(CLI::App& app, const study::Catalog& catalog);

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

/// The options of a schema but those in `except`: what is given goes into `given` under the names of profiles. Of a
/// flag that is on where nobody asks, --no-NAME switches it off.
void add_options(CLI::App& app, const std::vector<Option>& options, Json& given,
                 const std::vector<std::string>& except = {});

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
  /// Sets LibTorch's threads; fills catalog, device, type, threads, quiet and group. The processes of a machine share
  /// its threads, and each takes a GPU of its own.
  run::RunSettings settings(const study::Catalog& catalog, const distributed::ProcessGroup& group = {}) const;
};

/// The same, and --out, --force, --retry-failed, for what writes a run directory.
struct RunOptions : Machine {
  std::string out;
  record::OpenOptions open;

  void add_to(CLI::App& app);
  run::RunSettings settings(const study::Catalog& catalog, const distributed::ProcessGroup& group) const;
};

/// On the command, calls `execute(options, settings)` in the processes that the launcher started; `options` have a
/// `machine` of RunOptions.
template <typename Options>
void execute_on(CLI::App& command, std::shared_ptr<const Options> options, const study::Catalog& catalog,
                void (*execute)(const Options&, const run::RunSettings&)) {
  command.callback([=, &catalog] {
    distributed::together(
        [&](const distributed::ProcessGroup& group) { execute(*options, options->machine.settings(catalog, group)); });
  });
}

/// --checkpoint, --weights, --num-heads
struct CheckpointOption {
  std::string path, weights = "automatic";
  std::optional<std::int64_t> num_heads;

  void add_to(CLI::App& app, bool required);
  /// Named as its file.
  run::ModelSpec spec() const;
};

/// --model NAME and the dimensions that override it.
struct ConfigurationOptions {
  Json given = Json::object();

  void add_to(CLI::App& app);
  dit::Configuration configuration() const { return dit::from_json(given); }
};

/// --round-to-tiles RUN
void add_round_to_tiles(CLI::App& app, std::string& costs);

/// The command line of this process, its first word without folders.
std::vector<std::string> arguments();

/// Throws RunError where cells failed.
void require_whole(const run::Finished& finished);

}  // namespace dydit::cli
