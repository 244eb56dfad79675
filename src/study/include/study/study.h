// SPDX-License-Identifier: Apache-2.0
// What the redundancy studies share: models on the same images, timesteps and noise, in chunks of images
// that are the cells of a run. Shapes: N images, K timesteps.
#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "data/loader.h"
#include "data/views.h"
#include "diffusion/process.h"
#include "distributed/process_group.h"
#include "engine/family.h"
#include "record/run_directory.h"

namespace dydit::study {

struct Model {
  std::string name;
  std::string hash;                         ///< of the checkpoint's content
  std::shared_ptr<model::Network> network;  ///< in eval mode, on the study's device
  const engine::Family* family = nullptr;   ///< of the catalog
  std::string engine_name = {};
  std::shared_ptr<engine::Engine> engine = {};  ///< that runs it, of a dynamic model as its routers decide
  std::string weights = {};                     ///< which of the checkpoint's: checkpoint::Checkpoint::weights
};

struct Setting {
  std::vector<double> times;
  std::int64_t chunk = 100;  ///< images of a cell, and of a forward pass
  diffusion::ProcessSpec process = {};
  std::uint64_t seed = 0;
  torch::Device device = torch::kCPU;
  torch::Dtype dtype = torch::kFloat32;
  int threads = 2;  ///< that decode images
  bool quiet = false;
  distributed::ProcessGroup group = {};
};

/// The images of one cell, on the device.
struct Chunk {
  std::int64_t first = 0, count = 0;  ///< positions in the subset: [first, first + count)
  std::vector<std::int64_t> indices;  ///< (N) in the whole set; broken images are left out, so N <= count
  torch::Tensor images, labels;       ///< (N,C,H,W) float32, (N)
};

/// The images of a batch of the subset, on the device.
Chunk to_chunk(const data::Subset& subset, const data::Batch& batch, std::int64_t first, std::int64_t count,
               torch::Device device);

/// The record of a model's cell (by the model's place) for the chunk [first, first + count): cell, study
/// and axes, still without metrics.
using RecordOf = std::function<record::Record(std::size_t model, std::int64_t first, std::int64_t count)>;

/// A cell that is done.
struct DoneCell {
  record::Record record;
  checkpoint::Tensors tensors = {};  ///< under the record's only name of tensors
};
using Emit = std::function<void(DoneCell done)>;

/// Works on a chunk for the models whose cell is still missing, and emits each of those cells.
using Task = std::function<void(const Chunk& chunk, const std::vector<std::size_t>& missing, const Emit& emit)>;

/// Goes through the chunks of the subset that have a missing cell, one chunk a process at a time; what they
/// emit goes into `run`, which only rank 0 has; it is null on the others. When the work on a chunk fails (out
/// of memory, or values that are not finite) its cells are recorded as failed, and the next chunk follows.
/// Throws Interrupted between chunks, InputError when too many images are broken.
void for_each_chunk(const std::string& label, const Setting& setting, std::shared_ptr<const data::Subset> images,
                    std::size_t models, record::RunDirectory* run, const RecordOf& cell, const Task& work);

/// The images of a chunk on their way to noise.
struct Noised {
  torch::Tensor t, noise, x_t = {};  ///< (N), and twice (N,C,H,W)
};
/// At time t, with the noise of draw `draw`, the same for every model, on the setting's device.
Noised noised(const Setting& setting, const Chunk& chunk, const diffusion::Process& process, double t,
              std::int64_t draw = 0);

}  // namespace dydit::study
