// SPDX-License-Identifier: Apache-2.0
// dydit sweep: the cells of a profile's sweep, timed.
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "common.h"

namespace dydit::cli {

namespace {

struct Sweep {
  std::string profile = "profiles/lambda.toml";
  Machine machine;
  Output output;
};

void execute(const Sweep& s, bool dtype_given, const study::Catalog& catalog, const distributed::ProcessGroup& group) {
  run::Profile profile = run::read_profile(s.profile, catalog.names());
  if (!profile.sweep) throw UsageError("no sweep", s.profile, "add a table [sweep]");
  if (dtype_given)
    for (auto& [axis, values] : profile.sweep->axes)
      if (axis == "dtype") values = {s.machine.dtype};
  profile.studies.clear();
  if (s.machine.seed) profile.seed = *s.machine.seed;
  auto settings = s.machine.settings(catalog, group);
  s.output.fill(settings);
  settings.argv = arguments();
  settings.reproduce = command_line(settings.argv);
  const auto finished = run::run_studies(profile, settings);
  require_whole(finished);
}

}  // namespace

void add_sweep(CLI::App& app, const study::Catalog& catalog) {
  auto s = std::make_shared<Sweep>();
  CLI::App* command =
      app.add_subcommand("sweep", "Actual against theoretical speedup of every cell of a profile");
  command->footer("Example: dydit sweep profiles/lambda.toml --threads 2");
  command->add_option("profile", s->profile, "what to measure")->capture_default_str();
  s->machine.add_to(*command);
  s->output.add_to(*command);
  command->callback([s, command, &catalog] {
    distributed::together([&](const distributed::ProcessGroup& group) {
      execute(*s, /*dtype_given=*/command->count("--dtype") > 0, catalog, group);
    });
  });
}

}  // namespace dydit::cli
