// SPDX-License-Identifier: Apache-2.0
// dydit study: one redundancy study into a run directory.
#include <fmt/format.h>

#include <functional>
#include <memory>

#include "commands.h"
#include "common.h"
#include "diffusion/bounds.h"

namespace dydit::cli {

namespace {

struct Study {
  std::string profile, data, small, large, weights, normalise;
  std::vector<std::string> models;  // NAME=F
  std::optional<double> grain;
  std::optional<std::int64_t> size, images, timesteps, draws, chunk, num_heads;
  std::vector<std::int64_t> at;
  bool dry_run = false;
  Machine machine;
  Output output;
};

void add_shared(CLI::App& command, Study& s) {
  command.add_option("profile", s.profile, "profile to start from");
  command.add_option("--model", s.models, "NAME=FILE ...; dense models are compared with the last one");
  command.add_option("--weights", s.weights, "ema, model or automatic (ema where it is there)");
  add_number(command, "--num-heads", model::bounds::num_heads, into(s.num_heads),
             "heads, where a checkpoint does not tell");
  command.add_option("--data", s.data, "images: class folders, zip, latents, or synthetic:N");
  add_number(command, "--size", run::bounds::size, into(s.size), "side to which images are cropped (default 32)");
  add_number(command, "--grain", run::bounds::grain, into(s.grain),
             "Gaussian grain added to the images, in 8-bit grey levels");
  add_number(command, "--images", run::bounds::images, into(s.images),
             "number of images, spread evenly over the data (0: all)");
  command.add_flag("--dry-run", s.dry_run, "check that everything is there and estimate time and memory");
  s.machine.add_to(command);
  s.output.add_to(command);
}

run::ModelSpec model_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
    throw UsageError("not a model", "--model " + text, "write NAME=FILE");
  return {.name = text.substr(0, equals), .checkpoint = text.substr(equals + 1)};
}

run::Profile profile_of(const Study& s, const std::string& study) {
  run::Profile profile;
  if (!s.profile.empty())
    profile = run::read_profile(s.profile);
  else
    profile.name = study;
  if (!s.data.empty()) profile.data.path = s.data;
  if (s.size) profile.data.size = *s.size;
  if (s.grain) profile.data.grain = *s.grain;
  std::vector<std::string> given = s.models;
  if (!s.small.empty()) given.push_back("small=" + s.small);
  if (!s.large.empty()) given.push_back("large=" + s.large);
  if (!given.empty()) {
    profile.models.clear();
    profile.history.clear();
    for (auto* models : profile.models_of_studies()) models->clear();
    for (const std::string& text : given) profile.models.push_back(model_of(text));
  }
  if (!s.weights.empty())
    for (run::ModelSpec& model : profile.models) model.weights = s.weights;
  if (s.num_heads)
    for (run::ModelSpec& model : profile.models) model.num_heads = s.num_heads;
  if (s.machine.seed) profile.seed = *s.machine.seed;
  return profile;
}

void execute(const run::Profile& profile, const Study& s, const distributed::ProcessGroup& group) {
  auto settings = s.machine.settings(group);
  s.output.fill(settings);
  settings.argv = arguments();
  settings.reproduce = command_line(settings.argv);
  if (s.dry_run) {
    if (group.leads()) run::dry_run(profile, settings);
    return;
  }
  const auto finished = run::run_studies(profile, settings);
  require_whole(finished);
}

// The profile's study of that kind alone, as the command line changes it.
run::Profile curve_profile(const Study& s, const char* study,
                           std::optional<run::CurveSpec> run::Profile::*member) {
  run::Profile profile = profile_of(s, study);
  auto spec = (profile.*member).value_or(run::CurveSpec{});
  if (s.timesteps) spec.timesteps = *s.timesteps, spec.at.clear();
  if (!s.at.empty()) spec.at = s.at;
  if (s.images) spec.images = *s.images;
  if (s.chunk) spec.chunk = *s.chunk;
  profile.leave_no_study();
  profile.*member = spec;
  return profile;
}

run::Profile map_profile(const Study& s, const char* study,
                         std::optional<run::MapSpec> run::Profile::*member) {
  run::Profile profile = profile_of(s, study);
  auto spec = (profile.*member).value_or(run::MapSpec{});
  if (!s.at.empty()) spec.timesteps = s.at;
  if (s.images) spec.images = *s.images;
  if (s.draws) spec.draws = *s.draws;
  if (!s.normalise.empty()) spec.normalise_each = s.normalise == "each";
  profile.leave_no_study();
  profile.*member = spec;
  return profile;
}

// Runs the profile that is left when the command line is read.
void on_command(CLI::App& command, const std::shared_ptr<Study>& s,
                const std::function<run::Profile()>& profile) {
  command.callback([s, profile] {
    distributed::together([&](const distributed::ProcessGroup& group) { execute(profile(), *s, group); });
  });
}

void add_timesteps(CLI::App& command, Study& s, const char* help) {
  const auto take = [&s](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) s.at.push_back(diffusion::bounds::timestep.parse(text, "--at"));
    run::require_distinct_timesteps(s.at, "--at");
  };
  command.add_option_function<std::vector<std::string>>("--at", take, help)
      ->type_name(diffusion::bounds::timestep.words());
}

