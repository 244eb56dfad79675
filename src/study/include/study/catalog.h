// SPDX-License-Identifier: Apache-2.0
// Everything that profiles and the command line can name: a table of rows for each kind.
#pragma once

#include "engine/family.h"
#include "study/names.h"
#include "study/row.h"

namespace dydit::study {

struct Catalog {
  engine::Families families;
  std::vector<Axis> axes;
  std::vector<Row> studies;

  Names names() const;
};

}  // namespace dydit::study
