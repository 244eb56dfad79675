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
#include "data/views.h"
#include "setup.h"

namespace dydit::run {

namespace {

using Clock = std::chrono::steady_clock;

// Seconds of one forward pass over `batch` images: the second of two.
double forward_seconds(study::Model& model, const RunSettings& settings, std::int64_t batch) {
  torch::InferenceMode inference;
  const auto& of = model.network->architecture;
  const auto options = torch::TensorOptions().device(settings.device);
  const torch::Tensor x = torch::randn({batch, of.channels, of.side, of.side}, options);
  const torch::Tensor t = torch::zeros({batch}, options.dtype(torch::kInt64));
  double seconds = 0;
  for (int pass = 0; pass < 2; ++pass) {
    const auto begin = Clock::now();
    model.engine->forward({x, t, t}).output.sum().item<float>();  // waits for the device
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
  if (profile.sampling) {
    look(profile.sampling->features);
    look(profile.sampling->reference);
  }
  if (!missing.empty())
    throw InputError(fmt::format("{} of the profile's files missing", missing.size()),
                     fmt::format("{}", fmt::join(missing, ", ")), "put them there or change the profile");
}

// Prints what the studies take.
void estimate(const Profile& profile, const RunSettings& settings, Subjects& subjects) {
  const auto images = [&](std::int64_t asked) {
    return data::Subset(subjects.dataset, asked == 0 ? subjects.dataset->size() : asked).size();
  };
  std::int64_t batch = 1;
  std::map<std::string, double> passes;  // images times timesteps times draws
  const auto& models = subjects.models;
  for (const StudySpec& spec : profile.studies) {
    const auto& o = spec.options;
    batch = std::max(batch, std::min(o.chunk, images(o.images)));
    const auto of_model =
        static_cast<double>(images(o.images) * o.draws) * static_cast<double>(times_of(spec, subjects.process).size());
    for (const study::Model& model : chosen(o.models, spec.info.models, models, spec.info.name + ".models"))
      passes[model.name] += of_model;
  }
  std::string table =
      fmt::format("{:<24} {:>12} {:>10} {:>14} {:>12}\n", "model", "parameters", "GMACs", "images/s", "minutes");
  double total = 0;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const double rate = static_cast<double>(batch) / forward_seconds(subjects.models[i], settings, batch);
    const double minutes = passes[models[i].name] / rate / 60;
    const Json& described = subjects.described[i];
    table += fmt::format("{:<24} {:>12} {:>10.3f} {:>14.1f} {:>12.1f}\n", models[i].name,
                         described["parameters"].get<std::int64_t>(), described["gmacs"].get<double>(), rate, minutes);
    total += minutes;
  }
  fmt::print("{}about {:.1f} minutes on {}{}, peak memory {:.2f} GiB\n", table, total, settings.device.str(),
             profile.sweep || profile.sampling ? " without what is timed" : "", peak_memory(settings.device));
}

void tell_of_sweep(const study::SpeedSpec& s) {
  std::string axes;
  for (const auto& [name, values] : s.axes) axes += fmt::format(", {} {}", name, Json(values).dump());
  if (!s.models.empty())
    fmt::print("sweep: models {}{} and everything on, in {} blocks each (no estimate)\n", fmt::join(s.models, " "),
               axes, s.blocks);
  if (!s.trained.empty())
    fmt::print("sweep: trained {}, batches {}, at {} timesteps, in {} blocks each (no estimate)\n",
               fmt::join(s.trained, " "), fmt::join(s.trained_batch, " "), s.timesteps, s.blocks);
}

void tell_of_sampling(const study::SamplingSweep& s) {
  std::vector<std::string> models = s.models;
  models.insert(models.end(), s.trained.begin(), s.trained.end());
  fmt::print("sampling: models {}, {} in {} steps, caches {}, in {} blocks each (no estimate)\n",
             fmt::join(models, " "), fmt::join(s.sampler, " "), fmt::join(s.steps, " "), fmt::join(s.cache, " "),
             s.blocks);
}

}  // namespace

void dry_run(const Profile& asked, const RunSettings& settings) {
  require_runnable(asked, settings);
  Profile profile = asked;
  if (profile.has_subjects()) {
    require_files(profile);
    Subjects subjects = open_subjects(profile, settings);
    tell_weights(profile, subjects, settings);
    if (!profile.studies.empty()) estimate(profile, settings, subjects);
    fmt::print("data: {} images in {} classes\n", subjects.dataset->size(), subjects.dataset->classes());
  }
  if (profile.sweep) tell_of_sweep(*profile.sweep);
  if (profile.sampling) tell_of_sampling(*profile.sampling);
}

}  // namespace dydit::run
