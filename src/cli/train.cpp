// SPDX-License-Identifier: Apache-2.0
// dydit train: trains the models of a profile, or one model given on the command line.
#include <memory>

#include "commands.h"
#include "common.h"

namespace dydit::cli {

namespace {

struct Train {
  std::string profile, data, held_out;
  std::int64_t size = 0;
  std::vector<std::string> only;
  ConfigurationOptions options;
  nlohmann::ordered_json overrides = nlohmann::ordered_json::object();
  Machine machine;
  Output output;
};

run::Profile profile_of(const Train& t) {
  run::Profile profile;
  if (t.profile.empty()) {
    if (t.options.given.empty()) throw UsageError("nothing to train", "", "give a profile or --model");
    run::ModelSpec model{.name = t.options.given.value("name", "DiT"), .configuration = t.options.given};
    profile.name = "train-" + model.name;
    profile.models.push_back(model);
    profile.train = nlohmann::ordered_json::object();
    profile.data.size = model::from_json(model.configuration).input_size;
  } else {
    if (!t.options.given.empty())
      throw UsageError("a profile and a model", t.profile,
                       "give one of them (--only picks models of a profile)");
    profile = run::read_profile(t.profile);
    if (profile.train.is_null()) throw UsageError("the profile has no [train]", t.profile);
  }
  if (!t.data.empty()) profile.data.path = t.data;
  if (t.size > 0) profile.data.size = t.size;
  if (!t.held_out.empty()) {
    profile.held_out = profile.data;
    profile.held_out->path = t.held_out;
  }
  profile.train.update(t.overrides);
  for (run::ModelSpec& model : profile.models) model.train.update(t.overrides);
  if (t.machine.seed) profile.seed = *t.machine.seed;
  return profile;
}

template <typename T>
void override_with(CLI::App& app, Train& t, const char* option, const char* key, const char* help) {
  app.add_option_function<T>(
      option, [&t, key](const T& value) { t.overrides[key] = value; }, help);
}

}  // namespace

void add_train(CLI::App& app) {
  auto t = std::make_shared<Train>();
  CLI::App* command = app.add_subcommand("train", "Trains a DiT; resumes");
  command->footer(
      "Example: dydit train --model DiT-S/4 --in-channels 3 --num-classes 10 --data cifar10-train.zip "
      "--steps 20000");
  command->add_option("profile", t->profile, "profile with [train] and [[models]]");
  command->add_option("--only", t->only, "names of the profile's models to train");
  command->add_option("--data", t->data, "images: class folders, zip, latents, or synthetic:N");
  command->add_option(
      "--held-out", t->held_out,
      "images for the held-out loss (default: a tenth of the images, at most 1000, held back)");
  command->add_option("--size", t->size, "side to which images are cropped");
  override_with<std::int64_t>(*command, *t, "--steps", "steps", "optimizer steps");
  override_with<std::int64_t>(*command, *t, "--batch", "batch", "images of a step");
  override_with<double>(*command, *t, "--learning-rate", "learning_rate", "of AdamW");
  override_with<std::int64_t>(*command, *t, "--warmup-steps", "warmup_steps", "linear warm-up");
  override_with<double>(*command, *t, "--weight-decay", "weight_decay", "of AdamW");
  override_with<double>(*command, *t, "--gradient-clip", "gradient_clip", "global norm; 0 is off");
  override_with<double>(*command, *t, "--ema-decay", "ema_decay", "of the moving average");
  override_with<double>(*command, *t, "--label-dropout", "label_dropout",
                        "share of labels replaced by no class");
  override_with<std::string>(*command, *t, "--noise-schedule", "noise_schedule", "linear or cosine");
  override_with<std::string>(*command, *t, "--decay", "decay", "none or cosine");
  override_with<std::int64_t>(*command, *t, "--record-every", "record_every", "steps between records");
  override_with<std::int64_t>(*command, *t, "--checkpoint-every", "checkpoint_every",
                              "steps between checkpoints");
  override_with<std::int64_t>(*command, *t, "--held-out-images", "held_out_images",
                              "images of the held-out loss");
  command->add_flag_callback(
      "--no-flip", [raw = t.get()] { raw->overrides["flip"] = false; }, "no mirroring (latents)");
  command->add_flag_callback(
      "--bfloat16", [raw = t.get()] { raw->overrides["bfloat16"] = true; }, "autocast");
  t->options.add_to(*command);
  t->machine.add_to(*command);
  t->output.add_to(*command);
  command->callback([t] {
    distributed::together([&](const distributed::ProcessGroup& group) {
      auto settings = t->machine.settings(group);
      if (settings.dtype != torch::kFloat32)
        throw UsageError("training keeps its weights in float32", "--dtype", "use --bfloat16 for autocast");
      t->output.fill(settings);
      settings.argv = arguments();
      settings.reproduce = command_line(settings.argv);
      run::run_training(profile_of(*t), settings, t->only);
    });
  });
}

}  // namespace dydit::cli
