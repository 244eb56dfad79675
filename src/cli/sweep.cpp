// SPDX-License-Identifier: Apache-2.0
// dydit sweep: the cells of a profile's [sweep] and [sampling], timed; with --processes as often, each time anew.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/child.h"
#include "base/interrupt.h"
#include "common.h"
#include "distributed/launch.h"

namespace dydit::cli {

namespace {

struct Sweep {
  std::string profile = "profiles/lambda.toml";
  std::optional<std::string> dtype;  // of every cell, where it is given
  std::vector<std::string> keep;     // in the place of the profile's, where it is given
  std::string round_to_tiles;
  std::optional<std::int64_t> processes;
  RunOptions machine;
};

// The command of one process run: this one, with another --out and without --processes.
std::vector<std::string> command_of_run(const std::filesystem::path& out) {
  std::vector<std::string> command{std::filesystem::read_symlink("/proc/self/exe")};
  const std::vector<std::string> given = arguments();
  const auto no_options = std::ranges::find(given, "--");  // behind it
  for (auto one = given.begin() + 1; one < no_options; ++one) {
    const std::string name = one->substr(0, one->find('='));
    if (name != "--processes" && name != "--out")
      command.push_back(*one);
    else if (name == *one)
      ++one;  // its value stands behind it
  }
  command.insert(command.end(), {"--out", out.string()});
  command.insert(command.end(), no_options, given.end());
  return command;
}

// What varies between processes (where code and memory lie, what else the machine does) is the error of a comparison of
// builds, and one process cannot see it.
void repeat(const Sweep& s) {
  if (distributed::launch_of_environment().size > 1)
    throw UsageError("several processes share a sweep already", "--processes", "start it without a launcher");
  const std::filesystem::path folder =
      s.machine.out.empty() ? "runs/" + std::filesystem::path(s.profile).stem().string() + "-processes" : s.machine.out;
  if (std::filesystem::exists(folder / "manifest.json"))
    throw UsageError("is a run directory", folder.string(), "give a folder for run directories");
  std::int64_t failed = 0;
  for (std::int64_t i = 1; i <= *s.processes; ++i) {
    if (!s.machine.quiet) fmt::print(stderr, "dydit: process run {} of {}\n", i, *s.processes);
    const int code = run_child(command_of_run(folder / fmt::format("{:03}", i)));
    stop_if_interrupted(folder.string(), "the same command goes on");
    if (code == static_cast<int>(ExitCode::failed))
      ++failed;
    else if (code != 0)  // what is wrong with one is wrong with all
      throw Error(code < 4 ? static_cast<ExitCode>(code) : ExitCode::failed, fmt::format("process run {} ended", i),
                  folder.string(), end_of_child(code));
  }
  fmt::print("{}\n", folder.string());
  if (failed > 0)
    throw RunError(fmt::format("{} of {} process runs failed", failed, *s.processes), folder.string(), "see above");
}

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
  add_number(*command, "--processes", Bounds<std::int64_t>{1, 10'000}, into(s->processes),
             "run it so often, each time in a process of its own and into a run directory of its own below --out "
             "(runs/PROFILE-processes): what dydit compare takes");
  s->machine.add_to(*command);
  command->get_option("--dtype")->each([s](const std::string& type) { s->dtype = type; });
  command->callback([s, &catalog] {
    if (s->processes) return repeat(*s);
    distributed::together(
        [&](const distributed::ProcessGroup& group) { execute(*s, s->machine.settings(catalog, group)); });
  });
}

}  // namespace dydit::cli
