// SPDX-License-Identifier: Apache-2.0
#include "analysis/learning_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

static double value(const record::Record& record, const std::string& name) {
  const auto found = record.metrics.find(name);
  return found == record.metrics.end() ? std::numeric_limits<double>::quiet_NaN() : found->second.value;
}

static std::string text_axis(const record::Record& record, const char* name) {
  const auto found = record.axes.find(name);
  return found != record.axes.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<LearningCurve> learning_curves(std::span<const record::Run> runs) {
  std::vector<LearningCurve> curves;
  for (const std::string& model : models_of(runs, "train")) {
    LearningCurve& curve = curves.emplace_back(
        LearningCurve{.model = model, .points = {}, .units = model_in(runs, model).units});
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
        for (const UnitAxis& axis : curve.units) points[step].units_on.push_back(value(*record, axis.metric));
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
      if (std::none_of(all.begin(), all.end(),
                       [&](const UnitAxis& other) { return other.name == axis.name; }))
        all.push_back(axis);
  return all;
}

double units_on(const LearningCurve& curve, const LearningPoint& point, const UnitAxis& axis) {
  for (std::size_t i = 0; i < std::min(curve.units.size(), point.units_on.size()); ++i)
    if (curve.units[i].name == axis.name) return point.units_on[i];
  return LearningPoint::missing;
}

std::string to_csv(const std::vector<LearningCurve>& curves) {
  const auto axes = unit_axes(curves);
  std::string csv = "step,train_mse,held_out_mse,lambda_target,lambda_realised";
  for (const UnitAxis& axis : axes) csv += fmt::format(",{}", csv_field(axis.metric));
  csv += ",held_out_complete_mse,model\n";
  for (const LearningCurve& curve : curves)
    for (const LearningPoint& p : curve.points) {
      csv += fmt::format("{}", p.step);
      for (const double number : {p.train_mse, p.held_out_mse, p.lambda_target, p.lambda_realised})
        csv += fmt::format(",{}", csv_number(number));
      for (const UnitAxis& axis : axes) csv += fmt::format(",{}", csv_number(units_on(curve, p, axis)));
      csv += fmt::format(",{},{}\n", csv_number(p.complete_mse), csv_field(curve.model));
    }
  return csv;
}

}  // namespace dydit::analysis
