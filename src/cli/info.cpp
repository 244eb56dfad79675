// SPDX-License-Identifier: Apache-2.0
// dydit info: parameters, multiply-accumulates and bytes by part; what the routers of a DyDiT decide on data.
#include <fmt/format.h>

#include <iostream>
#include <memory>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "commands.h"
#include "common.h"
#include "cost/work.h"
#include "diffusion/bounds.h"
#include "model/weights.h"
#include "run/decisions.h"
#include "train/bounds.h"

namespace dydit::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Info {
  ConfigurationOptions options;
  std::string checkpoint, weights = "automatic", data;
  bool json = false, all = false;
  std::optional<double> lambda;
  std::int64_t images = 64, timesteps = 10;
  Machine machine;  // computes nothing without data
};

// In units of 1e9; the total is without routers.
Json by_part(const std::vector<cost::Work>& work, double cost::Work::*quantity) {
  Json parts{{"total", 0.0}};
  double total = 0;
  for (const std::string part :
       {"patch", "conditioning", "adaln", "elementwise", "attention", "mlp", "final", "routers"}) {
    if (part == "elementwise" && quantity == &cost::Work::macs) continue;  // has none
    const double value = cost::total_of(work, part).*quantity * 1e-9;
    parts[part] = value;
    if (part != "routers") total += value;
  }
  parts["total"] = total;
  return parts;
}

// MACs of one image, and its bytes in float32.
Json cost_of(const model::Configuration& c, const cost::Activity& activity) {
  const auto work = cost::work_of(c, activity, /*batch=*/1, /*bytes_of_number=*/4);
  return {{"gmacs", by_part(work, &cost::Work::macs)}, {"gbytes", by_part(work, &cost::Work::bytes)}};
}

// A target tells how much of the blocks' attention and MLP training aims at, not which: there are no masks.
Json target(const model::Configuration& c, double lambda) {
  if (!c.dynamic) throw UsageError("--lambda is of a model with routers", c.name, "take a DyDiT");
  const auto macs = cost::macs_of(c);
  const double total = macs.total() - (1 - lambda) * (macs.attention + macs.mlp);
  return {{"lambda", lambda},
          {"gmacs", total * 1e-9},
          {"gmacs_with_routers", (total + macs.routers) * 1e-9},
          {"theoretical_speedup", macs.total() / (total + macs.routers)}};
}

// What the routers really decide on data, the mean over images and timesteps.
Json decided(const Info& info, const model::Configuration& c) {
  if (!c.dynamic) throw UsageError("the model has no routers", info.checkpoint, "leave --data out");
  const auto decisions = run::decisions_of(
      {.name = info.checkpoint, .checkpoint = info.checkpoint, .weights = info.weights, .num_heads = c.num_heads},
      {.path = info.data, .size = c.input_size}, info.images, info.timesteps, info.machine.seed.value_or(0),
      info.machine.settings());
  const auto& activity = decisions.activity;
  const auto share = [&](double cost::Activity::Layer::*unit, std::int64_t of) {
    double sum = 0;
    for (const auto& layer : activity.layers) sum += layer.*unit;
    return sum / static_cast<double>(c.depth * of);
  };
  const auto rho = cost::rho(c, activity);
  Json json{{"data", info.data},
            {"images", decisions.images},
            {"timesteps", decisions.timesteps},
            {"share_on",
             {{"heads", share(&cost::Activity::Layer::heads, c.num_heads)},
              {"groups", share(&cost::Activity::Layer::groups, c.num_heads)},
              {"tokens", share(&cost::Activity::Layer::tokens, c.tokens())}}},
            {"lambda_realised", cost::lambda_realised(c, activity)},
            {"rho", rho.with_routers},
            {"rho_without_routers", rho.without_routers},
            {"theoretical_speedup", 1 / rho.with_routers}};
  json.update(cost_of(c, activity));
  return json;
}

Json describe(const model::Configuration& c) {
  const auto parameters = cost::parameters_of(c);
  Json json{{"configuration", model::to_json(c)},
            {"parameters", parameters.total},
            {"parameters_trainable", parameters.trainable}};
  json.update(cost_of(c, cost::complete(c)));
  return json;
}

// Of a checkpoint also which weights they are.
std::pair<model::Configuration, std::string> configuration(const Info& info) {
  if (info.checkpoint.empty()) {
    if (info.options.given.empty())
      throw UsageError("no model", "", "give --model, its dimensions, --checkpoint or --all");
    return {info.options.configuration(), ""};
  }
  for (const auto& [key, value] : info.options.given.items())
    if (key != "num_heads") throw UsageError("a checkpoint has its own dimensions", key, "leave it out");
  const auto opened = model::open_official(info.checkpoint, checkpoint::weights_named(info.weights));
  std::optional<std::int64_t> heads;
  if (const auto found = info.options.given.find("num_heads"); found != info.options.given.end())
    heads = found->get<std::int64_t>();
  return {model::configuration_of(opened, info.checkpoint, heads), opened.weights};
}

