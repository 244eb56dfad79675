// SPDX-License-Identifier: Apache-2.0
// dydit train: trains the models of a profile, or one model given on the command line; fine-tunes dynamic
// ones.
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
  std::string checkpoint, weights = "automatic";  // to begin with
  nlohmann::ordered_json overrides = nlohmann::ordered_json::object();
  Machine machine;
  Output output;
};

run::Profile profile_of(const Train& t) {
  run::Profile profile;
  if (t.profile.empty()) {
    run::ModelSpec model;
    auto given = t.options.given;
    if (!t.checkpoint.empty()) {
      model.name = std::filesystem::path(t.checkpoint).stem().string();
      model.checkpoint = t.checkpoint;
      model.weights = t.weights;
      if (given.contains("num_heads")) model.num_heads = given["num_heads"].get<std::int64_t>();
      given.erase("num_heads");
      if (!given.empty())
        throw UsageError("a checkpoint and a configuration", given.begin().key(), "the checkpoint tells it");
    } else if (!given.empty()) {
      model.name = given.value("name", "DiT");
      model.configuration = given;
      profile.data.size = model::from_json(given).input_size;
    } else {
      throw UsageError("nothing to train", "", "give a profile, --model, or the --checkpoint to begin with");
    }
    profile.name = "train-" + model.name;
    profile.models.push_back(model);
    profile.train = nlohmann::ordered_json::object();
  } else {
    if (!t.options.given.empty() || !t.checkpoint.empty())
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
  profile.train.update(t.overrides, /*merge_objects=*/true);
  for (run::ModelSpec& model : profile.models) model.train.update(t.overrides, /*merge_objects=*/true);
  if (t.machine.seed) profile.seed = *t.machine.seed;
  return profile;
}

template <typename T>
void override_dynamic(CLI::App& app, Train& t, const char* option, const char* key, const char* help) {
  app.add_option_function<T>(
      option, [&t, key](const T& value) { t.overrides["dynamic"][key] = value; }, help);
}

template <typename T>
void override_with(CLI::App& app, Train& t, const char* option, const char* key, const char* help) {
  app.add_option_function<T>(
      option, [&t, key](const T& value) { t.overrides[key] = value; }, help);
}

}  // namespace

void add_train(CLI::App& app) {
  auto t = std::make_shared<Train>();
  CLI::App* command =
      app.add_subcommand("train", "Trains a DiT, or fine-tunes a dynamic one toward --lambda; resumes");
  command->footer(
      "Example: dydit train --model DiT-S/4 --in-channels 3 --num-classes 10 --data cifar10-train.zip "
      "--steps 20000\n"
      "         dydit train --checkpoint S.safetensors --lambda 0.5 --data cifar10-train.zip --steps 20000");
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
  override_dynamic<double>(*command, *t, "--lambda", "lambda",
                           "share of the blocks' MACs that a dynamic model aims at");
  override_dynamic<std::string>(*command, *t, "--decide", "decide",
                                "what to skip: routers (learned), chance or static");
  override_dynamic<std::string>(*command, *t, "--skip", "skip",
                                "both, widths (heads and channel groups) or tokens");
  override_dynamic<std::string>(
      *command, *t, "--order", "order",
      "sort heads and channels before by importance: none, magnitude, taylor or random");
  override_dynamic<std::int64_t>(*command, *t, "--hold-steps", "hold_steps", "the target stays at 1");
  override_dynamic<std::int64_t>(*command, *t, "--target-warmup-steps", "target_warmup_steps",
                                 "then it falls to lambda");
  override_dynamic<std::int64_t>(*command, *t, "--complete-steps", "complete_steps",
                                 "stage 1: first steps that learn the complete model's loss besides");
  override_dynamic<std::int64_t>(*command, *t, "--settle-steps", "settle_steps",
                                 "last steps, which decide without noise");
  override_dynamic<double>(*command, *t, "--width-bias", "width_bias", "of new routers over widths");
  override_dynamic<double>(*command, *t, "--token-bias", "token_bias", "of new routers over tokens");
  command->add_flag_callback(
      "--no-flip", [raw = t.get()] { raw->overrides["flip"] = false; }, "no mirroring (latents)");
  command->add_flag_callback(
      "--bfloat16", [raw = t.get()] { raw->overrides["bfloat16"] = true; }, "autocast");
  t->options.add_to(*command);
  command->add_option("--checkpoint", t->checkpoint, "weights to begin with");
  command->add_option("--weights", t->weights, "ema, model or automatic (ema where it is there)")
      ->capture_default_str();
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
