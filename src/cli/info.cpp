// SPDX-License-Identifier: Apache-2.0
// dydit info: parameters, multiply-accumulates and bytes by part; what the routers of a DyDiT decide on data.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <memory>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "common.h"
#include "cost/cost.h"
#include "dit/weights.h"
#include "run/decisions.h"
#include "run/runner.h"
#include "study/bounds.h"
#include "train/bounds.h"

namespace dydit::cli {

namespace {

struct Info {
  ConfigurationOptions options;
  std::string checkpoint, weights = "automatic", data;
  bool json = false, all = false;
  std::optional<double> lambda;
  std::int64_t images = 64, timesteps = 10;
  ProcessOptions process;
  Machine machine;  // computes nothing without data
};

// In units of 1e9; the total is without routers.
Json by_part(const std::vector<cost::Work>& work, double cost::Work::*quantity) {
  Json parts{{"total", 0.0}}, routers = Json::object();
  double total = 0;
  for (const cost::Work& part : work) {
    const std::string whole = part.part.substr(0, part.part.find('.'));
    const double value = part.*quantity * 1e-9;
    if (value == 0 && part.macs == 0 && quantity == &cost::Work::macs) continue;  // has none
    const bool of_routers = part.kind == model::Kind::routers;
    Json& sum = of_routers ? routers : parts;
    sum[whole] = sum.value(whole, 0.0) + value;
    if (!of_routers) total += value;
  }
  parts["total"] = total;
  if (routers.empty()) routers["routers"] = 0.0;
  parts.update(routers);
  return parts;
}

// MACs of one image, and its bytes in float32.
Json cost_of(const model::Architecture& of, const model::Activity& activity) {
  const auto work = cost::work_of(of, activity, /*batch=*/1, /*bytes_of_number=*/4);
  return {{"gmacs", by_part(work, &cost::Work::macs)}, {"gbytes", by_part(work, &cost::Work::bytes)}};
}

// A target tells how much of the blocks' attention and MLP training aims at, not which: there are no masks.
Json target(const model::Architecture& of, double lambda) {
  if (!of.dynamic()) throw UsageError("--lambda is of a model with routers", of.name, "take a DyDiT");
  double skippable = 0;
  for (const model::Term& term : of.skippable) skippable += term.macs;
  const double dense = cost::macs_of(of), total = dense - (1 - lambda) * skippable;
  const double routers = dense * (cost::rho(of, complete(of.units)).with_routers - 1);
  return {{"lambda", lambda},
          {"gmacs", total * 1e-9},
          {"gmacs_with_routers", (total + routers) * 1e-9},
          {"theoretical_speedup", dense / (total + routers)}};
}

// What the routers really decide on data, the mean over images and times.
Json decided(const Info& info, const model::Architecture& of, std::optional<std::int64_t> num_heads,
             const study::Catalog& catalog) {
  if (!of.dynamic()) throw UsageError("the model has no routers", info.checkpoint, "leave --data out");
  const auto decisions = run::decisions_of(
      {.name = info.checkpoint, .checkpoint = info.checkpoint, .weights = info.weights, .num_heads = num_heads},
      {.path = info.data, .size = of.side}, info.images, info.timesteps, info.machine.seed.value_or(0),
      info.process.process(), info.machine.settings(catalog));
  const auto& activity = decisions.activity;
  Json on = Json::object();
  for (std::size_t axis = 0; axis < of.units.size(); ++axis) {
    double sum = 0;
    for (const double units : activity.on[axis]) sum += units;
    on[of.units[axis].name] = sum / static_cast<double>(of.units[axis].layers * of.units[axis].units);
  }
  const auto rho = cost::rho(of, activity);
  Json json{{"data", info.data},
            {"images", decisions.images},
            {"timesteps", decisions.timesteps},
            {"process", diffusion::to_json(decisions.process)},
            {"share_on", on},
            {"lambda_realised", cost::lambda_realised(of, activity)},
            {"rho", rho.with_routers},
            {"rho_without_routers", rho.without_routers},
            {"theoretical_speedup", 1 / rho.with_routers}};
  json.update(cost_of(of, activity));
  return json;
}

Json describe(const model::Architecture& of) {
  Json json{{"configuration", of.configuration},
            {"summary", of.summary},
            {"parameters", of.parameters},
            {"parameters_trainable", of.trainable}};
  if (of.dynamic()) json["units"] = model::to_json(of.units);
  json.update(cost_of(of, complete(of.units)));
  return json;
}

struct Described {
  dit::Configuration configuration;
  std::string weights;                            // of a checkpoint
  std::optional<diffusion::ProcessSpec> process;  // where its metadata has one, or its name
};

Described configuration(const Info& info) {
  if (info.checkpoint.empty()) {
    if (info.options.given.empty())
      throw UsageError("no model", "", "give --model, its dimensions, --checkpoint or --all");
    const auto named = info.options.configuration();
    return {named, "", run::process_of_name(dit::architecture_of(named), info.process.process())};
  }
  for (const auto& [key, value] : info.options.given.items())
    if (key != "num_heads") throw UsageError("a checkpoint has its own dimensions", key, "leave it out");
  const auto opened = dit::open_official(info.checkpoint, checkpoint::weights_named(info.weights));
  std::optional<std::int64_t> heads;
  if (const auto found = info.options.given.find("num_heads"); found != info.options.given.end())
    heads = found->get<std::int64_t>();
  return {dit::configuration_of(opened, info.checkpoint, heads), opened.weights,
          run::recorded_process(opened, info.checkpoint)};
}

void print_cost(const Json& d) {
  const double total = d["gmacs"]["total"];
  for (const auto& [part, bytes] : d["gbytes"].items()) {
    const double macs = d["gmacs"].value(part, 0.0);
    fmt::print("{:<13} {:>14.6f} GMACs {:>6.2f} % {:>12.6f} GB\n", part, macs, 100 * macs / total, bytes.get<double>());
  }
}

void print(const Json& d) {
  const auto& c = d["configuration"];
  const std::string name = c["name"];
  fmt::print("{}{}\n", name.empty() ? "" : name + ": ", d["summary"].get<std::string>());
  if (!c.value("first_unit_always_on", true))
    fmt::print("older dialect of DyDiT: its routers can switch off every head and every channel group of a block\n");
  fmt::print("parameters    {:>14}   ({} trainable)\n", d["parameters"].get<std::int64_t>(),
             d["parameters_trainable"].get<std::int64_t>());
  if (d.contains("weights")) fmt::print("weights       {}\n", d["weights"].get<std::string>());
  fmt::print("process       {}\n", run::process_words(diffusion::process_spec_from_json(d["process"], "process"),
                                                      !d["process_assumed"].get<bool>()));
  fmt::print("one image, in float32; total without routers:\n");
  print_cost(d);
  const auto number = [](const Json& of, const char* key) { return of[key].get<double>(); };
  if (d.contains("target")) {
    const auto& t = d["target"];
    fmt::print("target {:<6} {:>14.6f} GMACs ({:.6f} with routers), theoretical speedup {:.3f}; no masks\n",
               number(t, "lambda"), number(t, "gmacs"), number(t, "gmacs_with_routers"),
               number(t, "theoretical_speedup"));
  }
  if (d.contains("decided")) {
    const auto& t = d["decided"];
    fmt::print("decided by the routers, mean over {} images of {} x {} timesteps:\n", t["images"].get<int>(),
               t["data"].get<std::string>(), t["timesteps"].get<int>());
    std::vector<std::string> on;
    for (const auto& axis : d["units"])
      on.push_back(fmt::format("{} {:.2f} %", axis["label"].get<std::string>(),
                               100 * t["share_on"][axis["name"]].get<double>()));
    fmt::print("on: {}\n", fmt::join(on, ", "));
    fmt::print("lambda_realised {:.4f}, rho {:.4f} ({:.4f} without routers), theoretical speedup {:.3f}\n",
               number(t, "lambda_realised"), number(t, "rho"), number(t, "rho_without_routers"),
               number(t, "theoretical_speedup"));
    print_cost(t);
  }
}

// The published configurations, GMACs by part.
void print_all(bool json) {
  auto all = Json::array();
  for (const std::string& name : dit::published_names())
    all.push_back(describe(dit::architecture_of(dit::published(name))));
  if (json) {
    std::cout << all.dump(2) << "\n";
    return;
  }
  fmt::print("{:<10} {:>12}", "model", "parameters");
  for (const auto& [part, value] : all[0]["gmacs"].items()) fmt::print(" {:>12}", part);
  fmt::print("  (GMACs)\n");
  for (const auto& d : all) {
    fmt::print("{:<10} {:>12}", d["configuration"]["name"].get<std::string>(), d["parameters"].get<std::int64_t>());
    for (const auto& [part, value] : d["gmacs"].items()) fmt::print(" {:>12.4f}", value.get<double>());
    fmt::print("\n");
  }
}

void run(const Info& info, const study::Catalog& catalog) {
  if (info.all) {
    print_all(info.json);
    return;
  }
  const auto [c, weights, process] = configuration(info);
  const auto architecture = dit::architecture_of(c);
  auto described = describe(architecture);
  if (!weights.empty()) described["weights"] = weights;
  const auto asked = info.process.process();
  described["process"] =
      diffusion::to_json(run::process_of(asked, {process}, {weights.empty() ? "the model" : info.checkpoint}));
  described["process_assumed"] = !weights.empty() && !process && !asked;
  if (info.lambda) described["target"] = target(architecture, *info.lambda);
  if (!info.data.empty()) described["decided"] = decided(info, architecture, c.num_heads, catalog);
  if (!weights.empty()) run::tell_weights(info.checkpoint, weights, info.machine.quiet);
  if (info.json)
    std::cout << described.dump(2) << "\n";
  else
    print(described);
}

}  // namespace

void add_info(CLI::App& app, const study::Catalog& catalog) {
  auto info = std::make_shared<Info>();
  CLI::App* command = app.add_subcommand("info", "Parameters, GMACs and bytes by part; what routers decide on data");
  command->footer("Example: dydit info --model DiT-XL/2 --input-size 64");
  info->options.add_to(*command);
  command->add_option("--checkpoint", info->checkpoint, "read the configuration off a checkpoint")->excludes("--model");
  command->add_option("--weights", info->weights, "ema, model or automatic");
  command->add_flag("--json", info->json, "print JSON");
  auto* all = command->add_flag("--all", info->all, "a table of the published configurations");
  add_number(*command, "--lambda", train::bounds::lambda, into(info->lambda),
             "of a DyDiT: GMACs at this share of the blocks, as a target")
      ->excludes(all);
  auto* data = command
                   ->add_option("--data", info->data,
                                "of a DyDiT: what its routers decide on these images (class folders, zip, latents, "
                                "or synthetic:N)")
                   ->needs("--checkpoint");
  add_number(*command, "--images", Bounds<std::int64_t>{1, study::bounds::images.most}, into(info->images),
             "at most so many, spread evenly over the data")
      ->default_str(std::to_string(info->images))
      ->needs(data);
  add_number(*command, "--timesteps", study::bounds::times, into(info->timesteps),
             "how many, spread evenly over the process")
      ->default_str(std::to_string(info->timesteps))
      ->needs(data);
  info->process.add_to(*command);
  info->machine.add_to(*command);
  command->callback([info, &catalog] { run(*info, catalog); });
}

}  // namespace dydit::cli
