// SPDX-License-Identifier: Apache-2.0
// dydit info: parameters and multiply-accumulates by part.
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "commands.h"
#include "common.h"
#include "cost/macs.h"
#include "model/weights.h"

namespace dydit::cli {

namespace {

struct Info {
  ConfigurationOptions options;
  std::string checkpoint, weights = "automatic";
  bool json = false, all = false;
  std::optional<double> lambda;
  Machine machine;  // accepted as everywhere; nothing is computed
};

// A target tells how much of the blocks' attention and MLP training aims at, not which: there are no masks.
nlohmann::ordered_json target(const model::Configuration& c, double lambda) {
  if (!c.dynamic) throw UsageError("--lambda is of a model with routers", c.name, "take a DyDiT");
  const auto macs = cost::macs_of(c);
  const auto blocks = static_cast<double>(macs.attention + macs.mlp);
  const double total = static_cast<double>(macs.total()) - (1 - lambda) * blocks;
  return {{"lambda", lambda},
          {"gmacs", total * 1e-9},
          {"gmacs_with_routers", (total + static_cast<double>(macs.routers)) * 1e-9},
          {"theoretical_speedup", static_cast<double>(macs.total()) / (total + static_cast<double>(macs.routers))}};
}

nlohmann::ordered_json describe(const model::Configuration& c) {
  const auto macs = cost::macs_of(c);
  const auto parameters = cost::parameters_of(c);
  const auto giga = [](std::int64_t value) { return static_cast<double>(value) * 1e-9; };
  return {{"configuration", model::to_json(c)},
          {"parameters", parameters.total},
          {"parameters_trainable", parameters.trainable},
          {"gmacs",
           {{"total", giga(macs.total())},
            {"patch", giga(macs.patch)},
            {"conditioning", giga(macs.conditioning)},
            {"adaln", giga(macs.adaln)},
            {"attention", giga(macs.attention)},
            {"mlp", giga(macs.mlp)},
            {"final", giga(macs.final)},
            {"routers", giga(macs.routers)}}}};
}

model::Configuration configuration(const Info& info) {
  if (info.checkpoint.empty()) {
    if (info.options.given.empty())
      throw UsageError("no model", "", "give --model, its dimensions, --checkpoint or --all");
    return info.options.configuration();
  }
  for (const auto& [key, value] : info.options.given.items())
    if (key != "num_heads") throw UsageError("a checkpoint has its own dimensions", key, "leave it out");
  const auto opened = model::open_official(info.checkpoint, checkpoint::weights_named(info.weights));
  std::optional<std::int64_t> heads;
  if (const auto found = info.options.given.find("num_heads"); found != info.options.given.end())
    heads = found->get<std::int64_t>();
  return model::configuration_of(opened.tensors, opened.metadata, info.checkpoint, heads);
}

void print(const nlohmann::ordered_json& d) {
  const auto& c = d["configuration"];
  const std::string name = c["name"];
  fmt::print("{}input {}x{}x{}, patch {}, width {}, depth {}, heads {}, classes {}\n",
             name.empty() ? "" : name + ": ", c["in_channels"].get<int>(), c["input_size"].get<int>(),
             c["input_size"].get<int>(), c["patch_size"].get<int>(), c["hidden_size"].get<int>(),
             c["depth"].get<int>(), c["num_heads"].get<int>(), c["num_classes"].get<int>());
  fmt::print("parameters    {:>14}   ({} trainable)\n", d["parameters"].get<std::int64_t>(),
             d["parameters_trainable"].get<std::int64_t>());
  const double total = d["gmacs"]["total"];
  for (const auto& [part, value] : d["gmacs"].items())
    fmt::print("{:<13} {:>14.6f} GMACs {:>6.2f} %\n", part, value.get<double>(),
               100 * value.get<double>() / total);
  if (!d.contains("target")) return;
  const auto& t = d["target"];
  fmt::print("target {:<6} {:>14.6f} GMACs ({:.6f} with routers), theoretical speedup {:.3f}; no masks\n",
             t["lambda"].get<double>(), t["gmacs"].get<double>(), t["gmacs_with_routers"].get<double>(),
             t["theoretical_speedup"].get<double>());
}

// The published configurations, GMACs by part.
void print_all(bool json) {
  auto all = nlohmann::ordered_json::array();
  for (const std::string& name : model::published_names()) all.push_back(describe(model::published(name)));
  if (json) {
    std::cout << all.dump(2) << "\n";
    return;
  }
  fmt::print("{:<10} {:>12}", "model", "parameters");
  for (const auto& [part, value] : all[0]["gmacs"].items()) fmt::print(" {:>12}", part);
  fmt::print("  (GMACs)\n");
  for (const auto& d : all) {
    fmt::print("{:<10} {:>12}", d["configuration"]["name"].get<std::string>(),
               d["parameters"].get<std::int64_t>());
    for (const auto& [part, value] : d["gmacs"].items()) fmt::print(" {:>12.4f}", value.get<double>());
    fmt::print("\n");
  }
}

void run(const Info& info) {
  if (info.all) {
    print_all(info.json);
    return;
  }
  const auto c = configuration(info);
  auto described = describe(c);
  if (info.lambda) described["target"] = target(c, *info.lambda);
  if (info.json)
    std::cout << described.dump(2) << "\n";
  else
    print(described);
}

}  // namespace

void add_info(CLI::App& app) {
  auto info = std::make_shared<Info>();
  CLI::App* command = app.add_subcommand("info", "Parameters and GMACs by part");
  command->footer("Example: dydit info --model DiT-XL/2 --input-size 64");
  info->options.add_to(*command);
  command->add_option("--checkpoint", info->checkpoint, "read the configuration off a checkpoint")
      ->excludes("--model");
  command->add_option("--weights", info->weights, "ema, model or automatic");
  command->add_flag("--json", info->json, "print JSON");
  command->add_flag("--all", info->all, "a table of the published configurations");
  command->add_option("--lambda", info->lambda, "of a DyDiT: GMACs at this share of the blocks, as a target")
      ->check(CLI::Range(0.0, 1.0));
  info->machine.add_to(*command);
  command->callback([info] { run(*info); });
}

}  // namespace dydit::cli
