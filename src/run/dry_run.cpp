// SPDX-License-Identifier: Apache-2.0
#include <ATen/DeviceAccelerator.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "data/subset.h"
#include "setup.h"
#include "weights.h"

namespace dydit::run {

namespace {

using Clock = std::chrono::steady_clock;

// Seconds of one forward pass over `batch` images: the second of two.
double forward_seconds(study::Model& model, const RunSettings& settings, std::int64_t batch) {
  torch::InferenceMode inference;
  const auto& c = model.dit->configuration;
  const auto options = torch::TensorOptions().device(settings.device);
  const torch::Tensor x = torch::randn({batch, c.in_channels, c.input_size, c.input_size}, options);
  const torch::Tensor t = torch::zeros({batch}, options.dtype(torch::kInt64));
  double seconds = 0;
  for (int pass = 0; pass < 2; ++pass) {
    const auto begin = Clock::now();
    model.forward(x, t, t).sum().item<float>();  // waits for the device
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return seconds;
}

// High-water mark of this process (CPU) or of the device's allocations, in GiB.
double peak_memory(torch::Device device) {
  constexpr double gib = 1024.0 * 1024 * 1024;
  if (device.is_cuda()) {
    const auto stats = at::accelerator::getDeviceStats(device.index());
    return static_cast<double>(stats.reserved_bytes[0].peak) / gib;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / gib;
}

}  // namespace

void dry_run(const Profile& profile, const RunSettings& settings) {
  if (profile.sweep)
    fmt::print("sweep: models {}, batches {}, shares {} and everything on, in {} blocks each (no estimate)\n",
               fmt::join(profile.sweep->models, " "), fmt::join(profile.sweep->batch, " "),
               fmt::join(profile.sweep->keep, " "), profile.sweep->blocks);
  if (profile.sweep && !profile.has_studies()) return;
  if (profile.models.empty()) throw UsageError("no model to study", profile.name, "add models");
  if (profile.data.path.empty()) throw UsageError("no data", "", "give --data or data.path in the profile");
  std::vector<std::string> missing;
  if (!profile.data.path.starts_with("synthetic:") && !std::filesystem::exists(profile.data.path))
    missing.push_back(profile.data.path);
  for (const ModelSpec& model : profile.models)
    if (!model.checkpoint.empty() && !std::filesystem::exists(model.checkpoint)) missing.push_back(model.checkpoint);
  if (!profile.history.empty() && !std::filesystem::exists(profile.history))
    missing.push_back(profile.history);
  if (!missing.empty()) {
    std::string list;
    for (const std::string& path : missing) list += (list.empty() ? "" : ", ") + path;
    throw InputError(fmt::format("{} of the profile's files missing", missing.size()), list,
                     "put them there or change the profile");
  }
  const auto dataset = open_data(profile.data, profile.seed);
  const auto images = [&](std::int64_t asked) {
    return data::Subset(dataset, asked == 0 ? dataset->size() : asked).size();
  };
  const std::int64_t batch = profile.loss_gap ? std::min(profile.loss_gap->chunk, images(profile.loss_gap->images)) : 64;
  // Images times timesteps times draws.
  const auto of_curve = [&](const CurveSpec& spec) {
    return static_cast<double>(images(spec.images)) * static_cast<double>(timesteps_of(spec).size());
  };
  const auto of_map = [&](const MapSpec& spec) {
    return static_cast<double>(images(spec.images) * spec.draws) * static_cast<double>(spec.timesteps.size());
  };
  std::vector<study::Model> models;
  for (const ModelSpec& spec : profile.models) models.push_back(open_model(spec, settings));
  const auto among = [](const std::vector<study::Model>& chosen, const study::Model& model) {
    return std::ranges::any_of(chosen, [&](const study::Model& one) { return one.name == model.name; });
  };
  std::string table =
      fmt::format("{:<24} {:>12} {:>10} {:>14} {:>12}\n", "model", "parameters", "GMACs", "images/s", "minutes");
  double total = 0;
  for (study::Model& model : models) {
    require_fit(*dataset, profile.data, model.dit->configuration, model.name);
    const double rate = static_cast<double>(batch) / forward_seconds(model, settings, batch);
    double passes = 0;
    if (profile.loss_gap && among(curve_models(*profile.loss_gap, models), model)) passes += of_curve(*profile.loss_gap);
    if (profile.loss_map && among(loss_map_models(*profile.loss_map, models), model)) passes += of_map(*profile.loss_map);
    if (profile.activation && among(activation_models(*profile.activation, models), model)) passes += of_curve(*profile.activation);
    if (profile.compute_map && among(compute_map_models(*profile.compute_map, models), model))
      passes += of_map(*profile.compute_map);
    const Json described = describe_model(model.name, model.dit->configuration);
    table += fmt::format("{:<24} {:>12} {:>10.3f} {:>14.1f} {:>12.1f}\n", model.name,
                         described["parameters"].get<std::int64_t>(), described["gmacs"].get<double>(), rate,
                         passes / rate / 60);
    total += passes / rate / 60;
  }
  fmt::print("{}data: {} images in {} classes\n", table, dataset->size(), dataset->classes());
  fmt::print("about {:.1f} minutes on {}, peak memory {:.2f} GiB\n", total, settings.device.str(),
             peak_memory(settings.device));
}

}  // namespace dydit::run
