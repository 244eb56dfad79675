// SPDX-License-Identifier: Apache-2.0
// A family of models: what a name, a file or a profile makes of it, and the engines that run it.
#pragma once

#include <optional>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "engine/engine.h"

namespace dydit::engine {

/// The least that the blocks of a pass take on a GPU by the libraries' kernels, each alone and none twice.
struct Floor {
  double seconds = 0;                ///< of the products, each by the fastest algorithm, and the attention
  double bytes = 0;                  ///< that the norms read and write, to be taken at the rate of a copy
  std::optional<double> clock = {};  ///< MHz while it was measured, where it can be told
};

struct Family {
  std::string name;
  std::vector<std::string> published;  ///< names of configurations: "DyDiT-S/2"
  /// A published configuration for inputs of that side. Throws UsageError.
  std::function<model::Architecture(const std::string& name, std::int64_t side)> describe;
  /// Its weights as memory was.
  std::function<std::shared_ptr<model::Network>(const model::Architecture& architecture)> build;
  std::function<bool(const checkpoint::Checkpoint& opened)> recognises;
  /// With the weights of a checkpoint, in eval mode. Throws InputError for weights that do not fit or are not finite,
  /// UsageError where a number of heads is needed; both name `where`, the file.
  std::function<std::shared_ptr<model::Network>(const checkpoint::Checkpoint& opened, const std::string& where,
                                                std::optional<std::int64_t> num_heads, torch::Device device,
                                                torch::Dtype dtype)>
      load;
  std::vector<Row> engines;
  /// Of a pass under each of these masks, the mean; measured, on the network's GPU. Nothing where that has no kernels
  /// for the network's numbers; empty where nobody can tell.
  std::function<std::optional<Floor>(const std::shared_ptr<model::Network>& network, const std::vector<Masks>& masks)>
      floor = {};

  /// Throws UsageError naming the known ones.
  const Row& engine(const std::string& wanted) const&;
  const Row& engine(const std::string& wanted) && = delete;
  /// The first engine that runs a model so.
  const Row& engine_that(Executes executes) const;
  /// What others are compared with: the first that runs the complete model, of those that are named, or of all.
  const Row& complete_engine(const std::vector<std::string>& named) const;
  /// The engine of that name for a model: of one without routers that of the complete model. Throws UsageError, naming
  /// `where`, where there is none.
  const Row& engine_for(const std::string& wanted, const model::Architecture& architecture,
                        const std::string& where) const;
  /// What runs a network where nobody says: what keeps what is on, of a dense model the complete one.
  const Row& default_engine(const model::Network& network) const;
};

using Families = std::vector<Family>;

/// The family that has a published configuration of that name. Throws UsageError naming the known ones.
const Family& family_of(const Families& families, const std::string& published);
/// The family whose checkpoint it is. Throws InputError naming `where`.
const Family& family_of(const Families& families, const checkpoint::Checkpoint& opened, const std::string& where);

/// Every engine of the families once, by name; of one name in several families that of the first.
std::vector<Row> engines_of(const Families& families);

}  // namespace dydit::engine
