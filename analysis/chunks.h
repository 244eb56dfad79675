// SPDX-License-Identifier: Apache-2.0
// What reports read of run directories: entries of manifests, axes and metrics of records, and the chunks of images
// that a study of losses left, found by model and image.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// What a part of the run's manifest has under `key`; `otherwise` where it has nothing there. Throws
/// InputError, naming the run, when it is of another type than `otherwise`.
template <typename T>
T entry(const record::Run& run, const record::Json& part, const char* key, T otherwise) {
  const record::Json fallback = otherwise;
  const record::Json found = part.is_object() ? part.value(key, fallback) : record::Json();
  if (!fallback.is_null() && found.type() != fallback.type())
    throw InputError(std::string("'") + key + "' is not what a manifest has there", run.path.string());
  return found.get<T>();
}

/// Models of a study that have a good record: in the order of the runs and of their manifests' "models".
std::vector<std::string> models_of(std::span<const record::Run> runs, const std::string& study);

/// The good records of a model in a study, as they stand in the run.
std::vector<const record::Record*> records_of(const record::Run& run, const std::string& study,
                                              const std::string& model);

/// Throws InputError that says what a record of its study does, and which one it is.
[[noreturn]] void refuse(const record::Record& record, const std::string& what);

/// An integer axis of a record; throws InputError when it is missing or negative.
std::int64_t axis(const record::Record& record, const std::string& name);
/// An axis of text; empty where the record has none of that name.
std::string text_axis(const record::Record& record, const std::string& name);
/// Null where it was not measured; throws InputError when it has another unit than the catalog.
const record::Metric* find_metric(const record::Record& record, const std::string& name);

/// One chunk: `tensors` hold N images at K timesteps, neither of them zero, and as many labels as images, if
/// any.
struct Chunk {
  const record::Record* record;
  checkpoint::Tensors tensors;
  std::string file;                     ///< for messages
  std::vector<double> timesteps = {};   ///< ascending
  std::vector<std::size_t> order = {};  ///< where the tensors have each of them

  /// A float tensor whose first sizes are N (and K), none zero; throws InputError when it is missing or
  /// otherwise.
  const checkpoint::Tensor& floats(const std::string& name, std::size_t rank) const;
  /// One f64 for each timestep, none where there is no such tensor; throws InputError for another type or
  /// size.
  std::vector<double> of_times(const std::string& name) const;
};

/// Where an image is: row `row` of a chunk.
struct Place {
  const Chunk* chunk;
  std::size_t row;

  /// What a float tensor (N, K, ...) has of the image at the timestep of that place; throws InputError as
  /// Chunk::floats.
  std::span<const float> values(const std::string& name, std::size_t rank, std::size_t timestep) const;
};

/// All images of a model in a study. Throws InputError when a chunk is malformed or they differ in their
/// timesteps.
class ModelChunks {
 public:
  ModelChunks(std::span<const record::Run> runs, const std::string& study, const std::string& model);
  ModelChunks(ModelChunks&&) = default;  // no copies: places point at the chunks

  const std::string& name() const { return name_; }  ///< of the model
  const std::vector<Chunk>& chunks() const { return chunks_; }
  const std::vector<double>& timesteps() const { return chunks_.front().timesteps; }
  /// By image index; of an image in two records the later one counts.
  const std::map<std::int64_t, Place>& images() const { return images_; }

 private:
  std::string name_;
  std::vector<Chunk> chunks_;
  std::map<std::int64_t, Place> images_;
};

/// One for each model of the study, in the order of models_of.
std::vector<ModelChunks> chunks_of(std::span<const record::Run> runs, const std::string& study);

/// Throws InputError unless the runs that hold the study drew the same noise for the same images: losses of
/// different seeds or data cannot be paired. Where the data lie does not matter.
void require_paired(std::span<const record::Run> runs, const std::string& study);

}  // namespace dydit::analysis
