// SPDX-License-Identifier: Apache-2.0
// What is timed: a trained model of the profile, or a published configuration whose weights switch nothing off.
#pragma once

#include "study/speed.h"

namespace dydit::study {

/// `trained` is null for a published configuration of that name.
inline const engine::Family& family_of(const Catalog& catalog, const Trained* trained, const std::string& name) {
  return trained == nullptr ? engine::family_of(catalog.families, name) : *trained->family;
}

/// Of a trained model a copy, whose type of numbers the caller chooses.
inline std::shared_ptr<model::Network> network_of(const engine::Family& family, const Trained* trained,
                                                  const std::string& name, std::int64_t input_size,
                                                  std::uint64_t seed) {
  if (trained != nullptr) return copy_of(*trained->network);
  auto network = family.build(family.describe(name, input_size));
  network->randomise(seed);
  return network;
}

/// An axis of published configurations whose latent has not the usual side: a page is to tell them apart.
inline void name_input_size(record::Json& axes, const Trained* trained, std::int64_t input_size) {
  if (trained == nullptr && input_size != usual_input_size) axes["input_size"] = input_size;
}

}  // namespace dydit::study
