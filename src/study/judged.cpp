// SPDX-License-Identifier: Apache-2.0
#include "judged.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "groups.h"
#include "quality/judge.h"
#include "record/metric.h"

namespace dydit::study {

using record::Json;
using record::Record;

Judging::Judging(std::shared_ptr<const quality::FeatureNetwork> of, quality::Set real, std::string name,
                 std::uint64_t seed)
    : network(std::move(of)),
      judge(std::make_shared<quality::Judge>(
          std::move(real), quality::JudgeOptions{.metrics = {quality::Metric::frechet, quality::Metric::kernel,
                                                             quality::Metric::precision, quality::Metric::recall},
                                                 .subsets = 4,  // of larger sets; others are taken whole, once
                                                 .subset_size = 5000,
                                                 .resamples = 200,
                                                 .seed = seed})),
      by(std::move(name)) {}

void judge(Record& record, Trajectories& trajectories, const SampledModel& model, const SampledCell& cell,
           const SamplingSetting& s, std::int64_t begin, std::int64_t images) {
  std::vector<torch::Tensor> seen;
  for (std::int64_t first = 0; first < images; first += model.batch) {
    const torch::Tensor drawn = trajectories.draw(cell, begin + first);
    const std::int64_t count = std::min(model.batch, images - first);
    seen.push_back((*s.judging->network)(drawn.narrow(0, 0, count)).pooled.cpu());
  }
  const quality::Judgement judgement = s.judging->judge->judge({.where = cell.name(), .features = torch::cat(seen)});
  for (const quality::Judged& one : judgement.values) {
    const char* name = quality::metric_names()[static_cast<std::size_t>(one.metric)];
    record::Metric& metric = record.metrics[name] = record::measured(name, one.value);
    if (!one.ci95) continue;
    metric.ci95 = {{one.ci95->first, one.ci95->second}};
    std::vector<double>& draws = metric.blocks.emplace_back();  // by which cells are compared
    for (const double value : one.resampled) draws.push_back(std::stod(fmt::format("{:.6g}", value)));
  }
  record.metrics["judged_images"] = record::measured("judged_images", static_cast<double>(images));
}

namespace {

// A cell whose images the run's records say something of.
struct Seen {
  std::string setting, cell;
  double time, distance;
};

bool beats(const Seen& a, const Seen& b) {
  return a.setting == b.setting && a.time <= b.time && a.distance <= b.distance &&
         (a.time < b.time || a.distance < b.distance);
}

// The cells on the front of each setting, among all models: no other is at least as fast and as close to real images,
// and one of both more.
std::vector<std::string> front_of(const SamplingSetting& s, const record::RunDirectory& run) {
  std::map<std::string, const Record*> records;
  for (const Record& record : run.records()) records[record.cell] = &record;
  std::vector<Seen> seen;
  for (const SampledModel& model : sampled_models(s))
    for (const SampledCell& cell : sampled_cells(s, model)) {
      const auto found = records.find(cell_record(s, model, cell).cell);
      if (found == records.end() || !found->second->metrics.contains("frechet")) continue;
      const auto value = [&](const char* metric) { return found->second->metrics.at(metric).value; };
      seen.push_back({fmt::format("{} {} {}", model.dtype, model.batch, model.guidance), found->first,
                      value("image_time"), value("frechet")});
    }
  std::vector<std::string> front;
  for (const Seen& one : seen)
    if (std::ranges::none_of(seen, [&](const Seen& other) { return beats(other, one); })) front.push_back(one.cell);
  return front;
}

// The trajectories of the model whose cells were judged last: what is ready for one cell is so for the next.
class Ready {
 public:
  Trajectories& of(const SamplingSetting& s, const SampledModel& model) {
    const std::string key = fmt::format("{} {} {} {}", model.name, model.dtype, model.batch, model.guidance);
    if (key != key_) {
      reset();
      trajectories_ = std::make_unique<Trajectories>(s, model);
      key_ = key;
    }
    return *trajectories_;
  }
  void reset() {
    trajectories_ = nullptr;
    key_.clear();
  }

 private:
  std::string key_;
  std::unique_ptr<Trajectories> trajectories_;
};

// By other images than those by which it came onto the front: these were lucky.
DoneCell judge_again(const SamplingSetting& s, const SampledModel& model, const SampledCell& cell, Record record,
                     Ready& ready) {
  const auto error = error_of([&] {
    Trajectories& trajectories = ready.of(s, model);
    trajectories.add(cell);
    judge(record, trajectories, model, cell, s, s.spec.judged, s.spec.judged_on_front);
  });
  if (error) {
    fail(record, *error);
    ready.reset();
  }
  return {.record = std::move(record)};
}

}  // namespace

// Which cells these are is known when all have been judged.
void judge_front(const SamplingSetting& s, record::RunDirectory* run) {
  std::vector<std::string> front;
  if (run != nullptr) front = front_of(s, *run);
  front = Json::parse(s.group.broadcast(Json(front).dump())).get<std::vector<std::string>>();
  Ready ready;
  std::vector<Group> groups;  // nothing is compared: each cell is one
  for (const SampledModel& model : sampled_models(s))
    for (const SampledCell& cell : sampled_cells(s, model)) {
      if (std::ranges::find(front, cell_record(s, model, cell).cell) == front.end()) continue;
      const Record record = cell_record(s, model, cell, "front", s.spec.judged_on_front);
      groups.push_back(
          {.cells = {record},
           .steps = 1,
           .measure = [&s, &ready, model, cell, record](const Warn&, const std::function<void()>& after_cell) {
             std::vector<DoneCell> done;
             done.push_back(judge_again(s, model, cell, record, ready));
             after_cell();
             return done;
           }});
    }
  measure_groups("front", groups, s.quiet, s.group, run);
}

}  // namespace dydit::study