void add_curve_options(CLI::App& command, Study& s) {
  add_shared(command, s);
  add_timesteps(command, s, "these timesteps instead of evenly spread ones");
  add_number(command, "--timesteps", diffusion::bounds::timesteps, into(s.timesteps),
             "how many, spread evenly (default 50)");
  add_number(command, "--chunk", run::bounds::chunk, into(s.chunk), "images of one cell and forward pass");
}

void add_map_options(CLI::App& command, Study& s) {
  add_shared(command, s);
  add_timesteps(command, s, "timesteps (default 200 300 400 600 800 900)");
  add_number(command, "--draws", run::bounds::draws, into(s.draws), "noise draws to average over (default 8)");
}

void add_loss_gap(CLI::App& parent) {
  auto s = std::make_shared<Study>();
  CLI::App* command =
      parent.add_subcommand("loss-gap", "Loss of small against large models at every timestep");
  command->footer(
      "Example: dydit study loss-gap --small S.safetensors --large XL.safetensors --data images.zip "
      "--timesteps 50");
  add_curve_options(*command, *s);
  command->add_option("--small", s->small, "short for --model small=FILE");
  command->add_option("--large", s->large, "short for --model large=FILE");
  on_command(*command, s, [s] { return curve_profile(*s, "loss-gap", &run::Profile::loss_gap); });
}

void add_loss_map(CLI::App& parent) {
  auto s = std::make_shared<Study>();
  CLI::App* command =
      parent.add_subcommand("loss-map", "Prediction error at every position, image by timestep");
  command->footer(
      "Example: dydit study loss-map --model XL=XL.safetensors --data images.zip --at 200 400 800");
  add_map_options(*command, *s);
  add_normalise(*command, s->normalise);
  on_command(*command, s, [s] { return map_profile(*s, "loss-map", &run::Profile::loss_map); });
}

void add_activation(CLI::App& parent) {
  auto s = std::make_shared<Study>();
  CLI::App* command = parent.add_subcommand(
      "activation", "Heads, channel groups and tokens that a dynamic model has on, by timestep");
  command->footer("Example: dydit study activation --model half=DyDiT.safetensors --data images.zip");
  add_curve_options(*command, *s);
  on_command(*command, s, [s] { return curve_profile(*s, "activation", &run::Profile::activation); });
}

void add_compute_map(CLI::App& parent) {
  auto s = std::make_shared<Study>();
  CLI::App* command = parent.add_subcommand(
      "compute-map", "Where in an image a dynamic model computes, beside where its loss is");
  command->footer(
      "Example: dydit study compute-map --model half=DyDiT.safetensors --data images.zip --at 200 400 800");
  add_map_options(*command, *s);
  on_command(*command, s, [s] { return map_profile(*s, "compute-map", &run::Profile::compute_map); });
}

}  // namespace

void add_study(CLI::App& app) {
  CLI::App* command = app.add_subcommand("study", "One redundancy study into a run directory");
  command->require_subcommand(1);
  add_loss_gap(*command);
  add_loss_map(*command);
  add_activation(*command);
  add_compute_map(*command);
}

}  // namespace dydit::cli
