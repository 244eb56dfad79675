// SPDX-License-Identifier: Apache-2.0
// What runs of one process show, as far as several sections of a report need it: computed once.
#pragma once

#include <algorithm>

#include "analysis/manifest.h"
#include "analysis/report.h"
#include "analysis/tradeoffs.h"

namespace dydit::analysis {

struct Findings {
  std::span<const record::Run> runs;
  const Process& process;
  ReportOptions options;
  std::string title = {}, suffix = {};  ///< of the process, and for names of files, where there are several
  std::optional<LossGap> gap;
  std::vector<LearningCurve> curves;
  std::vector<SpeedStudy> speed;
  std::vector<Tradeoff> tradeoffs;
};

/// All of them (each of a model), the one of the model that a report tells of first at the head.
template <typename T>
std::vector<const T*> shown_first(const Findings& findings, const std::vector<T>& all) {
  std::vector<const T*> order;
  for (const T& one : all) order.push_back(&one);
  if (const Tradeoff* shown = shown_tradeoff(findings.tradeoffs))
    std::stable_partition(order.begin(), order.end(),
                          [&](const T* one) { return one->model == shown->model; });
  return order;
}

/// Throws InputError for manifests and records that do not fit together. The runs must outlive it.
Findings findings_of(std::span<const record::Run> runs, const ReportOptions& options);

}  // namespace dydit::analysis