void print_cost(const Json& d) {
  const double total = d["gmacs"]["total"];
  for (const auto& [part, bytes] : d["gbytes"].items()) {
    const double macs = d["gmacs"].value(part, 0.0);
    fmt::print("{:<13} {:>14.6f} GMACs {:>6.2f} % {:>12.6f} GB\n", part, macs, 100 * macs / total,
               bytes.get<double>());
  }
}

void print(const Json& d) {
  const auto& c = d["configuration"];
  const std::string name = c["name"];
  fmt::print("{}input {}x{}x{}, patch {}, width {}, depth {}, heads {}, classes {}\n",
             name.empty() ? "" : name + ": ", c["in_channels"].get<int>(), c["input_size"].get<int>(),
             c["input_size"].get<int>(), c["patch_size"].get<int>(), c["hidden_size"].get<int>(),
             c["depth"].get<int>(), c["num_heads"].get<int>(), c["num_classes"].get<int>());
  if (!c.value("first_unit_always_on", true))
    fmt::print("older dialect of DyDiT: its routers can switch off every head and every channel group of a block\n");
  fmt::print("parameters    {:>14}   ({} trainable)\n", d["parameters"].get<std::int64_t>(),
             d["parameters_trainable"].get<std::int64_t>());
  if (d.contains("weights")) fmt::print("weights       {}\n", d["weights"].get<std::string>());
  fmt::print("one image, in float32; total without routers:\n");
  print_cost(d);
  if (d.contains("target")) {
    const auto& t = d["target"];
    fmt::print("target {:<6} {:>14.6f} GMACs ({:.6f} with routers), theoretical speedup {:.3f}; no masks\n",
               t["lambda"].get<double>(), t["gmacs"].get<double>(), t["gmacs_with_routers"].get<double>(),
               t["theoretical_speedup"].get<double>());
  }
  if (d.contains("decided")) {
    const auto& t = d["decided"];
    const auto& on = t["share_on"];
    fmt::print("decided by the routers, mean over {} images of {} x {} timesteps:\n", t["images"].get<int>(),
               t["data"].get<std::string>(), t["timesteps"].get<int>());
    fmt::print("on: heads {:.2f} %, channel groups {:.2f} %, tokens {:.2f} %\n", 100 * on["heads"].get<double>(),
               100 * on["groups"].get<double>(), 100 * on["tokens"].get<double>());
    fmt::print("lambda_realised {:.4f}, rho {:.4f} ({:.4f} without routers), theoretical speedup {:.3f}\n",
               t["lambda_realised"].get<double>(), t["rho"].get<double>(), t["rho_without_routers"].get<double>(),
               t["theoretical_speedup"].get<double>());
    print_cost(t);
  }
}

// The published configurations, GMACs by part.
void print_all(bool json) {
  auto all = Json::array();
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
  const auto [c, weights] = configuration(info);
  auto described = describe(c);
  if (!weights.empty()) described["weights"] = weights;
  if (info.lambda) described["target"] = target(c, *info.lambda);
  if (!info.data.empty()) described["decided"] = decided(info, c);
  if (!weights.empty()) run::tell_weights(info.checkpoint, weights, info.machine.quiet);
  if (info.json)
    std::cout << described.dump(2) << "\n";
  else
    print(described);
}

}  // namespace

void add_info(CLI::App& app) {
  auto info = std::make_shared<Info>();
  CLI::App* command = app.add_subcommand("info", "Parameters, GMACs and bytes by part; what routers decide on data");
  command->footer("Example: dydit info --model DiT-XL/2 --input-size 64");
  info->options.add_to(*command);
  command->add_option("--checkpoint", info->checkpoint, "read the configuration off a checkpoint")
      ->excludes("--model");
  command->add_option("--weights", info->weights, "ema, model or automatic");
  command->add_flag("--json", info->json, "print JSON");
  auto* all = command->add_flag("--all", info->all, "a table of the published configurations");
  add_number(*command, "--lambda", train::bounds::lambda, into(info->lambda),
             "of a DyDiT: GMACs at this share of the blocks, as a target")
      ->excludes(all);
  auto* data = command->add_option("--data", info->data,
                                   "of a DyDiT: what its routers decide on these images (class folders, zip, latents, "
                                   "or synthetic:N)")
                   ->needs("--checkpoint");
  add_number(*command, "--images", Bounds<std::int64_t>{1, run::bounds::images.most}, into(info->images),
             "at most so many, spread evenly over the data")
      ->default_str(std::to_string(info->images))
      ->needs(data);
  add_number(*command, "--timesteps", diffusion::bounds::timesteps, into(info->timesteps),
             "how many, spread evenly over the diffusion")
      ->default_str(std::to_string(info->timesteps))
      ->needs(data);
  info->machine.add_to(*command);
  command->callback([info] { run(*info); });
}

}  // namespace dydit::cli
