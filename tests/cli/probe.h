// SPDX-License-Identifier: Apache-2.0
// Runs dydit probe on tensors.
#pragma once

#include <torch/types.h>

#include <map>

#include "checkpoint/safetensors.h"
#include "model/tensors.h"
#include "process.h"
#include "temporary_folder.h"

namespace dydit::test {

using Named = std::map<std::string, torch::Tensor>;

struct Probed {
  Outcome outcome;
  Named written;
};

// What a probe says of `inputs`, and the tensors that it writes.
inline Probed run_probe(const std::string& kind, const Named& inputs, const Arguments& more,
                        const Before& before = {}) {
  const TemporaryFolder folder;
  const std::string input = folder.path() / "in.safetensors", output = folder.path() / "out.safetensors";
  checkpoint::Tensors stored;
  for (const auto& [name, tensor] : inputs) stored[name] = model::from_torch(tensor);
  checkpoint::write_safetensors(input, stored);
  Arguments arguments{"probe", kind, "--input", input, "--output", output, "--device", "cpu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  Probed probed{run_dydit(arguments, {}, before), {}};
  if (std::filesystem::exists(output))
    for (const auto& [name, tensor] : checkpoint::read_safetensors(output).tensors)
      probed.written[name] = model::to_torch(tensor).clone();
  return probed;
}

}  // namespace dydit::test
