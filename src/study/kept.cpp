// SPDX-License-Identifier: Apache-2.0
#include "study/kept.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "study/bounds.h"

namespace dydit::study {

static Kept by_axis(std::vector<double> shares, const std::string& where) {
  if (shares.size() < 2)
    throw UsageError("not a share of each unit axis", where, "give a number, or a list of several");
  if (std::ranges::count(shares, 1.0) == std::ssize(shares))
    throw UsageError("shares that leave everything on", where, "give 1 alone");
  Kept kept;
  kept.shares = std::move(shares);
  return kept;
}

Kept kept_from_json(const Json& json, const std::string& where) {
  const auto share = [&](const Json& value) {
    if (!value.is_number()) throw UsageError("not a number", where, bounds::keep.remedy());
    bounds::keep.require(value.get<double>(), where);
    return value.get<double>();
  };
  if (!json.is_array()) return share(json);
  std::vector<double> shares;
  for (const Json& value : json) shares.push_back(share(value));
  return by_axis(std::move(shares), where);
}

Kept kept_from_text(const std::string& text, const std::string& where) {
  std::vector<double> shares;
  for (std::size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find(',', begin);
    shares.push_back(bounds::keep.parse(text.substr(begin, end == std::string::npos ? end : end - begin), where));
  }
  return shares.size() == 1 ? Kept(shares.front()) : by_axis(std::move(shares), where);
}

Json to_json(const Kept& kept) { return kept.shares.size() == 1 ? Json(kept.shares.front()) : Json(kept.shares); }

std::string to_string(const Kept& kept) { return fmt::format("{}", fmt::join(kept.shares, ",")); }

void require_axes(const Kept& kept, const std::vector<model::UnitAxis>& units, const std::string& where) {
  if (kept.shares.size() == 1 || kept.shares.size() == units.size()) return;
  std::vector<std::string> names;
  for (const model::UnitAxis& axis : units) names.push_back(axis.name);
  throw UsageError(fmt::format("the shares {} are not of {} unit axes", to_string(kept), units.size()), where,
                   fmt::format("give one share, or one of each: {}", fmt::join(names, ", ")));
}

}  // namespace dydit::study
