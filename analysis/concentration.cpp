// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "analysis/loss_map.h"
#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

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

std::vector<ModelConcentration> concentrations(std::span<const record::Run> runs,
                                               std::uint64_t bootstrap_seed) {
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

}  // namespace dydit::analysis
