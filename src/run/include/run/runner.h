// SPDX-License-Identifier: Apache-2.0
// From a profile to a run directory.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "distributed/process_group.h"
#include "record/run_directory.h"
#include "run/profile.h"
#include "study/catalog.h"
#include "study/costs.h"
#include "study/kernels.h"

namespace dydit::run {

struct RunSettings {
  const study::Catalog* catalog = nullptr;
  std::filesystem::path out;  ///< empty: runs/<profile>-<n>
  torch::Device device = torch::kCPU;
  torch::Dtype dtype = torch::kFloat32;
  int threads = 2;      ///< of this process
  int all_threads = 2;  ///< of all processes of this machine: what a run is told by
  bool quiet = false;
  bool json = false;  ///< standard output is for JSON alone: the run's path goes to stderr
  record::OpenOptions open;
  std::vector<std::string> argv;
  std::string reproduce;  ///< the command line that makes this run again
  distributed::ProcessGroup group = {};

  /// Whether this process says nothing on stderr: of several processes the first one speaks.
  bool silent() const { return quiet || !group.leads(); }
};

/// Throws UsageError for a name that is none of "cpu", "auto", "cuda" and "cuda:" with an index.
void require_device_name(const std::string& name);
/// The device of that name. Throws RunError when there is no such GPU, UsageError for another name.
torch::Device device_named(const std::string& name);

/// Says on stderr, unless quiet, which weights of a checkpoint were taken (checkpoint::Checkpoint::weights).
void tell_weights(const std::string& checkpoint, const std::string& weights, bool quiet);
/// For people, and whether it is assumed.
std::string process_words(const diffusion::ProcessSpec& process, bool said);
/// Says that on stderr, unless quiet.
void tell_process(const diffusion::ProcessSpec& process, bool said, bool quiet);

/// Everything that can be named: the families of models with their engines, the axes of sweeps, the studies.
study::Catalog standard_catalog();

/// The process of models that were trained for `of_models` (one for each, nothing where a file does not say): the one
/// that is `asked` for, else that of the files, else the epsilon diffusion. Throws UsageError where they contradict
/// each other, and where one is silent beside one of another process than that.
diffusion::ProcessSpec process_of(const std::optional<diffusion::ProcessSpec>& asked,
                                  const std::vector<std::optional<diffusion::ProcessSpec>>& of_models,
                                  const std::vector<std::string>& names);

/// Of a model that has its name alone: flow matching where that says so, as asked where flow matching is.
std::optional<diffusion::ProcessSpec> process_of_name(const model::Architecture& architecture,
                                                      const std::optional<diffusion::ProcessSpec>& asked);

/// What a checkpoint's metadata say of it. Throws InputError naming `where`.
std::optional<diffusion::ProcessSpec> recorded_process(const checkpoint::Checkpoint& opened, const std::string& where);

/// A model of one checkpoint, and the process that it is run in.
struct Loaded {
  const engine::Family& family;
  std::shared_ptr<model::Network> network;  ///< on the settings' device as their type of numbers
  std::string weights;                      ///< which were taken
  diffusion::ProcessSpec process;
  bool process_said;  ///< by the user or the file, not assumed
};
/// Throws as checkpoint::open_checkpoint, Family::load and process_of do.
Loaded load(const ModelSpec& spec, const std::optional<diffusion::ProcessSpec>& asked, const RunSettings& settings);
/// Says on stderr, unless quiet, which weights were taken and which process the model is run in.
void tell(const Loaded& loaded, const std::string& checkpoint, bool quiet);

/// What ended in a run directory, as rank 0 knows it; empty on the others.
struct Finished {
  std::filesystem::path path;
  std::int64_t failed = 0;  ///< cells
};

/// The studies of a profile.
Finished run_studies(const Profile& profile, const RunSettings& settings);

/// The training of a profile's models, one after the other; only those in `names` unless it is empty.
Finished run_training(const Profile& profile, const RunSettings& settings, const std::vector<std::string>& names);

/// What `dydit profile` looks at: a published configuration under imposed masks, or a checkpoint.
struct ProfiledSpec {
  std::string model = "DyDiT-S/2";
  std::optional<ModelSpec> checkpoint = {};       ///< in its place
  std::optional<diffusion::ProcessSpec> process;  ///< nothing: as the checkpoint says
  DataSpec data;                                  ///< images for a checkpoint's passes; no path: made up
  study::KernelsSpec kernels;                     ///< its model is named by the above
  std::uint64_t seed = 0;
};

/// Where the time of its forward passes goes (study/kernels.h). Throws UsageError for an engine of dynamic models with
/// another model.
Finished run_profile(const ProfiledSpec& spec, const RunSettings& settings);

/// What the units of a block cost (study/costs.h). Throws UsageError as study::require_costs does.
Finished run_costs(const study::CostsSpec& spec, std::uint64_t seed, const RunSettings& settings);

/// What `dydit sample` samples.
struct SampleSpec {
  ModelSpec model;
  std::optional<diffusion::ProcessSpec> process;  ///< nothing: as the checkpoint says
  std::string engine;                             ///< of its family; empty: the family's default
  Json sampling = Json::object();          ///< see diffusion::sampling_schema; of flow by heun where it does not say
  std::string cache = "none";              ///< see cache::cache_named
  std::vector<std::int64_t> classes = {};  ///< of the images in turn; none: drawn
  std::int64_t images = 100, batch = 32;
  std::string vae = {};             ///< autoencoder that makes pictures of latents; empty: they are kept
  std::string round_to_tiles = {};  ///< run directory of costs, by which the plan is rounded up; empty: it is not
  std::uint64_t seed = 0;
};

/// What a run of images has, as rank 0 knows it; empty on the others.
struct Sampled {
  std::filesystem::path path;
  std::int64_t images = 0;  ///< now
  std::int64_t made = 0;    ///< by this call
  double seconds = 0;       ///< that it took for them
};

/// Throws UsageError for a class that the model does not have, and for an engine of dynamic models with another model.
Sampled run_sampling(const SampleSpec& spec, const RunSettings& settings);

/// Checks that everything a profile names is there, and estimates the studies' time and memory from a few
/// timed forward passes. Prints to stdout.
void dry_run(const Profile& profile, const RunSettings& settings);

}  // namespace dydit::run
