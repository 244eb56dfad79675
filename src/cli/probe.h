// SPDX-License-Identifier: Apache-2.0
// What the probes share.
#pragma once

#include <torch/types.h>

#include <map>
#include <memory>

#include "checkpoint/safetensors.h"
#include "common.h"

namespace dydit::cli {

struct Probe {
  std::string input, output, noise_schedule = "linear", variance = "learned-range";
  CheckpointOption checkpoint;
  ProcessOptions process;
  diffusion::ProcessSpec flow{.name = "flow"};  // of transport, which runs no model
  Json sampling = Json::object();
  std::string field;  // "A,B,C", in the place of a model
  std::string cache = "none";
  std::optional<double> guidance_scale;
  std::string engine;
  std::optional<std::uint64_t> packing_budget;  // MiB

  engine::Options engine_options() const {
    return {.packing_budget = packing_budget ? std::optional<std::size_t>(*packing_budget << 20) : std::nullopt};
  }
  bool complete = false;
  Machine machine;
};

/// The tensors of a probe's input.
class Inputs {
 public:
  /// Throws InputError.
  Inputs(const std::string& path, torch::Device device);

  /// A copy on the device. Throws InputError for a tensor that is missing, of another rank, or not finite.
  torch::Tensor operator()(const std::string& name, std::int64_t rank, torch::Dtype dtype) const;
  /// Throws InputError that says what the tensors would have to be.
  void require(bool holds, const std::string& what) const;

 private:
  std::string path_;
  torch::Device device_;
  checkpoint::SafetensorsFile file_;
};

/// Throws InputError unless x (N,C,H,W), t (N) and y (N) are of one size, with labels in range (`classes` is "no
/// class").
void require_batch(const Inputs& read, const model::Architecture& of, const torch::Tensor& x, const torch::Tensor& t,
                   const torch::Tensor& y);

run::Loaded load(const Probe& p, const run::RunSettings& settings);

/// The engine that is asked for: of a model with routers by default the published semantics, else the complete model.
/// Throws UsageError where a model without routers is to have another one.
const engine::Row& engine_of(const Probe& p, const run::Loaded& loaded);

/// Writes tensors as float32, and those of `exact` as they are, unless the user has interrupted it.
void write_results(const std::string& path, const std::map<std::string, torch::Tensor>& results,
                   const std::map<std::string, torch::Tensor>& exact = {});

/// A probe of that name with the options that all have.
CLI::App* add_one(CLI::App& parent, Probe& p, const char* name, const char* help, const char* example);
/// --engine and what belongs to it.
void add_engine(CLI::App& command, Probe& p, const study::Catalog& catalog);

void add_probe_sample(CLI::App& parent, const study::Catalog& catalog);
void add_probe_features(CLI::App& parent, const study::Catalog& catalog);
void add_probe_vae(CLI::App& parent, const study::Catalog& catalog);

}  // namespace dydit::cli
