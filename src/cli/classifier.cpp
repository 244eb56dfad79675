// SPDX-License-Identifier: Apache-2.0
// dydit classifier: trains the network by whose features images are judged where the published one is not to be had.
#include "quality/classifier.h"

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "common.h"

namespace dydit::cli {

namespace {

struct Command {
  std::string data, held_out, out;
  std::int64_t size = 32;
  Json given = Json::object();
  Machine machine;
};

void execute(const Command& c, const study::Catalog& catalog) {
  if (!c.out.ends_with(".safetensors"))
    throw UsageError("a classifier is written as .safetensors", "--out " + c.out, "give a name that ends so");
  const run::RunSettings settings = c.machine.settings(catalog);
  quality::ClassifierTraining training = quality::classifier_training_schema().from_json(c.given, "classifier");
  training.seed = c.machine.seed.value_or(0);
  const auto open = [&](const std::string& path, std::uint64_t seed) {  // of images that are made up
    std::shared_ptr<const data::Dataset> images = data::open_dataset(path, {.size = c.size}, seed);
    if (!settings.quiet)
      for (const std::string& note : images->notes()) fmt::print(stderr, "dydit: {}\n", note);
    return images;
  };
  const auto images = open(c.data, training.seed), held_out = open(c.held_out, training.seed + 1);
  const quality::Trained trained =
      quality::train_classifier(images, held_out, c.out, training, settings.device, settings.threads, settings.quiet);
  fmt::print("{}: {:.2f} % of {} held-out images are classified rightly\n", c.out, 100 * trained.accuracy,
             trained.images);
}

}  // namespace

void add_classifier(CLI::App& app, const study::Catalog& catalog) {
  auto c = std::make_shared<Command>();
  CLI::App* command =
      app.add_subcommand("classifier", "Trains a small classifier, by whose features dydit quality compares images");
  command->footer(
      "Example: dydit classifier cifar10-train.zip --held-out cifar10-test.zip --out classifier.safetensors");
  command->add_option("data", c->data, "labelled images: a folder or zip of class folders")->required();
  command->add_option("--held-out", c->held_out, "other ones, by which it is tested")->required();
  command->add_option("--out", c->out, "file to write, .safetensors")->required();
  add_number(*command, "--size", Bounds<std::int64_t>{8, 1024}, into(c->size), "side to which images are cropped (32)");
  add_options(*command, quality::classifier_training_schema().options(), c->given);
  c->machine.add_to(*command);
  command->callback([c, &catalog] { execute(*c, catalog); });
}

}  // namespace dydit::cli
