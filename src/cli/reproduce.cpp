// SPDX-License-Identifier: Apache-2.0
// dydit reproduce: the studies of a profile and their report; the main job.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "commands.h"
#include "common.h"

namespace dydit::cli {

namespace {

struct Reproduce {
  std::string profile = "profiles/quick.toml";
  bool dry_run = false;
  Machine machine;
  Output output;
};

void execute(const Reproduce& r, const study::Catalog& catalog, const distributed::ProcessGroup& group) {
  auto settings = r.machine.settings(catalog, group);
  r.output.fill(settings);
  settings.argv = arguments();
  settings.reproduce = command_line(settings.argv);
  run::Profile profile = run::read_profile(r.profile, catalog.names());
  if (r.machine.seed) profile.seed = *r.machine.seed;
  if (r.dry_run) {
    if (group.leads()) run::dry_run(profile, settings);
    return;
  }
  const auto finished = run::run_studies(profile, settings);
  if (!group.leads()) return;
  const auto page = write_report({record::read_run(finished.path)}, finished.path, {});
  std::cout << page.string() << std::endl;
  require_whole(finished);
}

}  // namespace

void add_reproduce(CLI::App& app, const study::Catalog& catalog) {
  auto r = std::make_shared<Reproduce>();
  CLI::App* command = app.add_subcommand("reproduce", "The studies of a profile and their report");
  command->footer("Example: dydit reproduce profiles/quick.toml");
  command->add_option("profile", r->profile, "what to run")->capture_default_str();
  command->add_flag("--dry-run", r->dry_run, "check that everything is there and estimate time and memory");
  r->machine.add_to(*command);
  r->output.add_to(*command);
  command->callback([r, &catalog] {
    distributed::together([&](const distributed::ProcessGroup& group) { execute(*r, catalog, group); });
  });
}

}  // namespace dydit::cli
