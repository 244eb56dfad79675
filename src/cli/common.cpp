// SPDX-License-Identifier: Apache-2.0
#include "common.h"

#include <ATen/DeviceAccelerator.h>
#include <fmt/format.h>
#include <torch/types.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/cores.h"
#include "base/error.h"
#include "model/device.h"

namespace dydit::cli {

namespace {

// As a line for a shell, the program as "dydit".
std::string command_line(const std::vector<std::string>& arguments) {
  std::string line = "dydit";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const bool plain =
        arguments[i].find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./:,@") ==
        std::string::npos;
    std::string quoted = arguments[i];
    for (std::size_t at = 0; (at = quoted.find('\'', at)) != std::string::npos; at += 4) quoted.replace(at, 1, "'\\''");
    line += " " + (plain && !quoted.empty() ? quoted : "'" + quoted + "'");
  }
  return line;
}

}  // namespace

void Machine::add_to(CLI::App& app) {
  app.add_option("--device", device, "cpu, cuda, cuda:<index> or auto")
      ->capture_default_str()
      ->check([](const std::string& name) {
        run::require_device_name(name);
        return std::string();
      });
  app.add_option("--dtype", dtype, "float32, bfloat16 or float16")
      ->capture_default_str()
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}));
  add_number(app, "--threads", Bounds<std::int64_t>{1, 1024}, into(threads),
             "threads of the CPU, shared by the processes of a machine (default: all cores)");
  add_number(app, "--seed", run::bounds::seed, into(seed), "seed of every random draw");
  app.add_flag("--quiet", quiet, "neither progress nor which weights were taken on stderr");
}

std::vector<std::string> arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> out;
  for (std::string argument; std::getline(file, argument, '\0');) out.push_back(argument);
  if (!out.empty()) out[0] = std::filesystem::path(out[0]).filename().string();
  return out;
}

run::RunSettings Machine::settings(const study::Catalog& catalog, const distributed::ProcessGroup& group) const {
  run::RunSettings settings;
  settings.catalog = &catalog;
  settings.group = group;
  settings.all_threads = threads ? static_cast<int>(*threads) : usable_cores();
  settings.threads = std::max(1, settings.all_threads / group.local_size());
  at::set_num_threads(settings.threads);
  if (group.size() > 1 && device.starts_with("cuda:"))
    throw UsageError("one GPU for several processes", "--device " + device, "give cuda: each takes its own");
  settings.device = run::device_named(device);
  if (group.size() > 1 && settings.device.is_cuda())
    settings.device = run::device_named(fmt::format("cuda:{}", group.local_rank()));
  if (settings.device.is_cuda()) at::accelerator::setDeviceIndex(settings.device.index());
  settings.dtype = model::dtype_named(dtype);
  settings.quiet = quiet;
  return settings;
}

run::RunSettings RunOptions::settings(const study::Catalog& catalog, const distributed::ProcessGroup& group) const {
  run::RunSettings settings = Machine::settings(catalog, group);
  settings.out = out;
  settings.open = open;
  settings.argv = arguments();
  settings.reproduce = command_line(settings.argv);
  return settings;
}

void RunOptions::add_to(CLI::App& app) {
  Machine::add_to(app);
  app.add_option("--out", out, "run directory (default: runs/<profile>-<n>); an unfinished one is resumed");
  app.add_flag("--force", open.force, "go on in a run directory of another profile, weights or revision");
  app.add_flag("--retry-failed", open.retry_failed, "run failed cells again");
}

void CheckpointOption::add_to(CLI::App& app, bool required) {
  app.add_option("--checkpoint", path, "weights: .safetensors, .pt, or a folder of diffusers")->required(required);
  app.add_option("--weights", weights, "ema, model or automatic (ema where it is there)")->capture_default_str();
  add_number(app, "--num-heads", dit::bounds::num_heads, into(num_heads), "heads, where the checkpoint does not tell");
}

run::ModelSpec CheckpointOption::spec() const {
  return {.name = std::filesystem::path(path).stem().string(),
          .checkpoint = path,
          .weights = weights,
          .num_heads = num_heads};
}

void add_options(CLI::App& app, const std::vector<Option>& options, Json& given,
                 const std::vector<std::string>& except) {
  for (const Option& option : options) {
    if (std::ranges::count(except, option.name) > 0) continue;
    std::string name = "--" + option.name;
    std::ranges::replace(name, '_', '-');
    if (option.kind == Option::Kind::flag) {
      const std::string off = "!--no-" + name.substr(2);
      app.add_flag_function(
          name + "," + off, [&given, key = option.name](std::int64_t count) { given[key] = count > 0; }, option.help);
      continue;
    }
    const bool list = option.kind == Option::Kind::list;
    const auto take = [&given, option, name, list](const std::vector<std::string>& texts) {
      Json values = Json::array();
      for (const std::string& text : texts) values.push_back(option.parse(text, name));
      given[option.name] = list ? values : values.back();
    };
    app.add_option_function<std::vector<std::string>>(name, take, option.help)
        ->type_name(option.words)
        ->expected(1, list ? CLI::detail::expected_max_vector_size : 1);
  }
}

void ProcessOptions::add_to(CLI::App& app) {
  const auto text = [&](const char* option, const char* key, const char* help) {
    app.add_option_function<std::string>(
        option, [this, key](const std::string& value) { given[key] = value; }, help);
  };
  text("--process", "name", "diffusion (epsilon) or flow (matching, as SiT): where neither profile nor file says it");
  text("--noise-schedule", "noise_schedule", "of the diffusion: linear or cosine");
  text("--path", "path", "of flow: linear, gvp or vp");
  text("--prediction", "prediction", "of flow: velocity, score or noise");
  text("--loss-weight", "loss_weight", "of flow: none, velocity or likelihood");
}

std::optional<diffusion::ProcessSpec> ProcessOptions::process() const {
  if (given.empty()) return std::nullopt;
  const std::string name = given.value("name", diffusion::ProcessSpec().name);
  for (const char* option : {"path", "prediction", "loss-weight"})
    if (given.contains(std::string(option) == "loss-weight" ? "loss_weight" : option) && name != "flow")
      throw UsageError("an option of flow matching", std::string("--") + option,
                       "give --process flow, or leave it out");
  if (given.contains("noise_schedule") && name == "flow")
    throw UsageError("an option of the diffusion", "--noise-schedule", "leave it out");
  return diffusion::process_spec_from_json(given, "--process");
}

void ConfigurationOptions::add_to(CLI::App& app) {
  app.add_option_function<std::string>(
      "--model", [this](const std::string& name) { given["name"] = name; },
      "a published configuration, DiT-S/2 ... DiT-XL/8, or SiT-S/2 ... of flow matching");
  add_options(app, dit::configuration_schema().options(), given, {"name", "dynamic", "first_unit_always_on"});
}

void add_round_to_tiles(CLI::App& app, std::string& costs) {
  app.add_option("--round-to-tiles", costs,
                 "run of dydit costs, by which heads and groups stay on that save no time when they are off")
      ->type_name("RUN");
}

void require_whole(const run::Finished& finished) {
  if (finished.failed > 0)
    throw RunError(fmt::format("{} cell{} failed", finished.failed, finished.failed == 1 ? "" : "s"),
                   finished.path.string(), "see its results.jsonl; --retry-failed runs them again");
}

}  // namespace dydit::cli
