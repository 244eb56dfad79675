// SPDX-License-Identifier: Apache-2.0
// What a profile's [sampling] measures: whole trajectories, of models times samplers times caches.
#pragma once

#include "study/sweep.h"

namespace dydit::study {

/// A part of all samplers, numbers of steps and caches: the product of these lists.
struct SamplingProduct {
  std::vector<std::string> models{};  ///< of the sweep, trained ones too; empty: all
  std::vector<std::string> sampler{};
  std::vector<std::int64_t> steps{};
  std::vector<std::string> cache{};
};

/// Models times engines times samplers, steps and caches, each cell a trajectory of a batch. What cells are held
/// against is always among them: the complete model without a cache, by the first sampler in the first number of steps.
struct SamplingSweep {
  std::vector<std::string> models{"DyDiT-S/2"};  ///< published configurations under imposed masks
  std::vector<std::string> trained{};            ///< models of the profile, dynamic ones as their routers decide
  std::vector<std::string> dtype{"float32"};
  std::vector<std::int64_t> batch{8};  ///< images
  std::vector<double> guidance{1.5};   ///< scales; 1: none
  std::vector<Kept> keep{0.5};         ///< of the units of `which`
  std::vector<std::string> which{"both"}, engine{"dense", "compact"};
  std::vector<std::string> sampler{"ddim"};
  std::vector<std::int64_t> steps{50, 20};
  std::vector<std::string> cache{"none", "fora:2"};  ///< see cache::cache_named
  /// In the place of the product of the lists above, which stand for what one of these leaves out.
  std::vector<SamplingProduct> products{};
  std::int64_t input_size = usual_input_size;  ///< side of the latent, of published configurations
  std::int64_t blocks = 9;
  std::int64_t shown = 8;   ///< images of each trained model's cell that are kept for the report
  std::int64_t judged = 0;  ///< images by which the quality of each trained model's cell is judged; 0: it is not
  std::int64_t judged_on_front = 0;  ///< other images by which cells on the front are judged again; 0: they are not
  std::string features{};            ///< network that sees them (quality::load_network)
  std::string reference{};           ///< real images; "": the profile's data
};

/// Of which a sweep's samplers, steps and caches are: one at least, with no empty list, and in each "none" first among
/// the caches where the sweep names no products.
std::vector<SamplingProduct> products_of(const SamplingSweep& sweep);

/// Throws UsageError, naming `where`, for a key, name or number that has no meaning.
SamplingSweep sampling_sweep_from_json(const Json& json, const std::string& where, const SweepNames& names);
Json to_json(const SamplingSweep& sweep);

}  // namespace dydit::study
