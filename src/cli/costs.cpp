// SPDX-License-Identifier: Apache-2.0
// dydit costs: what the heads, channel groups and routed tokens of a block cost.
#include <memory>

#include "common.h"

namespace dydit::cli {

namespace {

struct Costs {
  Json given = Json::object();
  RunOptions machine;
};

void execute(const Costs& c, const run::RunSettings& settings) {
  study::CostsSpec spec = study::costs_schema().from_json(c.given, "costs");
  spec.dtype = c.machine.dtype;
  require_whole(run::run_costs(spec, c.machine.seed.value_or(0), settings));
}

}  // namespace

void add_costs(CLI::App& app, const study::Catalog& catalog) {
  auto c = std::make_shared<Costs>();
  CLI::App* command = app.add_subcommand("costs", "Time of a block by how many heads, groups and tokens are on");
  command->footer("Example: dydit costs --model DyDiT-XL/2 --engine fused --batch 64 --device cuda --dtype bfloat16");
  add_options(*command, study::costs_schema().options(), c->given);
  c->machine.add_to(*command);
  execute_on<Costs>(*command, c, catalog, execute);
}

}  // namespace dydit::cli
