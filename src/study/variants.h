// SPDX-License-Identifier: Apache-2.0
// What a study of speed times together: the engines at one share, the dense model beside them, and the
// counterfactual runs of their waterfalls.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imposed.h"
#include "instrument/interleaved.h"
#include "study/costs.h"

namespace dydit::study {

/// A cell of a group.
struct Cell {
  engine::Row engine;
  Which which;
};

/// "compact both": the name of a cell's variant. The runs beside it are named so too, with a word behind.
std::string name_of(const Cell& cell);

// A run of a variant is one forward pass, each time with the next of several inputs; for a trained model one
// at each time of its schedule.
class Variants {
 public:
  /// Several inputs, so that a pass does not find the decisions of the last one.
  static constexpr std::int64_t draws = 4;

  /// The complete model and the ceilings. Each variant that is a model checks its outputs against those of
  /// the engine that multiplies by masks.
  Variants(const SpeedSetting& setting, const Workload& group);

  /// Of a cell that can skip something.
  struct Case {
    std::vector<engine::Masks> masks;         ///< for each input
    model::Activity activity;                 ///< mean over the inputs
    bool routed = true;                       ///< its routers decide; a static model needs none
    std::vector<double> packing = {};         ///< seconds to pack its weights from nothing, of each time
    bool parts = false;                       ///< has the runs that a waterfall is derived from
    std::optional<engine::Floor> floor = {};  ///< of each pass, where it can be measured
    std::vector<engine::Masks> planned =
        {};  ///< for each input, where numbers of units are rounded up to those of `masks`
  };

  void add_cell(const Cell& cell);
  const std::vector<instrument::Variant>& all() const { return all_; }
  /// Of a run.
  std::int64_t passes() const { return group_.trained == nullptr ? 1 : static_cast<std::int64_t>(inputs_.size()); }
  /// So many runs of a variant go through all inputs.
  std::int64_t runs() const { return group_.trained == nullptr ? draws : 1; }
  const model::Architecture& architecture() const { return network_->architecture; }
  /// The variant of the complete model.
  std::string whole() const { return name_of({whole_, Which::all}); }
  const Case& case_of(const Cell& cell) const { return cases_.at(name_of(cell)); }
  /// What rounding up to tiles did to a cell's masks; nothing where they are not rounded.
  std::optional<RoundingDone> rounding_of(const Cell& cell) const;
  /// The complete model's, where a cell has one.
  const std::optional<engine::Floor>& whole_floor() const { return whole_floor_; }
  /// Of the weights that a cell's forward pass works with.
  double weight_bytes(const Cell& cell) { return engine(cell.engine).weight_bytes(case_of(cell).activity); }
  double product_macs = 0, copied_bytes = 0;  ///< of a pass of the ceilings

 private:
  void draw_inputs();
  void trained_inputs();
  void for_inputs(std::int64_t run, const std::function<void(std::size_t)>& work) const;
  engine::Engine& engine(const engine::Row& row);
  engine::Options options_of(const engine::Row& row) const;
  bool rounds(const engine::Row& row) const;
  void add_path(const engine::Row& row);
  std::vector<engine::Masks> imposed(const std::vector<double>& kept) const;
  const std::vector<engine::Masks>& decided();  // by the routers of a trained model, as the masked engine runs them
  std::vector<engine::Masks> executed_by(engine::Engine& engine, const std::vector<engine::Masks>& imposed) const;
  std::vector<engine::Masks> masks_of(Which which);
  using Forward = std::function<engine::Outcome(std::size_t input)>;
  using CheckMasks = std::function<void(std::size_t input, const engine::Masks& executed)>;
  void add_model(
      const std::string& name, const Forward& forward, const CheckMasks& check_masks = [](auto, const auto&) {});
  void add_complete(const engine::Row& row);
  void add_engine(const std::string& name, engine::Engine& engine, const std::vector<engine::Masks>& masks,
                  engine::Overruled routers);
  void add_own(const std::string& name, engine::Engine& engine, bool rounds);
  bool add_parts(const std::string& name, engine::Engine& engine, const std::vector<engine::Masks>& masks,
                 const std::vector<std::string>& parts);
  void check(const Forward& forward, const CheckMasks& check_masks);
  void look_for_not_finite(bool wanted);  // by the engines, in each pass
  const torch::Tensor& reference(std::size_t input, const engine::Masks& masks);
  std::optional<engine::Floor> floor_of(const std::vector<engine::Masks>& masks);
  void pack(Case& packed, const engine::Row& row) const;

  const SpeedSetting& setting_;
  Workload group_;
  torch::Dtype dtype_;
  const engine::Family& family_;
  const engine::Row& whole_;
  std::optional<engine::Floor> whole_floor_;
  std::shared_ptr<model::Network> network_;
  std::map<std::string, std::unique_ptr<engine::Engine>>
      engines_;  // one of each name: what cells pack alike is there once
  std::vector<model::Inputs> inputs_;
  std::vector<engine::Masks> open_;     // everything on, for each input
  std::vector<engine::Masks> decided_;  // empty until somebody asks
  std::map<std::string, bool> paths_;   // engines that have a path, and whether it has parts
  struct Reference {
    std::size_t input;
    engine::Masks masks;
    torch::Tensor output;  // of the masked engine
  };
  std::vector<Reference> references_;  // several variants run under the same masks, and are checked twice
  std::vector<std::pair<std::vector<engine::Masks>, std::optional<engine::Floor>>> floors_;  // of engines alike
  std::vector<instrument::Variant> all_;
  std::map<std::string, Case> cases_;
};

}  // namespace dydit::study
