// SPDX-License-Identifier: Apache-2.0
// dydit export: the model weights of any checkpoint as one small safetensors file.
#include <memory>

#include "base/interrupt.h"
#include "checkpoint/checkpoint.h"
#include "common.h"
#include "dit/weights.h"
#include "model/device.h"

namespace dydit::cli {

namespace {

struct Export {
  CheckpointOption checkpoint;
  std::string output;
  Machine machine;
};

}  // namespace

void add_export(CLI::App& app, const study::Catalog&) {
  auto e = std::make_shared<Export>();
  CLI::App* command = app.add_subcommand("export", "Model weights of any checkpoint as .safetensors");
  command->footer("Example: dydit export --checkpoint 0400000.pt --output dit.safetensors --dtype bfloat16");
  e->checkpoint.add_to(*command, /*required=*/true);
  command->add_option("--output", e->output, "file to write")->required();
  e->machine.add_to(*command);
  command->callback([e] {
    const auto dtype = model::dtype_named(e->machine.dtype);
    const auto opened = dit::open_official(e->checkpoint.path, checkpoint::weights_named(e->checkpoint.weights));
    const auto dit = dit::load_dit(opened, e->checkpoint.path, e->checkpoint.num_heads);
    stop_if_interrupted("before anything was written");
    checkpoint::Metadata metadata;
    if (const auto found = opened.metadata.find(diffusion::process_key); found != opened.metadata.end())
      metadata.insert(*found);
    dit::save_dit(e->output, dit, dtype, metadata);
    run::tell_weights(e->checkpoint.path, opened.weights, e->machine.quiet);
  });
}

}  // namespace dydit::cli
