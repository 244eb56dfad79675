// SPDX-License-Identifier: Apache-2.0
#include "chunks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"

namespace dydit::analysis {

using checkpoint::Tensor;
using record::Json;
using record::Record;
using record::Run;

namespace {

std::string model_of(const Record& record) {
  const auto model = record.axes.find("model");
  return model != record.axes.end() && model->is_string() ? model->get<std::string>() : std::string();
}

bool belongs(const Record& record, const std::string& study) {
  return record.study == study && record.status == record::Status::ok;
}

const Tensor& tensor(const Chunk& chunk, const std::string& name) {
  const auto found = chunk.tensors.find(name);
  if (found == chunk.tensors.end()) throw InputError("tensor '" + name + "' is missing", chunk.file);
  return found->second;
}

std::vector<std::int64_t> integers(const Chunk& chunk, const std::string& name) {
  const auto values = tensor(chunk, name).as<std::int64_t>();
  return {values.begin(), values.end()};
}

/// Times of a diffusion are whole numbers, those of a flow are not.
std::vector<double> times_of(const Chunk& chunk) {
  const Tensor& found = tensor(chunk, "timestep");
  if (found.type == checkpoint::DType::f64) return chunk.of_times("timestep");
  const auto whole = found.as<std::int64_t>();
  return {whole.begin(), whole.end()};
}

void check(const Chunk& chunk) {
  constexpr std::size_t most_timesteps = 1000;  // of a diffusion
  const std::int64_t images = tensor(chunk, "index").elements();
  if (images == 0 || chunk.timesteps.empty() || chunk.timesteps.size() > most_timesteps)
    throw InputError(fmt::format("a chunk of {} images at {} timesteps", images, chunk.timesteps.size()),
                     chunk.file);
  if (!std::all_of(chunk.timesteps.begin(), chunk.timesteps.end(), [](double t) { return std::isfinite(t); }))
    throw InputError("a timestep is not finite", chunk.file);
  if (chunk.tensors.contains("label") && std::ssize(integers(chunk, "label")) != images)
    throw InputError("as many labels as images are expected", chunk.file);
}

}  // namespace

std::vector<std::string> models_of(std::span<const Run> runs, const std::string& study) {
  std::vector<std::string> listed, models;
  for (const Run& run : runs) {
    for (const Json& model : entry(run, run.manifest, "models", Json::array()))
      listed.push_back(entry(run, model, "name", std::string()));
    for (const Record& record : run.records) listed.push_back(model_of(record));
  }
  std::set<std::string> seen = {""};
  for (const std::string& name : listed)
    if (seen.insert(name).second && std::any_of(runs.begin(), runs.end(), [&](const Run& run) {
          return !records_of(run, study, name).empty();
        }))
      models.push_back(name);
  return models;
}

std::vector<const Record*> records_of(const Run& run, const std::string& study, const std::string& model) {
  std::vector<const Record*> found;
  for (const Record& record : run.records)
    if (belongs(record, study) && model_of(record) == model) found.push_back(&record);
  return found;
}

std::int64_t axis(const Record& record, const std::string& name) {
  const auto found = record.axes.find(name);
  if (found == record.axes.end() || !found->is_number_integer() || found->get<std::int64_t>() < 0)
    throw InputError("a record of " + record.study + " has no axis '" + name + "'", record.axes.dump());
  return found->get<std::int64_t>();
}

const Tensor& Chunk::floats(const std::string& name, std::size_t rank) const {
  const Tensor& found = tensor(*this, name);
  const std::int64_t images = tensor(*this, "index").elements();
  const bool agrees = found.type == checkpoint::DType::f32 && found.shape.size() == rank &&
                      found.elements() > 0 && found.shape[0] == images &&
                      (name == "image" || found.shape[1] == static_cast<std::int64_t>(timesteps.size()));
  if (!agrees)
    throw InputError(
        "tensor '" + name + "' has the wrong type or shape " + checkpoint::to_string(found.shape), file);
  return found;
}

std::vector<double> Chunk::of_times(const std::string& name) const {
  if (!tensors.contains(name)) return {};
  const auto values = tensor(*this, name).as<double>();
  if (values.size() != static_cast<std::size_t>(tensor(*this, "timestep").elements()))
    throw InputError("tensor '" + name + "' has another size than 'timestep'", file);
  return {values.begin(), values.end()};
}

ModelChunks::ModelChunks(std::span<const Run> runs, const std::string& study, const std::string& model) {
  for (const Run& run : runs)
    for (const Record* record : records_of(run, study, model)) {
      if (record->tensors.empty())
        throw InputError("a record of " + study + " names no tensors", run.path.string());
      Chunk chunk{record, run.tensors(record->tensors.front()), {}, record->tensors.front()};
      chunk.timesteps = times_of(chunk);
      check(chunk);
      if (!chunks_.empty() && chunk.timesteps != timesteps())
        throw InputError("chunks of one model have different timesteps", chunk.file);
      chunks_.push_back(std::move(chunk));
    }
  for (const Chunk& chunk : chunks_) {
    const auto index = integers(chunk, "index");
    for (std::size_t row = 0; row < index.size(); ++row)
      images_.insert_or_assign(index[row], Place{&chunk, row});
  }
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
