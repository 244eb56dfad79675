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

run::RunSettings Machine::settings(const distributed::ProcessGroup& group) const {
  run::RunSettings settings;
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

void Output::add_to(CLI::App& app) {
  app.add_option("--out", out, "run directory (default: runs/<profile>-<n>); an unfinished one is resumed");
  app.add_flag("--force", force, "go on in a run directory of another profile, weights or revision");
  app.add_flag("--retry-failed", retry_failed, "run failed cells again");
}

void Output::fill(run::RunSettings& settings) const {
  settings.out = out;
  settings.open = {.force = force, .retry_failed = retry_failed};
}

void CheckpointOption::add_to(CLI::App& app, bool required) {
  app.add_option("--checkpoint", path, "weights: .safetensors, .pt, or a folder of diffusers")
      ->required(required);
  app.add_option("--weights", weights, "ema, model or automatic (ema where it is there)")
      ->capture_default_str();
  add_number(app, "--num-heads", model::bounds::num_heads, into(num_heads),
             "heads, where the checkpoint does not tell");
}

void ConfigurationOptions::add_to(CLI::App& app) {
  const auto number = [&](const char* option, const char* key, const auto& bounds, const char* help) {
    add_number(app, option, bounds, [this, key](auto value) { given[key] = value; }, help);
  };
  app.add_option_function<std::string>(
      "--model", [this](const std::string& name) { given["name"] = name; },
      "a published configuration, DiT-S/2 ... DiT-XL/8");
  number("--input-size", "input_size", model::bounds::input_size, "side of the latent or image");
  number("--patch-size", "patch_size", model::bounds::patch_size, "side of a patch");
  number("--in-channels", "in_channels", model::bounds::in_channels, "channels of the latent or image");
  number("--hidden-size", "hidden_size", model::bounds::hidden_size, "width D");
  number("--depth", "depth", model::bounds::depth, "number of blocks");
  number("--num-heads", "num_heads", model::bounds::num_heads, "attention heads");
  number("--num-classes", "num_classes", model::bounds::num_classes, "labels, without the one for no class");
  number("--mlp-ratio", "mlp_ratio", model::bounds::mlp_ratio, "hidden layer of the MLP over D");
  app.add_flag_callback(
      "--no-learn-sigma", [this] { given["learn_sigma"] = false; }, "the output is epsilon alone");
}

void require_whole(const run::Finished& finished) {
  if (finished.failed > 0)
    throw RunError(fmt::format("{} cell{} failed", finished.failed, finished.failed == 1 ? "" : "s"),
                   finished.path.string(), "see its results.jsonl; --retry-failed runs them again");
}

void add_normalise(CLI::App& app, std::string& normalise) {
  app.add_option("--normalise", normalise,
                 "scale of the loss maps: one for each timestep, or each map its own as in the paper")
      ->check(CLI::IsMember({"timestep", "each"}));
}

std::vector<std::string> arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> out;
  for (std::string argument; std::getline(file, argument, '\0');) out.push_back(argument);
  if (!out.empty()) out[0] = std::filesystem::path(out[0]).filename().string();
  return out;
}

std::string command_line(const std::vector<std::string>& arguments) {
  std::string line = "dydit";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const bool plain =
        arguments[i].find_first_not_of(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=./:,@") == std::string::npos;
    std::string quoted = arguments[i];
    for (std::size_t at = 0; (at = quoted.find('\'', at)) != std::string::npos; at += 4)
      quoted.replace(at, 1, "'\\''");
    line += " " + (plain && !quoted.empty() ? quoted : "'" + quoted + "'");
  }
  return line;
}

}  // namespace dydit::cli
