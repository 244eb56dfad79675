// SPDX-License-Identifier: Apache-2.0
// Images of a model into a run directory. Killed at any moment and started again, it goes on with the first batch of
// which an image is missing, and ends in the same bytes.
#pragma once

#include "distributed/process_group.h"
#include "quality/vae.h"
#include "record/run_directory.h"
#include "sample/trajectory.h"

namespace dydit::sample {

struct Job {
  Setting setting;
  quality::Vae vae{nullptr};  ///< makes pictures of what the model makes, divided by its scaling factor; or none
  std::int64_t images = 1, batch = 1;
  bool depends_on_batch = false;  ///< what an image is: steps or full passes are chosen by all images of a batch
  bool quiet = false;
  distributed::ProcessGroup group = {};

  std::vector<std::int64_t> file_shape() const;  ///< of what is written of an image: C, H, W
};

/// What this call added to the run, as rank 0 knows it.
struct Made {
  std::int64_t images = 0;
  double seconds = 0;
};

/// The images 0, 1, ... of a job that are missing in the run, a file each (see docs/sampling.md), and what is made of
/// all of them. Each process of the group samples batches of its own; rank 0 alone has the run and writes, the others
/// give null. The run may have been begun with fewer images, but where they depend on the batch and the last one was
/// not whole. Throws UsageError there and where it was with more, InputError for a manifest that is damaged, NotFinite
/// as images_of does, with nothing of that batch written, Interrupted.
Made sample(const Job& job, record::RunDirectory* run);

}  // namespace dydit::sample
