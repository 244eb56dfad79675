// SPDX-License-Identifier: Apache-2.0
#include "analysis/learning_curves.h"

#include <fmt/format.h>

#include <limits>
#include <map>

#include "chunks.h"
#include "text.h"

namespace dydit::analysis {

static double value(const record::Record& record, const char* name) {
  const auto found = record.metrics.find(name);
  return found == record.metrics.end() ? std::numeric_limits<double>::quiet_NaN() : found->second.value;
}

std::vector<LearningCurve> learning_curves(std::span<const record::Run> runs) {
  std::vector<LearningCurve> curves;
  for (const std::string& model : models_of(runs, "train")) {
    std::map<std::int64_t, LearningPoint> points;
    for (const record::Run& run : runs)
      for (const record::Record* record : records_of(run, "train", model)) {
        const std::int64_t step = axis(*record, "step");
        points[step] = {step, value(*record, "train_mse"), value(*record, "held_out_mse")};
      }
    LearningCurve& curve = curves.emplace_back(LearningCurve{model, {}});
    for (const auto& [step, point] : points) curve.points.push_back(point);
  }
  return curves;
}

std::string to_csv(const std::vector<LearningCurve>& curves) {
  std::string csv = "step,train_mse,held_out_mse,model\n";
  for (const LearningCurve& curve : curves)
    for (const LearningPoint& point : curve.points)
      csv += fmt::format("{},{},{},{}\n", point.step, csv_number(point.train_mse),
                         csv_number(point.held_out_mse), csv_field(curve.model));
  return csv;
}

}  // namespace dydit::analysis
