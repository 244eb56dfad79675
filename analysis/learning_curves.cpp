// SPDX-License-Identifier: Apache-2.0
#include "analysis/learning_curves.h"

#include <algorithm>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

static double value(const record::Record& record, const std::string& name) {
  const auto found = record.metrics.find(name);
  return found == record.metrics.end() ? missing : found->second.value;
}

std::vector<LearningCurve> learning_curves(std::span<const record::Run> runs) {
  std::vector<LearningCurve> curves;
  for (const std::string& model : models_of(runs, "train")) {
    LearningCurve& curve =
        curves.emplace_back(LearningCurve{.model = model, .points = {}, .units = model_in(runs, model).units});
    std::map<std::int64_t, LearningPoint> points;
    for (const record::Run& run : runs)
      for (const record::Record* record : records_of(run, "train", model)) {
        const std::int64_t step = axis(*record, "step");
        points[step] = {.step = step,
                        .train_mse = value(*record, "train_mse"),
                        .held_out_mse = value(*record, "held_out_mse"),
                        .lambda_target = value(*record, "lambda_target"),
                        .lambda_realised = value(*record, "lambda_realised"),
                        .complete_mse = value(*record, "held_out_complete_mse")};
        for (const UnitAxis& axis : curve.units) points[step].units_on[axis.name] = value(*record, axis.metric);
        curve.decide = text_axis(*record, "decide");
        curve.skip = text_axis(*record, "skip");
        curve.order = text_axis(*record, "order");
      }
    for (const auto& [step, point] : points) curve.points.push_back(point);
  }
  return curves;
}

std::vector<UnitAxis> unit_axes(const std::vector<LearningCurve>& curves) {
  std::vector<UnitAxis> all;
  for (const LearningCurve& curve : curves)
    for (const UnitAxis& axis : curve.units)
      if (std::none_of(all.begin(), all.end(), [&](const UnitAxis& other) { return other.name == axis.name; }))
        all.push_back(axis);
  return all;
}

std::string to_csv(const std::vector<LearningCurve>& curves) {
  const auto axes = unit_axes(curves);
  std::string csv = "step,train_mse,held_out_mse,lambda_target,lambda_realised";
  for (const UnitAxis& axis : axes) csv += fmt::format(",{}", csv_field(axis.metric));
  csv += ",held_out_complete_mse,model\n";
  for (const LearningCurve& curve : curves)
    for (const LearningPoint& p : curve.points) {
      csv += std::to_string(p.step);
      for (const double number : {p.train_mse, p.held_out_mse, p.lambda_target, p.lambda_realised})
        csv += fmt::format(",{}", csv_field(number));
      for (const UnitAxis& axis : axes) csv += fmt::format(",{}", csv_field(p.on(axis)));
      csv += fmt::format(",{}", csv_line(p.complete_mse, curve.model));
    }
  return csv;
}

}  // namespace dydit::analysis
