// SPDX-License-Identifier: Apache-2.0
// What a study of speed times together: the engines at one share, the dense model beside them, and the
// counterfactual runs of their waterfalls.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "imposed.h"
#include "model/shares.h"
#include "instrument/interleaved.h"
#include "parts.h"
#include "study/speed.h"

namespace dydit::study {

struct Group {
  std::string model;
  torch::Dtype dtype;
  std::int64_t batch;
  double keep;
  const Trained* trained = nullptr;
};

struct Cell {
  std::string engine;
  Which which;
};

/// "compact both": the name of a cell's variant. The runs beside it are named so too, with a word behind.
std::string name_of(const Cell& cell);

// A run of a variant is one forward pass, each time with the next of several inputs; for a trained model one
// at each timestep of its schedule.
class Variants {
 public:
  /// Several inputs, so that a pass does not find the decisions of the last one.
  static constexpr std::int64_t draws = 4;

  /// The dense model and the ceilings; where the compact engine is among those of the setting, also "compact path":
  /// that engine with everything on, routers skipped. Each variant that is a model checks its outputs against the
  /// masked engine's.
  Variants(const SpeedSetting& setting, const Group& group);

  /// Of a cell that is not dense.
  struct Case {
    std::vector<engine::Masks> masks;  ///< for each input
    cost::Activity activity;           ///< mean over the inputs
    bool routed = true;                ///< its routers decide; a static model needs none
    std::vector<double> packing;       ///< seconds to pack its weights from nothing, of each time
  };

  void add_cell(const Cell& cell);
  const std::vector<instrument::Variant>& all() const { return all_; }
  std::int64_t passes() const {
    return group_.trained == nullptr ? 1 : static_cast<std::int64_t>(inputs_.size());
  }  ///< of a run
  /// So many runs of a variant go through all inputs.
  std::int64_t runs() const { return group_.trained == nullptr ? draws : 1; }
  const model::Configuration& configuration() const { return dit_->configuration; }
  const Case& case_of(const Cell& cell) const { return cases_.at(name_of(cell)); }
  /// Of the weights that a cell's forward pass works with.
  std::int64_t weight_bytes(const Cell& cell) const;
  double product_macs = 0, copied_bytes = 0;  ///< of a pass of the ceilings

 private:
  struct Input {
    torch::Tensor x, t, y;
  };
  void draw_inputs();
  void trained_inputs();
  void for_inputs(std::int64_t run, const std::function<void(std::size_t)>& work) const;
  std::vector<engine::Masks> imposed(const Kept& kept) const;
  const std::vector<engine::Masks>& decided();  // by the routers of a trained model, as the masked engine runs them
  std::vector<engine::Masks> decided_by(engine::Engine& engine) const;
  std::vector<engine::Masks> masks_of(Which which);
  void add(std::string name, std::function<void(std::int64_t)> run) {
    all_.push_back({std::move(name), std::move(run)});
  }
  using Forward = std::function<engine::Outcome(std::size_t input)>;
  using CheckMasks = std::function<void(std::size_t input, const engine::Masks& executed)>;
  void add_model(
      const std::string& name, const Forward& forward, const CheckMasks& check_masks = [](auto, const auto&) {});
  void add_engine(const std::string& name, const std::shared_ptr<engine::Engine>& engine,
                  const std::vector<engine::Masks>& masks, engine::Overruled routers);
  void add_own(const std::string& name, const std::shared_ptr<engine::Engine>& engine);
  void check(const Forward& forward, const CheckMasks& check_masks);
  void look_for_not_finite(bool wanted);  // by the engines, in each pass
  const torch::Tensor& reference(std::size_t input, const engine::Masks& masks);
  void add_parts(const std::string& name, const std::vector<engine::Masks>& masks, Parts::Of of,
                 const std::vector<std::string>& parts);
  void pack(Case& packed) const;

  const SpeedSetting& setting_;
  Group group_;
  model::DiT dit_;
  std::shared_ptr<engine::Engine> masked_;   // what every model's outputs are compared with
  std::shared_ptr<engine::Engine> compact_;  // of all cells: what they pack alike is there once
  std::shared_ptr<engine::Packing> packing_;  // of all parts, alike
  std::vector<model::Share> shares_;          // of a batch's images
  std::vector<Activations> activations_;      // of all parts, one for each share
  std::vector<Input> inputs_;
  std::vector<engine::Masks> decided_;  // empty until somebody asks
  struct Reference {
    std::size_t input;
    engine::Masks masks;
    torch::Tensor output;  // of the masked engine
  };
  std::vector<Reference> references_;  // several variants run under the same masks, and are checked twice
  std::vector<instrument::Variant> all_;
  std::map<std::string, Case> cases_;
};

}  // namespace dydit::study
