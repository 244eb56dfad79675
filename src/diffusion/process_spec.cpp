// SPDX-License-Identifier: Apache-2.0
#include "diffusion/process_spec.h"

#include <fmt/format.h>

#include "base/keys.h"
#include "diffusion/schedule.h"
#include "named.h"

namespace dydit::diffusion {

FlowKind flow_kind(const ProcessSpec& spec, const std::string& where) {
  const FlowKind kind{
      named<Path>("path", spec.path, {{"linear", Path::linear}, {"gvp", Path::gvp}, {"vp", Path::vp}}, where + ".path"),
      named<Prediction>(
          "prediction", spec.prediction,
          {{"velocity", Prediction::velocity}, {"score", Prediction::score}, {"noise", Prediction::noise}},
          where + ".prediction"),
      named<LossWeight>(
          "loss weight", spec.loss_weight,
          {{"none", LossWeight::none}, {"velocity", LossWeight::velocity}, {"likelihood", LossWeight::likelihood}},
          where + ".loss_weight")};
  if (spec.prediction == "velocity" && spec.loss_weight != "none")
    throw UsageError("a velocity has no loss weight", where + ".loss_weight = " + spec.loss_weight,
                     "leave it out, or predict score or noise");
  return kind;
}

nlohmann::ordered_json to_json(const ProcessSpec& spec) {
  if (spec.name == "diffusion") return {{"name", spec.name}, {"noise_schedule", spec.noise_schedule}};
  return {{"name", spec.name}, {"path", spec.path}, {"prediction", spec.prediction}, {"loss_weight", spec.loss_weight}};
}

ProcessSpec process_spec_from_json(const nlohmann::ordered_json& json, const std::string& where) {
  ProcessSpec spec;
  Keys keys(json, where);
  keys.read("name", spec.name);
  if (is_flow(spec.name, where + ".name")) {
    keys.read("path", spec.path).read("prediction", spec.prediction).read("loss_weight", spec.loss_weight).finish();
    flow_kind(spec, where);
  } else {
    keys.read("noise_schedule", spec.noise_schedule).finish();
    noise_schedule(spec.noise_schedule, where + ".noise_schedule");
  }
  return spec;
}

std::string words(const ProcessSpec& spec) {
  if (spec.name == "diffusion") return fmt::format("epsilon diffusion, {} schedule", spec.noise_schedule);
  return fmt::format("flow matching, {} path, {}{}", spec.path, spec.prediction,
                     spec.loss_weight == "none" ? "" : fmt::format(", {} weight", spec.loss_weight));
}

}  // namespace dydit::diffusion
