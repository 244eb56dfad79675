// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace dydit::data {

/// How a .safetensors of latents that open_dataset reads begins: its header, with `classes` in the metadata, and
/// `label`. The numbers of the latents follow, float32 (C,h,w), one after the other as the labels are: so the file is
/// written in one pass.
std::string latents_file_begin(const std::vector<std::int64_t>& labels, std::int64_t classes, const Shape& of_one);

}  // namespace dydit::data
