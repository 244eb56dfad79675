// SPDX-License-Identifier: Apache-2.0
// dydit train: trains the models of a profile, or one model given on the command line; fine-tunes dynamic
// ones.
#include <memory>

#include "common.h"

namespace dydit::cli {

namespace {

struct Train {
  std::string profile, data, held_out;
  std::optional<std::int64_t> size;
  std::vector<std::string> only;
  ConfigurationOptions options;
  std::string checkpoint, weights = "automatic";              // to begin with
  Json overrides = Json::object(), dynamic = Json::object();  // go before what the profile says
  ProcessOptions process;
  RunOptions machine;
};

run::Profile profile_of(const Train& t, const study::Catalog& catalog) {
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
      profile.data.size = dit::from_json(given).input_size;
    } else {
      throw UsageError("nothing to train", "", "give a profile, --model, or the --checkpoint to begin with");
    }
    profile.name = "train-" + model.name;
    profile.models.push_back(model);
    profile.train = Json::object();
  } else {
    if (!t.options.given.empty() || !t.checkpoint.empty())
      throw UsageError("a profile and a model", t.profile, "give one of them (--only picks models of a profile)");
    profile = run::read_profile(t.profile, catalog.names());
    if (profile.train.is_null()) throw UsageError("the profile has no [train]", t.profile);
  }
  if (!t.data.empty()) profile.data.path = t.data;
  if (t.size) profile.data.size = *t.size;
  if (!t.held_out.empty()) {
    profile.held_out = profile.data;
    profile.held_out->path = t.held_out;
  }
  Json overrides = t.overrides;
  if (!t.dynamic.empty()) overrides["dynamic"] = t.dynamic;
  profile.train.update(overrides, /*merge_objects=*/true);
  for (run::ModelSpec& model : profile.models) model.train.update(overrides, /*merge_objects=*/true);
  if (const auto process = t.process.process()) profile.process = process;
  if (t.machine.seed) profile.seed = *t.machine.seed;
  return profile;
}

void execute(const Train& t, const run::RunSettings& settings) {
  if (settings.dtype != torch::kFloat32)
    throw UsageError("training keeps its weights in float32", "--dtype", "use --bfloat16 for autocast");
  run::run_training(profile_of(t, *settings.catalog), settings, t.only);
}

}  // namespace

void add_train(CLI::App& app, const study::Catalog& catalog) {
  auto t = std::make_shared<Train>();
  CLI::App* command = app.add_subcommand("train", "Trains a DiT, or fine-tunes a dynamic one toward --lambda; resumes");
  command->footer(
      "Example: dydit train --model DiT-S/4 --in-channels 3 --num-classes 10 --data cifar10-train.zip "
      "--steps 20000\n"
      "         dydit train --checkpoint S.safetensors --lambda 0.5 --data cifar10-train.zip --steps 20000");
  command->add_option("profile", t->profile, "profile with [train] and [[models]]");
  command->add_option("--only", t->only, "names of the profile's models to train");
  command->add_option("--data", t->data, "images: class folders, zip, latents, or synthetic:N");
  command->add_option("--held-out", t->held_out,
                      "images for the held-out loss (default: a tenth of the images, at most 1000, held back)");
  add_number(*command, "--size", run::bounds::size, into(t->size), "side to which images are cropped");
  add_options(*command, train::train_schema().options(), t->overrides);
  add_options(*command, train::dynamic_schema().options(), t->dynamic);
  t->process.add_to(*command);
  t->options.add_to(*command);
  command->add_option("--checkpoint", t->checkpoint, "weights to begin with");
  command->add_option("--weights", t->weights, "ema, model or automatic (ema where it is there)")
      ->capture_default_str();
  t->machine.add_to(*command);
  execute_on<Train>(*command, t, catalog, execute);
}

}  // namespace dydit::cli
