// SPDX-License-Identifier: Apache-2.0
// dydit study: one redundancy study into a run directory.
#include <memory>

#include "common.h"
#include "study/bounds.h"

namespace dydit::cli {

namespace {

struct Study {
  study::Row row;
  std::string profile, small, large, weights;
  std::vector<std::string> models;  // NAME=F
  std::optional<std::int64_t> num_heads;
  Json data = Json::object(), options = Json::object();  // under the keys of a profile
  bool dry_run = false;
  ProcessOptions process;
  RunOptions machine;
};

run::ModelSpec model_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
    throw UsageError("not a model", "--model " + text, "write NAME=FILE");
  return {.name = text.substr(0, equals), .checkpoint = text.substr(equals + 1)};
}

// The profile's study of that kind alone, as the command line changes it.
run::Profile profile_of(const Study& s, const study::Catalog& catalog) {
  run::Profile profile;
  if (!s.profile.empty())
    profile = run::read_profile(s.profile, catalog.names());
  else
    profile.name = s.row.name;
  run::StudySpec study{s.row, s.row.defaults};
  for (const run::StudySpec& of_profile : profile.studies)
    if (of_profile.info.name == s.row.name) study = of_profile;
  profile.data = run::data_schema().from_json(s.data, "data", profile.data);
  std::vector<std::string> given = s.models;
  if (!s.small.empty()) given.push_back("small=" + s.small);
  if (!s.large.empty()) given.push_back("large=" + s.large);
  if (!given.empty()) {
    profile.models.clear();
    profile.history.clear();
    study.options.models.clear();
    for (const std::string& text : given) profile.models.push_back(model_of(text));
  }
  study.options = s.row.options.from_json(s.options, s.row.name, study.options);
  for (run::ModelSpec& model : profile.models) {
    if (!s.weights.empty()) model.weights = s.weights;
    if (s.num_heads) model.num_heads = s.num_heads;
  }
  if (const auto process = s.process.process()) profile.process = process;
  if (s.machine.seed) profile.seed = *s.machine.seed;
  profile.studies = {study};
  profile.sweep.reset();
  profile.sampling.reset();
  return profile;
}

void execute(const Study& s, const run::RunSettings& settings) {
  const run::Profile profile = profile_of(s, *settings.catalog);
  if (!s.dry_run) return require_whole(run::run_studies(profile, settings));
  if (settings.group.leads()) run::dry_run(profile, settings);
}

void add(CLI::App& parent, const study::Row& row, const study::Catalog& catalog) {
  auto s = std::make_shared<Study>();
  s->row = row;
  CLI::App& command = *parent.add_subcommand(row.name, row.help);
  command.footer("Example: " + row.example);
  command.add_option("profile", s->profile, "profile to start from");
  command.add_option("--model", s->models, "NAME=FILE ...; dense models are compared with the last one");
  command.add_option("--small", s->small, "short for --model small=FILE");
  command.add_option("--large", s->large, "short for --model large=FILE, after --small");
  command.add_option("--weights", s->weights, "ema, model or automatic (ema where it is there)");
  add_number(command, "--num-heads", dit::bounds::num_heads, into(s->num_heads),
             "heads, where a checkpoint does not tell");
  command.add_option_function<std::string>(
      "--data", [s](const std::string& path) { s->data["path"] = path; }, run::data_schema().options().front().help);
  add_options(command, run::data_schema().options(), s->data, {"path"});
  add_options(command, row.options.options(), s->options, {"models"});
  const auto at = [s](const std::vector<std::string>& texts) {
    std::vector<double> times;
    for (const std::string& text : texts) times.push_back(study::bounds::time.parse(text, "--at"));
    require_distinct(times, "--at");
    s->options["timesteps"] = times;
  };
  command.add_option_function<std::vector<std::string>>("--at", at, "these times instead of evenly spread ones")
      ->type_name(study::bounds::time.words())
      ->excludes("--timesteps");
  command.add_flag("--dry-run", s->dry_run, "check that everything is there and estimate time and memory");
  s->process.add_to(command);
  s->machine.add_to(command);
  execute_on<Study>(command, s, catalog, execute);
}

}  // namespace

void add_study(CLI::App& app, const study::Catalog& catalog) {
  CLI::App* command = app.add_subcommand("study", "One redundancy study into a run directory");
  command->require_subcommand(1);
  for (const study::Row& row : catalog.studies) add(*command, row, catalog);
}

}  // namespace dydit::cli
