// SPDX-License-Identifier: Apache-2.0
// What the tests of checkpoints share: folders and comparison.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "stored_zip.h"
#include "test_folder.h"

namespace dydit::test {

inline const std::filesystem::path golden = dydit::test::test_folder() / "golden";
inline const std::filesystem::path fixtures = golden / "checkpoint";

/// Same names, types, shapes and bytes.
inline bool identical(const checkpoint::Tensors& a, const checkpoint::Tensors& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
    return left.first == right.first && left.second.type == right.second.type &&
           left.second.shape == right.second.shape &&
           std::equal(left.second.bytes.begin(), left.second.bytes.end(), right.second.bytes.begin(),
                      right.second.bytes.end());
  });
}

}  // namespace dydit::test
