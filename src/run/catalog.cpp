// SPDX-License-Identifier: Apache-2.0
#include "study/catalog.h"

#include "dit/engines.h"
#include "run/runner.h"

namespace dydit::run {

study::Catalog standard_catalog() {
  return {.families = {dit::family()},
          .axes = study::standard_axes(),
          .studies = {study::loss_gap(), study::loss_map(), study::activation(), study::compute_map()}};
}

}  // namespace dydit::run
