// SPDX-License-Identifier: Apache-2.0
// The trajectories that a study of sampling times together: one batch of one model, run by several engines through
// samplers and caches.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cache/cached.h"
#include "diffusion/process.h"
#include "diffusion/sampling.h"
#include "imposed.h"
#include "study/sampling.h"

namespace dydit::study {

/// What trajectories of one group are of.
struct SampledModel {
  std::string name;
  const Trained* trained = nullptr;  ///< else a published configuration, under imposed masks
  std::string dtype;
  std::int64_t batch = 1;
  double guidance = 1;
};

/// That its trajectories are of: a trained model's own, else that of its family's name.
diffusion::ProcessSpec process_of(const SampledModel& model, const model::Architecture& architecture);

/// A cell of a group.
struct SampledCell {
  engine::Row engine;
  Which which = Which::all;
  Kept keep = {};
  std::string sampler = {};
  std::int64_t steps = 1;
  std::string cache = "none";
  bool only_passes = false;  ///< the forward passes of its trajectory, and nothing between them

  bool operator==(const SampledCell& other) const { return name() == other.name(); }
  std::string name() const;
  SampledCell passes() const;
  bool complete() const { return engine.executes == engine::Executes::all; }
};

/// What ran in a trajectory, per image.
struct Executed {
  double macs = 0;         ///< of the conditional half's passes, routers included
  double guided_macs = 0;  ///< of both halves
  double blocks = 0;       ///< share of attention and MLP of all blocks, mean over the passes
  double lambda = 0;       ///< cost::lambda_realised, mean over the passes; of trajectories without a cache
  std::int64_t passes = 0, full_passes = 0;
  std::size_t cache_bytes = 0;
  torch::Tensor images = {};  ///< what was made of the first ones (n,C,H,W), on the CPU
};

class Trajectories {
 public:
  Trajectories(const SamplingSetting& setting, const SampledModel& of);

  /// Makes ready for a cell: its sampler, engine, plan and masks. Throws for what cannot be sampled so.
  void add(const SampledCell& cell);
  /// From here on the inputs of its passes are kept when it is looked at.
  void keep_passes(const SampledCell& cell) { passes_[cell.passes().name()]; }
  /// A trajectory; of a cell's passes, those of the trajectory that was looked at last.
  void run(const SampledCell& cell);
  /// A trajectory that is looked at. Throws RunError where its first pass computes something else than the masked
  /// engine does under the same masks, NotFinite where it is not finite.
  Executed check(const SampledCell& cell);
  /// What its cache holds between trajectories.
  std::int64_t held_bytes(const SampledCell& cell) const;
  /// Images [first, first + batch) of as many as one likes, one batch of them being that of `check`: 8-bit pixels from
  /// 0 to 1, the same noise and label for an image in every cell. Throws UsageError for a model of no pixels,
  /// NotFinite.
  torch::Tensor draw(const SampledCell& cell, std::int64_t first);
  const model::Architecture& architecture() const { return network_->architecture; }
  const torch::Tensor& labels() const { return batch_.labels; }  ///< (N)

 private:
  /// Told of each pass of so many images, of which the first ones are the conditional half.
  using After = std::function<void(const model::Inputs& in, const engine::Outcome& outcome)>;
  // A batch of images.
  struct Batch {
    std::int64_t first;
    torch::Tensor x, labels, both;  // noise (N,C,H,W), labels (N), and those of both halves of guidance
  };
  Batch batch_from(std::int64_t first) const;
  torch::Tensor trajectory(const SampledCell& cell, const Batch& batch, bool look, const After& after);
  torch::Tensor normals(std::int64_t first, std::int64_t draw) const;  // for each image of a batch
  engine::Engine& engine(const SampledCell& cell);
  const diffusion::Sampler& sampler(const SampledCell& cell) { return *samplers_.at(key_of_sampler(cell)); }
  static std::string key_of_sampler(const SampledCell& cell);
  const engine::Masks& masks(const SampledCell& cell, std::int64_t pass, std::int64_t images);
  void plan(const SampledCell& cell);
  const torch::Tensor& times(double time);
  void run_passes(const SampledCell& cell);

  const SamplingSetting& setting_;
  SampledModel of_;
  torch::Dtype dtype_;
  const engine::Family& family_;
  std::shared_ptr<model::Network> network_;
  diffusion::ProcessSpec spec_;
  std::unique_ptr<diffusion::Process> process_;
  Batch batch_;  // of what is timed and looked at
  torch::Tensor noise_;
  std::map<std::string, std::unique_ptr<diffusion::Sampler>> samplers_;
  std::map<std::string, std::shared_ptr<engine::Engine>> engines_;
  std::map<std::string, std::shared_ptr<cache::Cached>>
      caches_;                                                // of an engine and a cache: their memory is there once
  std::map<std::string, std::vector<engine::Masks>> masks_;   // imposed, of a share
  std::map<double, torch::Tensor> times_;                     // as the model takes them, of both halves
  std::map<std::string, std::vector<model::Inputs>> passes_;  // by the names of cells of passes
};

}  // namespace dydit::study
