// SPDX-License-Identifier: Apache-2.0
// Cells on their way from the process that found them to the one that writes them.
#pragma once

#include "study/study.h"

namespace dydit::study {

std::string to_bytes(const std::vector<DoneCell>& cells);
std::vector<DoneCell> from_bytes(const std::string& bytes);

}  // namespace dydit::study
