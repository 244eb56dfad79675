// SPDX-License-Identifier: Apache-2.0
// What the kernels of src/gpu are timed on, at the shapes of a model's block, and what they are held against.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "subject.h"

namespace dydit::bench::gpu_kernels {

constexpr double rounding = 1.0 / 512;  ///< half a unit in the last place of a bfloat16
constexpr int runs = 8;                 ///< of a graph
constexpr const char* fastest = "fastest";

/// A kernel on its inputs.
struct Case {
  std::function<void(int run)> run;  ///< one of a graph's
  std::function<void()> check;       ///< throws RunError unless run 0 gives the reference's result
  double macs = 0, bytes = 0;        ///< that a run cannot do without
  bool moves = false;                ///< bytes bound it
  torch::Tensor counts = {};         ///< int32 (runs), all 0 before a graph
};

/// Throws RunError unless distance <= bound.
void require_close(const char* what, double distance, double bound);

/// Activations of a block in bfloat16, and the share `keep` of the units of `which`; 1 is the complete model, which
/// routes nothing.
struct Block {
  Block(const Subject& subject, const char* which, double keep);
  torch::Tensor numbers(at::IntArrayRef sizes,
                        std::uint64_t which) const;  ///< standard normal, the same ones each time
  torch::Tensor part(std::int64_t which) const;      ///< (N,D) of the modulation

  dit::DiT dit;
  model::Inputs in;
  std::int64_t n, t, d;
  torch::TensorOptions options;
  torch::Tensor x, modulation;  ///< (N,T,D), (N,6D)
  std::vector<bool> heads, groups;
  torch::Tensor tokens;       ///< bool (N,T)
  torch::Tensor rows, count;  ///< int32 (N T) and (1), of a routed product; undefined: all
  std::int64_t routed = 0;    ///< how many count
};

constexpr double bytes_of(std::int64_t numbers) { return 2 * static_cast<double>(numbers); }

/// A block's products and adaLN's of all blocks, computed in the way of that name.
Case qkv(Block& b, const std::string& way);
Case proj(Block& b, const std::string& way);
Case fc1(Block& b, const std::string& way);
Case fc2(Block& b, const std::string& way);
Case adaln(Block& b, const std::string& way);
/// The four without residual or GELU, of the rows that count alone, each by the fastest of cuBLASLt's.
std::vector<Case> products_of_library(Block& b);

/// What stands between them; `way` is of the attention alone.
Case attention(Block& b, const std::string& way);
Case norm(Block& b, const std::string& way);
Case route(Block& b, const std::string& way);
Case route_and_router(Block& b, const std::string& way);

/// All of a block's, one after the other: `ours`, or those that its floor is made of (`libraries`).
constexpr const char *ours = "ours", *libraries = "libraries";
Case block(Block& b, const std::string& way);

/// Before and behind the blocks.
Case embed_patches(Block& b, const std::string& way);
Case condition(Block& b, const std::string& way);
Case final_layer(Block& b, const std::string& way);

}  // namespace dydit::bench::gpu_kernels
