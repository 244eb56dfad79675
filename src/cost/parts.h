// SPDX-License-Identifier: Apache-2.0
// Every formula of MACs and sizes, once.
#pragma once

#include <string_view>
#include <vector>

#include "cost/macs.h"

namespace dydit::cost {

/// One part of a forward pass of one image.
struct Part {
  std::string_view name;   ///< see work_of
  double macs = 0;         ///< multiply-accumulates
  double weights = 0;      ///< numbers that are read once, however many images there are
  double activations = 0;  ///< numbers read and written
};
std::vector<Part> parts_of(const model::Configuration& configuration, const Activity& activity);

}  // namespace dydit::cost
