// SPDX-License-Identifier: Apache-2.0
// Runs of the program that take a moment: DiTs of width 16 on made up images of 3x8x8.
#pragma once

#include <cstdint>
#include <map>

#include "process.h"

namespace dydit::test {

/// Trains "DiT"; the rest of the arguments (--steps, --out) are the test's.
Arguments training(const Arguments& more, const std::string& data = "synthetic:40");

/// A profile in `folder` with both studies of two models trained a little, whose data are made up.
std::filesystem::path study_profile(const std::filesystem::path& folder);

/// Samples a DiT of width 16 that it trains in `folder`; the rest of the arguments (--images, --out) are the test's.
Arguments sampling(const std::filesystem::path& folder);
/// What a run of images has but for what tells of its making: images, and what was assembled of them, as bytes.
std::map<std::string, std::string> images_of(const std::filesystem::path& run);
/// Pixels (N,8,8,3), the first array of its samples.npz.
std::vector<std::uint8_t> pixels_of(const std::filesystem::path& run);
/// The largest difference of two levels, 256 where there are not as many.
int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b);

/// The records of a run without throughput and time; tensors and checkpoints by name as bytes.
struct Result {
  std::map<std::string, std::string> records, files;
  bool operator==(const Result&) const = default;
};
Result result_of(const std::filesystem::path& run);

/// The files below a folder as bytes, by their path in it.
std::map<std::string, std::string> files_in(const std::filesystem::path& folder);

}  // namespace dydit::test
