// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/bounds.h"
#include "base/error.h"

namespace dydit::diffusion {

/// The value of that name. Throws UsageError with the known names; `where` is the key that has the name, if any.
template <typename T>
T named(const std::string& kind, const std::string& name, const std::vector<std::pair<std::string, T>>& known,
        const std::string& where = "") {
  const auto found = std::ranges::find(known, name, &std::pair<std::string, T>::first);
  if (found != known.end()) return found->second;
  std::string list;
  for (const auto& entry : known) list += (list.empty() ? "" : ", ") + entry.first;
  throw UsageError("no such " + kind, where.empty() ? shortened(name) : where + " = " + shortened(name),
                   "known are " + list);
}

/// Of the name of a process. Throws UsageError alike.
inline bool is_flow(const std::string& name, const std::string& where = "") {
  return named<bool>("process", name, {{"diffusion", false}, {"flow", true}}, where);
}

}  // namespace dydit::diffusion
