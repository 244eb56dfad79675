// SPDX-License-Identifier: Apache-2.0
// dydit sample: images from a checkpoint.
#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "cache/spec.h"
#include "common.h"
#include "diffusion/sampling_spec.h"

namespace dydit::cli {

namespace {

struct Sample {
  CheckpointOption checkpoint;
  run::SampleSpec spec;
  bool json = false;
  ProcessOptions process;
  RunOptions machine;
};

// "1,2,3"
std::vector<std::int64_t> classes_of(const std::string& list) {
  std::vector<std::int64_t> classes;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string text = list.substr(begin, end - begin);
    const auto label = integer_of<std::int64_t>(text);
    if (!label)
      throw UsageError(fmt::format("'{}' is not a class", shortened(text)), "--classes " + shortened(list),
                       "give whole numbers, as in 1,2,3");
    classes.push_back(*label);
    begin = end + 1;
  }
  return classes;
}

void execute(const Sample& s, const run::RunSettings& given) {
  run::RunSettings settings = given;
  settings.json = s.json;
  run::SampleSpec spec = s.spec;
  spec.model = s.checkpoint.spec();
  spec.process = s.process.process();
  spec.seed = s.machine.seed.value_or(0);
  const auto sampled = run::run_sampling(spec, settings);
  if (!settings.group.leads()) return;
  const double rate = static_cast<double>(sampled.made) / sampled.seconds;
  if (s.json)
    std::cout << Json{{"out", sampled.path.string()},
                      {"images", sampled.images},
                      {"made", sampled.made},
                      {"seconds", sampled.seconds},
                      {"images_per_second", sampled.made > 0 ? Json(rate) : Json()}}
                     .dump(2)
              << "\n";
  else if (!settings.quiet && sampled.made == 0)
    fmt::print(stderr, "dydit: {} has its {} images\n", sampled.path.string(), sampled.images);
  else if (!settings.quiet)
    fmt::print(stderr, "dydit: {} images in {:.1f} s, {:.4g} images/s\n", sampled.made, sampled.seconds, rate);
}

}  // namespace

void add_sample(CLI::App& app, const study::Catalog& catalog) {
  auto s = std::make_shared<Sample>();
  CLI::App* command = app.add_subcommand("sample", "Images from a checkpoint: PNG files, a grid, ADM's .npz; resumes");
  command->footer(
      "Example: dydit sample --checkpoint DiT-XL.pt --images 64 --sampler dpmpp --steps 20 --cfg-scale 1.5");
  s->checkpoint.add_to(*command, /*required=*/true);
  add_number(*command, "--images", Bounds<std::int64_t>{1, 1'000'000}, into(s->spec.images),
             "how many; more than a run has are added to it")
      ->default_str(std::to_string(s->spec.images));
  command
      ->add_option_function<std::string>(
          "--classes", [s](const std::string& list) { s->spec.classes = classes_of(list); },
          "of the images in turn (default: any, drawn by the seed)")
      ->type_name("CLASS,...");
  add_number(*command, "--batch", Bounds<std::int64_t>{1, 1'000'000}, into(s->spec.batch),
             "images that are sampled at once")
      ->default_str(std::to_string(s->spec.batch));
  std::vector<std::string> engines;
  for (const engine::Row& row : engine::engines_of(catalog.families)) engines.push_back(row.name);
  command
      ->add_option("--engine", s->spec.engine,
                   "what runs the model (default: fused where it can run, else compact of a DyDiT, dense of a DiT)")
      ->check(CLI::IsMember(engines));
  add_options(*command, diffusion::sampling_schema().options(), s->spec.sampling);
  command->add_option("--cache", s->spec.cache, "features kept between passes: none, " + cache::names() + ", FILE.json")
      ->capture_default_str();
  command
      ->add_option("--vae", s->spec.vae,
                   "autoencoder of diffusers, .safetensors or its folder: makes pictures of a model's latents")
      ->type_name("FILE");
  add_round_to_tiles(*command, s->spec.round_to_tiles);
  s->process.add_to(*command);
  command->add_flag("--json", s->json, "print figures as JSON");
  s->machine.add_to(*command);
  command->remove_option(command->get_option("--retry-failed"));  // there are no cells
  execute_on<Sample>(*command, s, catalog, execute);
}

}  // namespace dydit::cli
