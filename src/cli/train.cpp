// SPDX-License-Identifier: Apache-2.0
// dydit train: trains the models of a profile, or one model given on the command line; fine-tunes dynamic
// ones.
#include <memory>

#include "commands.h"
#include "common.h"
#include "train/bounds.h"

namespace dydit::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Train {
  std::string profile, data, held_out;
  std::optional<std::int64_t> size;
  std::vector<std::string> only;
  ConfigurationOptions options;
  std::string checkpoint, weights = "automatic";  // to begin with
  Json overrides = Json::object();
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
    profile.train = Json::object();
  } else {
    if (!t.options.given.empty() || !t.checkpoint.empty())
      throw UsageError("a profile and a model", t.profile,
                       "give one of them (--only picks models of a profile)");
    profile = run::read_profile(t.profile);
    if (profile.train.is_null()) throw UsageError("the profile has no [train]", t.profile);
  }
  if (!t.data.empty()) profile.data.path = t.data;
  if (t.size) profile.data.size = *t.size;
  if (!t.held_out.empty()) {
    profile.held_out = profile.data;
    profile.held_out->path = t.held_out;
  }
  profile.train.update(t.overrides, /*merge_objects=*/true);
  for (run::ModelSpec& model : profile.models) model.train.update(t.overrides, /*merge_objects=*/true);
  if (t.machine.seed) profile.seed = *t.machine.seed;
  return profile;
}

// Options that go before what the profile says, under the profile's keys.
void add_training_options(CLI::App& app, Json& overrides) {
  const auto text = [&](const char* option, const char* key, const char* help) {
    app.add_option_function<std::string>(
        option, [&overrides, key](const std::string& value) { overrides[key] = value; }, help);
  };
  const auto number = [&](const char* option, const char* key, const auto& bounds, const char* help) {
    add_number(app, option, bounds, [&overrides, key](auto value) { overrides[key] = value; }, help);
  };
  using namespace train::bounds;
  number("--steps", "steps", steps, "optimizer steps");
  number("--batch", "batch", batch, "images of a step");
  number("--learning-rate", "learning_rate", learning_rate, "of AdamW");
  number("--warmup-steps", "warmup_steps", warmup_steps, "linear warm-up");
  number("--weight-decay", "weight_decay", weight_decay, "of AdamW");
  number("--gradient-clip", "gradient_clip", gradient_clip, "global norm; 0 is off");
  number("--ema-decay", "ema_decay", ema_decay, "of the moving average");
  number("--label-dropout", "label_dropout", label_dropout, "share of labels replaced by no class");
  text("--noise-schedule", "noise_schedule", "linear or cosine");
  text("--decay", "decay", "none or cosine");
  number("--record-every", "record_every", record_every, "steps between records");
  number("--checkpoint-every", "checkpoint_every", checkpoint_every, "steps between checkpoints");
  number("--held-out-images", "held_out_images", held_out_images, "images of the held-out loss");
  app.add_flag_callback("--no-flip", [&overrides] { overrides["flip"] = false; }, "no mirroring (latents)");
  app.add_flag_callback("--bfloat16", [&overrides] { overrides["bfloat16"] = true; }, "autocast");
}

// The same for what a dynamic model's training has besides.
void add_dynamic_options(CLI::App& app, Json& overrides) {
  const auto text = [&](const char* option, const char* key, const char* help) {
    app.add_option_function<std::string>(
        option, [&overrides, key](const std::string& value) { overrides["dynamic"][key] = value; }, help);
  };
  const auto number = [&](const char* option, const char* key, const auto& bounds, const char* help) {
    add_number(app, option, bounds, [&overrides, key](auto value) { overrides["dynamic"][key] = value; }, help);
  };
  using namespace train::bounds;
  number("--lambda", "lambda", lambda, "share of the blocks' MACs that a dynamic model aims at");
  text("--decide", "decide", "what to skip: routers (learned), chance or static");
  text("--skip", "skip", "both, widths (heads and channel groups) or tokens");
  text("--order", "order", "sort heads and channels before by importance: none, magnitude, taylor or random");
  number("--hold-steps", "hold_steps", phase_steps, "the target stays at 1");
  number("--target-warmup-steps", "target_warmup_steps", phase_steps, "then it falls to lambda");
  number("--complete-steps", "complete_steps", phase_steps,
         "stage 1: first steps that learn the complete model's loss besides");
  number("--settle-steps", "settle_steps", phase_steps, "last steps, which decide without noise");
  number("--width-bias", "width_bias", router_bias, "of new routers over widths");
  number("--token-bias", "token_bias", router_bias, "of new routers over tokens");
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
  add_number(*command, "--size", run::bounds::size, into(t->size), "side to which images are cropped");
  add_training_options(*command, t->overrides);
  add_dynamic_options(*command, t->overrides);
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
