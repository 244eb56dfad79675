// SPDX-License-Identifier: Apache-2.0
// What a profile can name, without what it stands for.
#pragma once

#include "study/options.h"
#include "study/sampling_sweep.h"

namespace dydit::study {

struct Names {
  std::vector<Info> studies;
  SweepNames sweep;
};

}  // namespace dydit::study
