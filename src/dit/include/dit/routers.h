// SPDX-License-Identifier: Apache-2.0
// What a training does to routers as a whole: those over widths (heads and channel groups), and those over tokens.
#pragma once

#include "dit/dit.h"

namespace dydit::dit {

/// They get no gradient.
void freeze_routers(DiT& dit, model::Scope scope);

/// They let all through whatever they are given: their last layer has no weights, and this bias.
void open_routers(DiT& dit, model::Scope scope, double bias);

/// They begin mostly open: their last layer has this bias.
void bias_routers(DiT& dit, model::Scope scope, double bias);

/// Routers over widths that let the first `counts` units of each layer through, at every timestep; [axis][layer]. A
/// router has no row for a unit that is always on.
void close_routers(DiT& dit, const std::vector<std::vector<std::int64_t>>& counts, double bias);

}  // namespace dydit::dit
