// SPDX-License-Identifier: Apache-2.0
#include <ATen/DeviceAccelerator.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "data/subset.h"
#include "subjects.h"
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

void require_files(const Profile& profile) {
  std::vector<std::string> missing;
  const auto look = [&](const std::string& path) {
    if (!path.empty() && !std::filesystem::exists(path)) missing.push_back(path);
  };
  if (!profile.data.path.starts_with("synthetic:")) look(profile.data.path);
  for (const ModelSpec& model : profile.models) look(model.checkpoint);
  look(profile.history);
  if (!missing.empty())
    throw InputError(fmt::format("{} of the profile's files missing", missing.size()),
                     fmt::format("{}", fmt::join(missing, ", ")), "put them there or change the profile");
}

// Prints what the studies take.
void estimate(const Profile& profile, const RunSettings& settings, Subjects& subjects) {
  const auto images = [&](std::int64_t asked) {
    return data::Subset(subjects.dataset, asked == 0 ? subjects.dataset->size() : asked).size();
  };
  const std::int64_t batch =
      profile.loss_gap ? std::min(profile.loss_gap->chunk, images(profile.loss_gap->images)) : 64;
  // Images times timesteps times draws.
  const auto of_curve = [&](const CurveSpec& spec) {
    return static_cast<double>(images(spec.images)) * static_cast<double>(timesteps_of(spec).size());
  };
  const auto of_map = [&](const MapSpec& spec) {
    return static_cast<double>(images(spec.images) * spec.draws) * static_cast<double>(spec.timesteps.size());
  };
  std::map<std::string, double> passes;
  const auto add = [&](const std::vector<study::Model>& models, double more) {
    for (const study::Model& model : models) passes[model.name] += more;
  };
  const auto& models = subjects.models;
  if (const auto& spec = profile.loss_gap) add(curve_models(*spec, models), of_curve(*spec));
  if (const auto& spec = profile.loss_map) add(loss_map_models(*spec, models), of_map(*spec));
  if (const auto& spec = profile.activation) add(activation_models(*spec, models), of_curve(*spec));
  if (const auto& spec = profile.compute_map) add(compute_map_models(*spec, models), of_map(*spec));
  std::string table = fmt::format("{:<24} {:>12} {:>10} {:>14} {:>12}\n", "model", "parameters", "GMACs",
                                  "images/s", "minutes");
  double total = 0;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const double rate = static_cast<double>(batch) / forward_seconds(subjects.models[i], settings, batch);
    const double minutes = passes[models[i].name] / rate / 60;
    const Json& described = subjects.described[i];
    table += fmt::format("{:<24} {:>12} {:>10.3f} {:>14.1f} {:>12.1f}\n", models[i].name,
                         described["parameters"].get<std::int64_t>(), described["gmacs"].get<double>(), rate,
                         minutes);
    total += minutes;
  }
  fmt::print("{}about {:.1f} minutes on {}{}, peak memory {:.2f} GiB\n", table, total, settings.device.str(),
             profile.sweep ? " without the sweep" : "", peak_memory(settings.device));
}

void tell_of_sweep(const study::SpeedSpec& s) {
  if (!s.models.empty())
    fmt::print("sweep: models {}, batches {}, shares {} and everything on, in {} blocks each (no estimate)\n",
               fmt::join(s.models, " "), fmt::join(s.batch, " "), fmt::join(s.keep, " "), s.blocks);
  if (!s.trained.empty())
    fmt::print("sweep: trained {}, batches {}, at {} timesteps, in {} blocks each (no estimate)\n",
               fmt::join(s.trained, " "), fmt::join(s.trained_batch, " "), s.timesteps, s.blocks);
}

}  // namespace

void dry_run(const Profile& profile, const RunSettings& settings) {
  require_runnable(profile, settings);
  if (profile.has_subjects()) {
    require_files(profile);
    Subjects subjects = open_subjects(profile, settings);
    trained_of(profile, settings, subjects);
    tell_weights(profile, subjects, settings);
    if (profile.has_studies()) estimate(profile, settings, subjects);
    fmt::print("data: {} images in {} classes\n", subjects.dataset->size(), subjects.dataset->classes());
  }
  if (profile.sweep) tell_of_sweep(*profile.sweep);
}

}  // namespace dydit::run
