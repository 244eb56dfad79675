// SPDX-License-Identifier: Apache-2.0
// The shares of a model's units that imposed masks keep.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/architecture.h"

namespace dydit::study {

using Json = nlohmann::ordered_json;

/// One share of all unit axes, or one of each in the architecture's order (of a DiT heads, channel groups, tokens).
struct Kept {
  std::vector<double> shares{1};

  Kept(double share = 1) : shares{share} {}
  bool everything() const { return shares == std::vector<double>{1}; }
  double of(std::size_t axis) const { return shares.size() == 1 ? shares.front() : shares.at(axis); }
  bool operator==(const Kept&) const = default;
};

/// A number, or a list of two numbers at least, not all of them 1. Throws UsageError naming `where` for anything else,
/// and for a share that is not within bounds::keep.
Kept kept_from_json(const Json& json, const std::string& where);
/// The same of "0.5" or "0.75,0.625,0.65".
Kept kept_from_text(const std::string& text, const std::string& where);
Json to_json(const Kept& kept);
/// "0.5", "0.75,0.625,0.65"
std::string to_string(const Kept& kept);

/// Throws UsageError naming `where`, unless it is one share or one of each of these axes.
void require_axes(const Kept& kept, const std::vector<model::UnitAxis>& units, const std::string& where);

}  // namespace dydit::study
