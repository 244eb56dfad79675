// SPDX-License-Identifier: Apache-2.0
// Results on their way from the process that found them to the one that writes them.
#pragma once

#include "study/study.h"

namespace dydit::study {

std::string to_bytes(const std::vector<Result>& results);
std::vector<Result> from_bytes(const std::string& bytes);

}  // namespace dydit::study
