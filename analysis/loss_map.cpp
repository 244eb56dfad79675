// SPDX-License-Identifier: Apache-2.0
#include "analysis/loss_map.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using Eigen::Index;

/// How many squares a token's loss is a mean of.
static std::int64_t squares_of(const Chunk& chunk) {
  constexpr double most = 1e7;  // of a token of 16 x 16 x 3 and 10,000 draws; more take chance_concentration long
  const double squares = static_cast<double>(chunk.floats("image", 4).shape[1]) *
                         std::pow(static_cast<double>(axis(*chunk.record, "patch")), 2) *
                         static_cast<double>(axis(*chunk.record, "draws"));
  if (squares < 1 || squares > most) throw InputError("patch or draws are out of range", chunk.file);
  return static_cast<std::int64_t>(squares);
}

static ModelConcentration concentration_of(const ModelChunks& model, std::uint64_t seed) {
  const Chunk& first = model.chunks().front();
  const std::int64_t patch = axis(*first.record, "patch");
  const Index steps = std::ssize(model.timesteps());
  Eigen::MatrixXd values(std::ssize(model.images()), 2 * steps);
  Index row = 0;
  for (const auto& [index, place] : model.images()) {
    const auto& shape = place.chunk->floats("map", 4).shape;
    if (axis(*place.chunk->record, "patch") != patch)
      throw InputError("chunks of one model have different patches", place.chunk->file);
    for (Index k = 0; k < steps; ++k) {
      const auto map = place.values("map", 4, static_cast<std::size_t>(k));
      const Concentration spread = concentration(token_means(map, shape[2], shape[3], patch));
      values(row, k) = spread.gini;
      values(row, steps + k) = spread.hardest_share;
    }
    ++row;
  }
  const auto intervals = bootstrap_means(values, seed);
  const auto middle = intervals.begin() + steps;
  return {model.name(),
          values.rows(),
          model.timesteps(),
          {intervals.begin(), middle},
          {middle, intervals.end()},
          chance_concentration(squares_of(first))};
}

std::vector<ModelConcentration> concentrations(std::span<const record::Run> runs, std::uint64_t bootstrap_seed) {
  std::vector<ModelConcentration> result;
  for (const ModelChunks& model : chunks_of(runs, "loss-map"))
    result.push_back(concentration_of(model, bootstrap_seed));
  return result;
}

std::string to_csv(const std::vector<ModelConcentration>& result) {
  std::string csv =
      "timestep,images,gini,gini_low,gini_high,hardest_share,hardest_share_low,hardest_share_high,"
      "chance_gini,chance_hardest_share,model\n";
  for (const ModelConcentration& model : result)
    for (std::size_t k = 0; k < model.timesteps.size(); ++k)
      csv += csv_line(model.timesteps[k], model.images, model.gini[k], model.hardest_share[k], model.chance.gini,
                      model.chance.hardest_share, model.model);
  return csv;
}

