// SPDX-License-Identifier: Apache-2.0
#include "made_up_run.h"

#include <cmath>

#include "base/random.h"

namespace dydit::test {

using checkpoint::Tensor;
using record::Json;
using record::Record;
using record::RunDirectory;

namespace {

template <typename T>
Tensor tensor(const std::vector<T>& values, std::vector<std::int64_t> shape) {
  return Tensor::of<T>(values, std::move(shape));
}

std::int64_t count_of(const auto& values) { return static_cast<std::int64_t>(values.size()); }

std::vector<std::int64_t> range(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(first + i);
  return values;
}

double mean_loss(std::int64_t timestep) { return 0.9 * std::exp(-std::pow(timestep / 60.0, 0.6)) + 0.002; }

Record cell(const std::string& study, Json axes) {
  Record record{.cell = "", .study = study, .axes = std::move(axes)};
  record.cell = record::cell_hash(record.study, record.axes, {}, 1);
  return record;
}

void add_gap(RunDirectory& run, const MadeUp& made_up) {
  for (std::size_t m = 0; m < made_up.models.size(); ++m)
    for (std::int64_t first = 0; first < made_up.images; first += made_up.chunk) {
      const auto index = range(first, std::min(made_up.chunk, made_up.images - first));
      std::vector<float> mse;
      for (const std::int64_t image : index)
        for (const std::int64_t timestep : made_up.timesteps) {
          float noise[2];
          Random(made_up.seed, Purpose::noise, static_cast<std::uint64_t>(image), static_cast<std::uint64_t>(timestep))
              .fill_normal(noise);
          const double worse = static_cast<double>(made_up.models.size() - 1 - m) * true_gap(timestep);
          mse.push_back(static_cast<float>(mean_loss(timestep) * (1 + 0.2 * noise[0]) + worse * (1 + 0.5 * noise[1])));
        }
      add_gap_chunk(run, made_up.models[m], index, made_up.timesteps, mse);
    }
}

void add_maps(RunDirectory& run, const MadeUp& made_up, const std::string& model, double contrast) {
  const std::int64_t n = made_up.map_images, side = made_up.size, pixels = side * side;
  std::vector<float> image(static_cast<std::size_t>(n * 3 * pixels)), map;
  for (std::int64_t i = 0; i < n; ++i) {
    // A bright disc on a dark ground; its rim is hard to predict.
    const double middle = static_cast<double>(side) * (0.4 + 0.03 * static_cast<double>(i % 8)),
                 radius = static_cast<double>(side) * 0.25;
    const auto rim = [&](std::int64_t p) {
      return std::hypot(static_cast<double>(p / side) - middle, static_cast<double>(p % side) - middle) - radius;
    };
    for (std::int64_t c = 0; c < 3; ++c)
      for (std::int64_t p = 0; p < pixels; ++p)
        image[static_cast<std::size_t>((i * 3 + c) * pixels + p)] =
            rim(p) < 0 ? 0.9F - 0.3F * static_cast<float>(c) : -0.6F;
    for (const std::int64_t timestep : made_up.timesteps) {
      std::vector<float> noise(static_cast<std::size_t>(pixels));
      Random(made_up.seed, Purpose::synthetic, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(timestep))
          .fill_uniform(noise, 0.7F, 1.3F);
      for (std::int64_t p = 0; p < pixels; ++p)
        map.push_back(static_cast<float>(mean_loss(timestep) * (0.4 + contrast * std::exp(-std::pow(rim(p) / 2, 2)))) *
                      noise[static_cast<std::size_t>(p)]);
    }
  }
  Record record = cell("loss-map", {{"model", model}, {"first", 0}, {"count", n}, {"draws", 4}, {"patch", 2}});
  record.tensors = {"loss-map-" + record::safe_name(model) + "-0"};
  run.write_tensors(record.tensors.front(), {{"index", tensor(range(0, n), {n})},
                                             {"timestep", tensor(made_up.timesteps, {count_of(made_up.timesteps)})},
                                             {"image", tensor(image, {n, 3, side, side})},
                                             {"map", tensor(map, {n, count_of(made_up.timesteps), side, side})}});
  run.append(record);
}

void add_training(RunDirectory& run, const std::string& model, double best) {
  for (std::int64_t step = 0; step <= 20'000; step = step == 0 ? 100 : step * 2) {
    Record record = cell("train", {{"model", model}, {"step", step}});
    const double loss = best + std::exp(-std::pow(static_cast<double>(step) / 150.0, 0.5));
    record.metrics["held_out_mse"] = {loss, ""};
    record.metrics["train_mse"] = {step == 0 ? std::nan("") : loss * 1.03, ""};
    run.append(record);
  }
}

Json manifest_of(const MadeUp& made_up) {
  Json models = Json::array();
  for (const std::string& name : made_up.models)
    models.push_back(
        {{"name", name},
         {"configuration", {{"depth", 12}, {"width", 384}, {"heads", 6}, {"patch", 2}}},
         {"parameters", 32'500'000},
         {"gmacs", 5.46},
         {"checkpoint", "/somewhere/private/" + record::safe_name(name) + ".safetensors"},
         {"trained",
          {{"images", 50'000}, {"steps", 20'000}, {"batch", 256}, {"seconds", 5400.0}, {"device", "H200"}}}});
  return {{"identity", {{"seed", made_up.seed}}},
          {"profile", {{"name", "quick"}, {"data", "/somewhere/private/images.zip"}}},
          {"machine", {{"cpu", "Some CPU"}, {"cores", 2}}},
          {"build", {{"compiler", "GNU 12.2.0"}, {"revision", "0123abcd"}}},
          {"seed", made_up.seed},
          {"reproduce", "dydit reproduce /somewhere/private/quick.toml --seed 1"},
          {"models", models},
          {"data", {{"path", "/somewhere/private/images.zip"}, {"images", made_up.images}}}};
}

}  // namespace

double true_gap(std::int64_t timestep) { return 0.06 * std::exp(-static_cast<double>(timestep) / 120.0); }

void add_gap_chunk(RunDirectory& run, const std::string& model, const std::vector<std::int64_t>& index,
                   const std::vector<std::int64_t>& timesteps, const std::vector<float>& mse) {
  Record record = cell("loss-gap", {{"model", model}, {"first", index.front()}, {"count", count_of(index)}});
  record.tensors = {"loss-gap-" + record::safe_name(model) + "-" + std::to_string(index.front())};
  std::vector<float> vb = mse;
  for (float& value : vb) value *= 2;
  run.write_tensors(record.tensors.front(), {{"index", tensor(index, {count_of(index)})},
                                             {"timestep", tensor(timesteps, {count_of(timesteps)})},
                                             {"mse", tensor(mse, {count_of(index), count_of(timesteps)})},
                                             {"vb", tensor(vb, {count_of(index), count_of(timesteps)})}});
  run.append(record);
}

std::filesystem::path make_run(const std::filesystem::path& path, const MadeUp& made_up) {
  RunDirectory run(path, manifest_of(made_up));
  if (made_up.train)
    for (std::size_t m = 0; m < made_up.models.size(); ++m) add_training(run, made_up.models[m], m == 0 ? 0.05 : 0.04);
  if (made_up.gap) add_gap(run, made_up);
  if (made_up.map)
    for (std::size_t m = 0; m < made_up.models.size(); ++m)
      add_maps(run, made_up, made_up.models[m], 2 + static_cast<double>(m));
  Record failed = cell("loss-map", {{"model", made_up.models.front()}, {"first", 99}});
  failed.status = record::Status::failed;
  failed.error = "out of memory: /somewhere/private/model.pt";
  run.append(failed);
  run.finish();
  return path;
}

}  // namespace dydit::test
