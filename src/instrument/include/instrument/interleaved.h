// SPDX-License-Identifier: Apache-2.0
// Times of several variants of a piece of work that are to be compared: all of them in each block, in random order,
// so that what disturbs the machine disturbs all alike. The error of a comparison is what varies between blocks.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dydit::instrument {

struct Variant {
  std::string name;
  std::function<void(std::int64_t pass)> run;  ///< `pass` counts from 0, for inputs that rotate
};

struct Blocks {
  std::int64_t count = 15;
  double seconds = 0;  ///< a variant's passes in one block take at least about this long; one pass at least
  std::uint64_t seed = 0;
};

struct Times {
  std::vector<std::vector<double>> blocks = {};  ///< seconds of each pass
  std::string error = {};                        ///< in one line, what made the variant fail, after which it was left out
};

/// Warms each variant up (on a GPU until its kernels and memory are there) and measures the blocks. In each, a variant
/// makes a pass that does not count, with the number of the last one, before those that do: what is compared is a model
/// that runs pass after pass.
/// `after_block` is called after each block. Throws Interrupted between passes.
std::vector<Times> interleaved(const std::vector<Variant>& variants, const Blocks& blocks, torch::Device device,
                               const std::function<void()>& after_block = [] {});

/// The median pass of each block; empty where the variant failed.
std::vector<double> block_medians(const Times& times);

}  // namespace dydit::instrument