namespace {

bool in_every_model(const std::vector<ModelChunks>& models, std::int64_t index) {
  return std::all_of(models.begin(), models.end(), [&](const auto& model) { return model.images().contains(index); });
}

/// The first image of each class; filled up with, or without labels made of, the first images.
std::vector<std::int64_t> choose_images(const std::vector<ModelChunks>& models, std::size_t count) {
  std::vector<std::int64_t> chosen, others;
  std::set<std::int64_t> classes;
  for (const auto& [index, place] : models.back().images()) {
    if (!in_every_model(models, index)) continue;
    const auto labels = place.chunk->tensors.find("label");
    const bool first =
        labels != place.chunk->tensors.end() && classes.insert(labels->second.as<std::int64_t>()[place.row]).second;
    (first ? chosen : others).push_back(index);
  }
  chosen.insert(chosen.end(), others.begin(), others.end());
  chosen.resize(std::min(chosen.size(), count));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

/// Positions of at most `count` of `size` timesteps, first and last included.
std::vector<std::size_t> spread(std::size_t size, std::size_t count) {
  std::vector<std::size_t> positions;
  count = std::min(size, count);
  for (std::size_t i = 0; i < count; ++i)
    positions.push_back(count == 1 ? 0 : (i * (size - 1) + (count - 1) / 2) / (count - 1));
  return positions;
}

}  // namespace

std::vector<std::uint8_t> rgb_of(const Tensor& images, std::size_t row) {
  const auto channels = static_cast<std::size_t>(images.shape[1]);
  const auto pixels = static_cast<std::size_t>(images.shape[2] * images.shape[3]);
  const auto values = images.as<float>().subspan(row * channels * pixels, channels * pixels);
  std::vector<std::uint8_t> rgb(3 * pixels);
  for (std::size_t pixel = 0; pixel < pixels; ++pixel)
    for (std::size_t c = 0; c < 3; ++c) {
      const float value = values[(channels < 3 ? 0 : c) * pixels + pixel];
      rgb[3 * pixel + c] = static_cast<std::uint8_t>(
          std::isnan(value) ? 0 : std::lround(std::clamp((value + 1) * 127.5F, 0.0F, 255.0F)));
    }
  return rgb;
}

namespace {

const char* name_of(Mapped mapped) { return mapped == Mapped::loss ? "map" : "compute"; }

MapRow map_row(const ModelChunks& model, Mapped mapped, std::int64_t index, const std::vector<std::size_t>& positions) {
  const Place place = model.images().at(index);
  MapRow row{index, rgb_of(place.chunk->floats("image", 4), place.row), {}};
  for (const std::size_t position : positions) {
    const auto map = place.values(name_of(mapped), 4, position);
    row.maps.emplace_back(map.begin(), map.end());
  }
  return row;
}

/// An empty grid for the maps of a model.
MapGrid grid_of(const ModelChunks& model, Mapped mapped) {
  const Chunk& chunk = model.chunks().front();
  const auto &map = chunk.floats(name_of(mapped), 4).shape, &image = chunk.floats("image", 4).shape;
  const std::int64_t token = image[2] / map[2];
  if (image[2] != token * map[2] || image[3] != token * map[3])
    throw InputError("images and maps differ in size", chunk.file);
  return {mapped, model.name(), image[2], image[3], token, {}, {}};
}

}  // namespace

ShownMaps maps_of_profile(std::span<const record::Run> runs) {
  const record::Run& first = runs.front();
  const auto profile = entry(first, first.manifest, "profile", record::Json::object());
  const auto map = entry(first, profile, "loss-map", record::Json::object());
  return {entry(first, map, "shown", std::size_t{6}), entry(first, map, "normalise_each", false)};
}

std::vector<MapGrid> map_grids(std::span<const record::Run> runs, Mapped mapped, std::size_t images,
                               std::size_t columns) {
  const auto models = chunks_of(runs, mapped == Mapped::loss ? "loss-map" : "compute-map");
  std::vector<MapGrid> grids;
  if (models.empty()) return grids;
  const auto chosen = choose_images(models, images);
  for (std::size_t m = models.size(); m-- > 0 && !chosen.empty();) {
    const auto positions = spread(models[m].timesteps().size(), columns);
    MapGrid& grid = grids.emplace_back(grid_of(models[m], mapped));
    for (const std::size_t position : positions) grid.timesteps.push_back(models[m].timesteps()[position]);
    for (const std::int64_t index : chosen) {
      grid.rows.push_back(map_row(models[m], mapped, index, positions));
      const auto pixels = static_cast<std::size_t>(grid.height * grid.width);
      if (grid.rows.back().rgb.size() != 3 * pixels ||
          grid.rows.back().maps.front().size() * static_cast<std::size_t>(grid.token * grid.token) != pixels)
        throw InputError("maps of one model differ in size", grid.model);
    }
  }
  return grids;
}

}  // namespace dydit::analysis
