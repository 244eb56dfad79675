// SPDX-License-Identifier: Apache-2.0
// dydit sweep: the cells of a profile's [sweep] and [sampling], timed.
#include <memory>

#include "common.h"

namespace dydit::cli {

namespace {

struct Sweep {
  std::string profile = "profiles/lambda.toml";
  std::optional<std::string> dtype;  // of every cell, where it is given
  std::vector<std::string> keep;     // in the place of the profile's, where it is given
  std::string round_to_tiles;
  RunOptions machine;
};

// Read again, for the models must have the axes that shares are of.
void set_keep(run::Profile& profile, const Sweep& s, const study::SweepNames& names) {
  if ((!profile.sweep || profile.sweep->models.empty()) && (!profile.sampling || profile.sampling->models.empty()))
    throw UsageError("shares of trained models, whose routers decide", "--keep", "leave it out");
  Json keep = Json::array();
  for (const std::string& text : s.keep) keep.push_back(study::to_json(study::kept_from_text(text, "--keep")));
  const auto with_keep = [&](Json table) {
    table["keep"] = keep;
    return table;
  };
  if (profile.sweep)
    profile.sweep =
        study::speed_spec_from_json(with_keep(study::to_json(*profile.sweep)), s.profile + ": sweep", names);
  if (profile.sampling)
    profile.sampling =
        study::sampling_sweep_from_json(with_keep(study::to_json(*profile.sampling)), s.profile + ": sampling", names);
}

void execute(const Sweep& s, const run::RunSettings& settings) {
  run::Profile profile = run::read_profile(s.profile, settings.catalog->names());
  if (!profile.sweep && !profile.sampling) throw UsageError("no sweep", s.profile, "add a table [sweep] or [sampling]");
  if (s.dtype && profile.sweep)
    for (auto& [axis, values] : profile.sweep->axes)
      if (axis == "dtype") values = {*s.dtype};
  if (!s.keep.empty()) set_keep(profile, s, settings.catalog->names().sweep);
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
  command->add_option("--keep", s->keep,
                      "instead of the profile's: shares of the units that stay on, each a number or one for each unit "
                      "axis (0.5 0.75,0.625,0.65)");
  add_round_to_tiles(*command, s->round_to_tiles);
  s->machine.add_to(*command);
  command->get_option("--dtype")->each([s](const std::string& type) { s->dtype = type; });
  execute_on<Sweep>(*command, s, catalog, execute);
}

}  // namespace dydit::cli
