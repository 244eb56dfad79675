// SPDX-License-Identifier: Apache-2.0
#include "study/catalog.h"

namespace dydit::study {

// Each is a published configuration with routers that takes the spec's input size and the shares kept of each axis, and
// each of the engines is one of its family.
static void require_models(const SpeedSpec& spec, const std::string& where, const engine::Families& families) {
  for (const std::string& name : spec.models) {
    const engine::Family& family = engine::family_of(families, name);
    const model::Architecture architecture = family.describe(name, spec.input_size);
    if (!architecture.dynamic())
      throw UsageError("a model without routers", where + ": " + name, "give DyDiT-S/2 or the like");
    for (const std::string& engine : spec.engine) family.engine(engine);
    for (const auto& [axis, values] : spec.axes)
      if (axis == "keep")
        for (const Json& value : values)
          require_axes(kept_from_json(value, where), architecture.units, where + ": " + name);
  }
}

Names Catalog::names() const {
  Names names{.studies = {studies.begin(), studies.end()},
              .sweep = {.axes = axes, .engines = {}, .require_models = {}}};
  for (const engine::Row& row : engine::engines_of(families)) names.sweep.engines.push_back(row.name);
  names.sweep.require_models = [families = families](const SpeedSpec& spec, const std::string& where) {
    require_models(spec, where, families);
  };
  return names;
}

}  // namespace dydit::study
