// SPDX-License-Identifier: Apache-2.0
// dydit sweep: the cells of a profile's [sweep] and [sampling], timed.
#include <memory>

#include "common.h"

namespace dydit::cli {

namespace {

struct Sweep {
  std::string profile = "profiles/lambda.toml";
  std::optional<std::string> dtype;  // of every cell, where it is given
  std::string round_to_tiles;
  RunOptions machine;
};

void execute(const Sweep& s, const run::RunSettings& settings) {
  run::Profile profile = run::read_profile(s.profile, settings.catalog->names());
  if (!profile.sweep && !profile.sampling) throw UsageError("no sweep", s.profile, "add a table [sweep] or [sampling]");
  if (s.dtype && profile.sweep)
    for (auto& [axis, values] : profile.sweep->axes)
      if (axis == "dtype") values = {*s.dtype};
  if (!s.round_to_tiles.empty()) {
    if (!profile.sweep || profile.sampling)
      throw UsageError("trajectories are not rounded", "--round-to-tiles", "name a profile with [sweep] alone");
    profile.sweep->round_to_tiles = s.round_to_tiles;
  }
  if (s.dtype && profile.sampling) profile.sampling->dtype = {*s.dtype};
  profile.studies.clear();
  if (s.machine.seed) profile.seed = *s.machine.seed;
  require_whole(run::run_studies(profile, settings));
}

}  // namespace

void add_sweep(CLI::App& app, const study::Catalog& catalog) {
  auto s = std::make_shared<Sweep>();
  CLI::App* command = app.add_subcommand("sweep", "Actual against theoretical speedup of every cell of a profile");
  command->footer("Example: dydit sweep profiles/lambda.toml --threads 2");
  command->add_option("profile", s->profile, "what to measure")->capture_default_str();
  add_round_to_tiles(*command, s->round_to_tiles);
  s->machine.add_to(*command);
  command->get_option("--dtype")->each([s](const std::string& type) { s->dtype = type; });
  execute_on<Sweep>(*command, s, catalog, execute);
}

}  // namespace dydit::cli
