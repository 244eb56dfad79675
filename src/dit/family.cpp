// SPDX-License-Identifier: Apache-2.0
#include "blocks.h"
#include "dit/engines.h"
#include "dit/weights.h"
#include "parts.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

DiT dit_of(const std::shared_ptr<model::Network>& network) { return DiT(std::dynamic_pointer_cast<DiTImpl>(network)); }

class DenseDiT final : public engine::Dense {
 public:
  explicit DenseDiT(const DiT& dit) : Dense(dit.ptr()), dit_(dit) {}
  std::unique_ptr<engine::Pass> pass(const model::Inputs& in, const Masks& imposed, Overruled) override {
    require_complete(imposed, in.x.size(0));
    return complete_stretches(dit_, in, [this](Tensor x, const BlockAt& at) {
      return dit_->block(at.layer).forward(std::move(x), at.modulation, at.parts);
    });
  }
  std::vector<engine::PartRun> parts(const engine::Passes& passes) override {
    return parts_of(dit_, {}, memory_, passes, Parts::Of::dense_model);
  }

 private:
  DiT dit_;
  std::shared_ptr<Memory> memory_ = std::make_shared<Memory>();
};

}  // namespace

engine::Family family() {
  const auto fits = [](const model::Network& network) {
    return fused_lacks(dynamic_cast<const DiTImpl&>(network)).empty();
  };
  std::vector<std::string> published;
  for (const char* prefix : {"DyDiT", "DySiT", "DiT", "SiT"})
    for (const std::string& name : published_names(prefix)) published.push_back(name);
  return {
      .name = "DiT",
      .published = published,
      .describe =
          [](const std::string& name, std::int64_t side) {
            Configuration c = dit::published(name);
            c.input_size = side;
            validate(c);
            return architecture_of(c);
          },
      .build = [](const model::Architecture& of) { return DiT(from_json(of.configuration)).ptr(); },
      .recognises = [](const checkpoint::Checkpoint&) { return true; },  // errors say what lacks to be one
      .load =
          [](const auto& opened, const auto& where, auto num_heads, torch::Device device, torch::Dtype dtype) {
            return load_dit(official(opened, where), where, num_heads, device, dtype).ptr();
          },
      .engines = {{"dense", "the complete model", engine::Executes::all,
                   [](auto network, const engine::Options&) { return std::make_unique<DenseDiT>(dit_of(network)); }},
                  {"masked", "the published semantics: everything is computed, and multiplied by masks",
                   engine::Executes::masked,
                   [](auto network, const engine::Options&) { return masked_engine(dit_of(network)); }},
                  {"compact", "nothing is multiplied by zero", engine::Executes::kept,
                   [](auto network, const engine::Options& options) {
                     return compact_engine(dit_of(network), options);
                   }},
                  {"fused", "the same by kernels of its own, on a Hopper GPU", engine::Executes::kept,
                   [](auto network, const engine::Options& options) { return fused_engine(dit_of(network), options); },
                   /*complete=*/"fused-dense", fits},
                  {"fused-dense", "the complete model by those kernels", engine::Executes::all,
                   [](auto network, const engine::Options&) { return fused_dense_engine(dit_of(network)); },
                   /*complete=*/"", fits}},
      .floor = [](const auto& network, const auto& masks) { return floor_of(dit_of(network), masks); }};
}

}  // namespace dydit::dit
