// SPDX-License-Identifier: Apache-2.0
// Training of a DiT as in Peebles & Xie: uniform timesteps, epsilon mse plus variational term, AdamW,
// exponential moving average; of a SiT by the loss of its process; fine-tuning of a DyDiT toward a share of its MACs,
// with stratified timesteps. Killed at any point, it goes on from its last checkpoint and ends in the same bytes (at
// the same number of threads and processes). Several processes share the batch of each step: what they compute is the
// step of one process on the whole batch, up to the order in which floats are added.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "data/dataset.h"
#include "diffusion/process.h"
#include "distributed/process_group.h"
#include "dit/configuration.h"
#include "record/run_directory.h"
#include "train/options.h"

namespace dydit::train {

/// The checkpoint whose weights a training begins with.
struct Start {
  std::filesystem::path checkpoint = {};  ///< empty: fresh weights
  checkpoint::Weights weights = checkpoint::Weights::automatic;
  std::optional<std::int64_t> num_heads = {};  ///< where it does not tell
  std::string hash = {};                       ///< of its content
  std::string taken = {};                      ///< which of its weights: checkpoint::Checkpoint::weights
};

struct Job {
  std::string model;  ///< name in records and file names
  dit::Configuration configuration;
  TrainOptions options;
  diffusion::ProcessSpec process = {};
  Start start = {};
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
  int threads = 2;  ///< that decode images
  bool quiet = false;
  std::shared_ptr<const data::Dataset> images, held_out;
  distributed::ProcessGroup group = {};
};

/// checkpoints/<model>-<step>.safetensors of a run: "model.", "ema." and "opt." tensors.
std::filesystem::path checkpoint_path(const std::filesystem::path& run, const std::string& model, std::int64_t step);

/// The checkpoint of `model` with the most steps, if there is one.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& run, const std::string& model);

/// Time of an image in an epoch: uniform in one of `strata` equal parts, which take turns over `position`, the number
/// of the image among all that the training reads.
double time_of(const diffusion::Process& process, std::uint64_t seed, std::int64_t strata, std::int64_t position,
               std::int64_t image, std::int64_t epoch);

/// Trains to the last step, or goes on from the newest checkpoint in `run`, which only rank 0 has; it is null
/// on the others. Throws Interrupted after saving when the user stops it, RunError when the loss, a weight or
/// a router's logit is not finite, UsageError for more processes than images in a batch.
void train(const Job& job, record::RunDirectory* run);

}  // namespace dydit::train
