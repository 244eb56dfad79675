// SPDX-License-Identifier: Apache-2.0
#include "chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "record/metric.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using record::Json;
using record::Record;
using record::Run;

namespace {

const Tensor& tensor(const Chunk& chunk, const std::string& name) {
  const auto found = chunk.tensors.find(name);
  if (found == chunk.tensors.end()) throw InputError("tensor '" + name + "' is missing", chunk.file);
  return found->second;
}

std::vector<std::int64_t> integers(const Chunk& chunk, const std::string& name) {
  const auto values = tensor(chunk, name).as<std::int64_t>();
  return {values.begin(), values.end()};
}

/// The times of a chunk, in their order and ascending: whole numbers in a diffusion, not in a flow.
void read_times(Chunk& chunk) {
  constexpr std::size_t most = 1000;  // of a diffusion
  std::vector<double> times;
  const Tensor& found = tensor(chunk, "timestep");
  if (found.type == checkpoint::DType::f64)
    for (const double time : found.as<double>()) times.push_back(time);
  else
    for (const std::int64_t time : found.as<std::int64_t>()) times.push_back(static_cast<double>(time));
  const std::int64_t images = tensor(chunk, "index").elements();
  if (images == 0 || times.empty() || times.size() > most)
    throw InputError(fmt::format("a chunk of {} images at {} timesteps", images, times.size()), chunk.file);
  if (!std::all_of(times.begin(), times.end(), [](double t) { return std::isfinite(t); }))
    throw InputError("a timestep is not finite", chunk.file);
  chunk.order.resize(times.size());
  std::iota(chunk.order.begin(), chunk.order.end(), std::size_t{0});
  std::stable_sort(chunk.order.begin(), chunk.order.end(),
                   [&](std::size_t a, std::size_t b) { return times[a] < times[b]; });
  for (const std::size_t k : chunk.order) chunk.timesteps.push_back(times[k]);
}

}  // namespace

std::vector<std::string> models_of(std::span<const Run> runs, const std::string& study) {
  std::vector<std::string> listed, models;
  for (const Run& run : runs) {
    for (const Json& model : entry(run, run.manifest, "models", Json::array()))
      listed.push_back(entry(run, model, "name", std::string()));
    for (const Record& record : run.records) listed.push_back(text_axis(record, "model"));
  }
  std::set<std::string> seen = {""};
  for (const std::string& name : listed)
    if (seen.insert(name).second &&
        std::any_of(runs.begin(), runs.end(), [&](const Run& run) { return !records_of(run, study, name).empty(); }))
      models.push_back(name);
  return models;
}

std::vector<const Record*> records_of(const Run& run, const std::string& study, const std::string& model) {
  std::vector<const Record*> found;
  for (const Record& record : run.records)
    if (record.study == study && record.status == record::Status::ok && text_axis(record, "model") == model)
      found.push_back(&record);
  return found;
}

void refuse(const Record& record, const std::string& what) {
  throw InputError("a record of " + record.study + " " + what, record.axes.dump());
}

std::int64_t axis(const Record& record, const std::string& name) {
  const auto found = record.axes.find(name);
  if (found == record.axes.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0)
    refuse(record, "has no axis '" + name + "'");
  return found->get<std::int64_t>();
}

std::string text_axis(const Record& record, const std::string& name) {
  const auto found = record.axes.find(name);
  return found != record.axes.end() && found->is_string() ? found->get<std::string>() : "";
}

const record::Metric* find_metric(const Record& record, const std::string& name) {
  const auto found = record.metrics.find(name);
  if (found == record.metrics.end()) return nullptr;
  if (const auto unit = record::metric(name).unit; found->second.unit != unit)
    refuse(record, fmt::format("has '{}' in '{}' where '{}' is expected", name, found->second.unit, unit));
  return &found->second;
}

const Tensor& Chunk::floats(const std::string& name, std::size_t rank) const {
  const Tensor& found = tensor(*this, name);
  const std::int64_t images = tensor(*this, "index").elements();
  const bool agrees = found.type == checkpoint::DType::f32 && found.shape.size() == rank && found.elements() > 0 &&
                      found.shape[0] == images &&
                      (name == "image" || found.shape[1] == static_cast<std::int64_t>(timesteps.size()));
  if (!agrees)
    throw InputError("tensor '" + name + "' has the wrong type or shape " + checkpoint::to_string(found.shape), file);
  return found;
}

std::vector<double> Chunk::of_times(const std::string& name) const {
  std::vector<double> result;
  if (!tensors.contains(name)) return result;
  const auto values = tensor(*this, name).as<double>();
  if (values.size() != order.size()) throw InputError("tensor '" + name + "' has another size than 'timestep'", file);
  for (const std::size_t k : order) result.push_back(values[k]);
  return result;
}

std::span<const float> Place::values(const std::string& name, std::size_t rank, std::size_t timestep) const {
  const Tensor& all = chunk->floats(name, rank);
  const auto images = static_cast<std::size_t>(all.shape[0]), times = chunk->order.size();
  const auto values = all.as<float>();
  const std::size_t count = values.size() / (images * times);
  return values.subspan((row * times + chunk->order.at(timestep)) * count, count);
}

ModelChunks::ModelChunks(std::span<const Run> runs, const std::string& study, const std::string& model) : name_(model) {
  for (const Run& run : runs)
    for (const Record* record : records_of(run, study, model)) {
      if (record->tensors.empty()) throw InputError("a record of " + study + " names no tensors", run.path.string());
      Chunk chunk{record, run.tensors(record->tensors.front()), record->tensors.front()};
      read_times(chunk);
      if (chunk.tensors.contains("label") && integers(chunk, "label").size() != integers(chunk, "index").size())
        throw InputError("as many labels as images are expected", chunk.file);
      if (!chunks_.empty() && chunk.timesteps != timesteps())
        throw InputError("one model was studied at different timesteps",
                         fmt::format("{}: {} of {}", run.path.string(), study, model),
                         "report runs of other timesteps apart, or give other models other names");
      chunks_.push_back(std::move(chunk));
    }
  for (const Chunk& chunk : chunks_) {
    const auto index = integers(chunk, "index");
    for (std::size_t row = 0; row < index.size(); ++row) images_.insert_or_assign(index[row], Place{&chunk, row});
  }
}

std::vector<ModelChunks> chunks_of(std::span<const Run> runs, const std::string& study) {
  std::vector<ModelChunks> models;
  for (const std::string& name : models_of(runs, study)) models.emplace_back(runs, study, name);
  return models;
}

void require_paired(std::span<const Run> runs, const std::string& study) {
  Json first;
  for (const Run& run : runs) {
    if (models_of({&run, 1}, study).empty()) continue;
    Json drawn = {{"seed", entry(run, run.manifest, "seed", Json())},
                  {"data", entry(run, run.manifest, "data", Json::object())}};
    drawn["data"].erase("path");
    if (first.is_null()) first = drawn;
    for (const char* key : {"seed", "data"})
      if (drawn[key] != first[key])
        throw InputError(std::string("runs with another ") + key + " cannot be compared", run.path.string(),
                         "report them one by one");
  }
}

}  // namespace dydit::analysis
