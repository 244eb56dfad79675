// SPDX-License-Identifier: Apache-2.0
// dydit reproduce: the studies of a profile and their report; the main job.
#include <iostream>
#include <memory>

#include "analysis/report.h"
#include "common.h"

namespace dydit::cli {

namespace {

struct Reproduce {
  std::string profile = "profiles/quick.toml";
  bool dry_run = false;
  RunOptions machine;
};

void execute(const Reproduce& r, const run::RunSettings& settings) {
  run::Profile profile = run::read_profile(r.profile, settings.catalog->names());
  if (r.machine.seed) profile.seed = *r.machine.seed;
  if (r.dry_run) {
    if (settings.group.leads()) run::dry_run(profile, settings);
    return;
  }
  const auto finished = run::run_studies(profile, settings);
  if (!settings.group.leads()) return;
  const std::vector runs{record::read_run(finished.path)};
  std::cout << analysis::write_report(runs, finished.path, {}).string() << std::endl;
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
  execute_on<Reproduce>(*command, r, catalog, execute);
}

}  // namespace dydit::cli
