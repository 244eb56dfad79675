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

void execute(const Sweep& s, bool dtype_given, const distributed::ProcessGroup& group) {
  run::Profile profile = run::read_profile(s.profile);
  if (!profile.sweep) throw UsageError("no sweep", s.profile, "add a table [sweep]");
  auto sweep = *profile.sweep;
  if (dtype_given) sweep.dtype = {s.machine.dtype};
  profile.leave_no_study();
  profile.sweep = sweep;
  if (s.machine.seed) profile.seed = *s.machine.seed;
  auto settings = s.machine.settings(group);
  s.output.fill(settings);
  settings.argv = arguments();
  settings.reproduce = command_line(settings.argv);
  const auto finished = run::run_studies(profile, settings);
  require_whole(finished);
}

}  // namespace

void add_sweep(CLI::App& app) {
  auto s = std::make_shared<Sweep>();
  CLI::App* command =
      app.add_subcommand("sweep", "Actual against theoretical speedup of every cell of a profile");
  command->footer("Example: dydit sweep profiles/lambda.toml --threads 2");
  command->add_option("profile", s->profile, "what to measure")->capture_default_str();
  s->machine.add_to(*command);
  s->output.add_to(*command);
  command->callback([s, command] {
    distributed::together([&](const distributed::ProcessGroup& group) {
      execute(*s, /*dtype_given=*/command->count("--dtype") > 0, group);
    });
  });
}

}  // namespace dydit::cli
