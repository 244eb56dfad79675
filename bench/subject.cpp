// SPDX-License-Identifier: Apache-2.0
#include "subject.h"

#include "cost/cost.h"
#include "imposed.h"
#include "instrument/interleaved.h"
#include "model/device.h"

namespace dydit::bench {

namespace {

std::string published_name(const std::string& family, const std::string& model) {
  std::string name = family + "-" + model;
  name[name.rfind('-')] = '/';
  return name;
}

}  // namespace

Axes Subject::axes(const Axes& further) const {
  Axes all{device_axis(device), {"model", model}, {"batch", batch}, {"dtype", model::dtype_name(dtype)}};
  all.insert(all.end(), further.begin(), further.end());
  return all;
}

dit::DiT Subject::trainable(const std::string& family) const {
  const torch::InferenceMode inference(false);  // else its weights would bear no version
  dit::DiT dit(dit::published(published_name(family, model)));
  dit->randomise(/*seed=*/0);
  dit->to(device);
  return dit;
}

dit::DiT Subject::network(const std::string& family) const {
  struct Kept {
    std::string name;
    torch::Device device;
    torch::Dtype dtype;
    dit::DiT dit;
  };
  // Never destroyed: at the end of the program a GPU's driver may be gone before.
  static auto& kept = *new std::optional<Kept>;
  const std::string name = published_name(family, model);
  if (kept && kept->name == name && kept->device == device && kept->dtype == dtype) return kept->dit;
  kept.reset();  // makes room
  const torch::InferenceMode inference(false);
  dit::DiT dit = trainable(family);
  dit->to(dtype);
  dit->eval();
  kept.emplace(Kept{name, device, dtype, dit});
  return dit;
}

model::Inputs Subject::inputs(const dit::DiT& dit) const {
  const auto& c = dit->configuration;
  const auto whole = torch::TensorOptions().device(device).dtype(torch::kInt64);
  return {.x = instrument::operand({batch, c.in_channels, c.input_size, c.input_size}, 0, options()),
          .t = torch::full({batch}, 500, whole),
          .y = torch::zeros({batch}, whole)};
}

engine::Masks Subject::masks(const dit::DiT& dit, const std::string& which, double keep) const {
  const auto& units = dit->architecture.units;
  engine::Masks masks = study::imposed_masks(units, study::kept_of(study::which_named(which), keep, units), batch,
                                             /*seed=*/0, /*draw=*/0);
  for (torch::Tensor& mask : masks) mask = mask.to(device);
  return masks;
}

std::vector<Subject> subjects(const std::vector<torch::Dtype>& of_cpu) {
  std::vector<Subject> all;
  for (const torch::Device device : devices()) {
    const bool cpu = device.is_cpu();
    for (const char* model : cpu ? std::vector{"S-2", "S-4", "B-4"} : std::vector{"S-2", "B-2", "XL-2"})
      for (const torch::Dtype dtype : cpu ? of_cpu : std::vector{torch::kFloat32, torch::kBFloat16})
        for (const std::int64_t batch : cpu ? std::vector{4, 8} : std::vector{16, 64})
          all.push_back({device, model, batch, dtype});
  }
  return all;
}

double macs_of_pass(const dit::DiT& dit, std::int64_t batch) {
  return static_cast<double>(batch) * cost::macs_of(dit->architecture);
}

}  // namespace dydit::bench
