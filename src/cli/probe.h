// SPDX-License-Identifier: Apache-2.0
// What the kinds of dydit probe share.
#pragma once

#include <torch/types.h>

#include <CLI/CLI.hpp>
#include <string>

#include "checkpoint/safetensors.h"
#include "study/catalog.h"

namespace dydit::cli {

/// The tensors of a probe's input.
class Inputs {
 public:
  /// Throws InputError.
  Inputs(const std::string& path, torch::Device device)
      : path_(path), device_(device), file_(checkpoint::read_safetensors(path)) {}

  /// A copy on the device. Throws InputError for a tensor that is missing, of another rank, or not finite.
  torch::Tensor operator()(const std::string& name, std::int64_t rank, torch::Dtype dtype) const;
  /// Throws InputError that says what the tensors would have to be.
  void require(bool holds, const std::string& what) const;

 private:
  std::string path_;
  torch::Device device_;
  checkpoint::SafetensorsFile file_;
};

/// Writes a probe's results, unless the user has interrupted it.
void write_results(const std::string& path, const checkpoint::Tensors& results);

void add_probe_transport(CLI::App& parent, const study::Catalog& catalog);

}  // namespace dydit::cli
