// SPDX-License-Identifier: Apache-2.0
// A redundancy study as a row of a table: its name and options, and what it makes of models' passes.
#pragma once

#include "study/options.h"
#include "study/study.h"

namespace dydit::study {

/// What a study finds of one model on a chunk, by name: tensors that begin with the images (N), or the times (K).
using Found = std::map<std::string, torch::Tensor>;

/// One pass of one model.
struct Seen {
  const Model& model;
  const diffusion::Process& process;
  const Chunk& chunk;
  const Noised& at;
  const engine::Outcome& outcome;
  std::int64_t draw = 0;  ///< of the time; the draws of one time follow one another, and the times in their order

  diffusion::LossTerms loss_terms() const;
};

/// What a study makes of the passes of one model on a chunk.
class Look {
 public:
  virtual ~Look() = default;
  virtual void see(const Seen& seen) = 0;
  virtual Found found() = 0;
};

struct Row : Info {
  std::function<std::unique_ptr<Look>(const Options& options)> look;
  /// Axes of a model's cells besides those that all have: options among them that change what is found. None where it
  /// is empty.
  std::function<record::Json(const Model& model, const Options& options)> axes = {};
};

/// For each model and chunk of images one record of that name, with what its look finds and the tensors `index` (N),
/// `timestep`, `log_snr` and `epsilon_factor` (K; see diffusion::Process). All models see the same images, times and
/// noise.
void run_study(const Row& row, const Options& options, std::vector<Model>& models,
               const std::shared_ptr<const data::Subset>& images, const Setting& setting, record::RunDirectory* run);

/// The times that a study visits. Throws UsageError naming `where` for one that the process does not have.
std::vector<double> times_of(const Options& options, const diffusion::Process& process, const std::string& where);

Row loss_gap();     // at which times a model loses, against others
Row loss_map();     // where in the image it errs
Row activation();   // what a dynamic model has on over the times
Row compute_map();  // where in the image it computes, beside where its loss is

}  // namespace dydit::study
