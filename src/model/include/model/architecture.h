// SPDX-License-Identifier: Apache-2.0
// What a model is to everything outside its own folder: its inputs, the units that it can switch off, and its work.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dydit::model {

/// By what is decided which units are on: the timestep alone, or each token by itself.
enum class Scope { timestep, token };

/// Units of a model that can be off, L layers of U each: attention heads, channel groups of an MLP, tokens of an image.
struct UnitAxis {
  std::string name;   ///< in records, masks and tensors: "heads"
  std::string label;  ///< for people: "channel groups"
  std::int64_t layers = 0, units = 0;
  bool first_on = false;  ///< unit 0 of each layer is always on
  Scope scope = Scope::timestep;

  std::int64_t routed() const { return first_on ? units - 1 : units; }  ///< that a router decides about
  bool operator==(const UnitAxis&) const = default;
};

/// What a block is made of: adaLN, attention, the routers of its units, the MLP.
enum class BlockPart { adaln, attention, routers, mlp };
inline constexpr std::size_t block_parts = 4;

/// Which parts of which blocks ran in a pass: [BlockPart][block], 1 or 0.
using BlockRuns = std::vector<std::vector<double>>;

/// How many units of each axis and layer are on in a pass of one image, or the means over many; and of two axes with as
/// many layers the means of their product, which the means alone do not tell.
struct Activity {
  std::vector<std::vector<double>> on;                 ///< [axis][layer]
  std::vector<std::vector<std::vector<double>>> both;  ///< [axis][axis][layer]; empty where the layers differ in number
  BlockRuns ran = {};                                  ///< of one pass; empty where all parts of all blocks ran

  /// Of one image: `both` follows from `on`.
  static Activity of_one(std::vector<std::vector<double>> on);
  /// The mean over what is here and `more`, which has this share of it.
  void mix(const Activity& more, double share);
};

/// Everything on.
Activity complete(const std::vector<UnitAxis>& units);

/// Where the time of a part goes that the masks leave less of: see docs/dynamic.md.
enum class Kind { fixed, attention, products, routers };

/// One part of a forward pass of one image, all layers together.
struct Part {
  std::string name;  ///< "attention.qkv" is one of the parts of "attention"
  Kind kind = Kind::fixed;
  double macs = 0;         ///< multiply-accumulates
  double weights = 0;      ///< numbers that are read once, however many images there are
  double activations = 0;  ///< numbers read and written
};

/// MACs that shrink, layer by layer, with the share of an axis that is on, or of two.
struct Term {
  double macs = 0;                ///< of all layers, with everything on
  std::vector<std::size_t> axes;  ///< their numbers; of as many layers
};

struct Architecture {
  std::string name;                                ///< a published one, or ""
  nlohmann::ordered_json configuration;            ///< what a profile gives, and a file's metadata
  nlohmann::ordered_json dense;                    ///< equal for models of one size, with or without routers
  std::string summary;                             ///< its shape in a line
  std::int64_t channels = 0, side = 0, patch = 0;  ///< of the inputs (N,channels,side,side); side of a token's patch
  std::int64_t classes = 0;                        ///< labels 0 ... classes - 1; `classes` is "none"
  bool learns_sigma = false;                       ///< twice as many channels come out
  bool flow = false;                               ///< made for flow matching, as its name says
  std::int64_t depth = 0;                          ///< blocks
  std::int64_t stream = 0;                         ///< numbers of an image between two blocks
  std::int64_t parameters = 0, trainable = 0;
  std::vector<UnitAxis> units = {};                         ///< none of a dense model
  std::vector<Term> skippable = {};                         ///< of the blocks: what a training holds to its target
  std::function<std::vector<Part>(const Activity&)> parts;  ///< for any activity

  bool dynamic() const { return !units.empty(); }
  std::int64_t grid() const { return side / patch; }  ///< tokens of a row
};

nlohmann::ordered_json to_json(const std::vector<UnitAxis>& units);

}  // namespace dydit::model
