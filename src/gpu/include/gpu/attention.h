// SPDX-License-Identifier: Apache-2.0
// Attention by the libraries' kernels, or by one of ours; which is fastest is measured, for each shape.
#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "gpu/around.h"
#include "gpu/measure.h"

namespace dydit::gpu {

struct AttentionWay {
  std::string name;
  /// q, k and v of `heads` heads, (N,T,3 W) -> what each head mixes (N,T,W). Ours alone knows those around it.
  std::function<torch::Tensor(const torch::Tensor& qkv, std::int64_t heads, const Around& around)> run;
  bool of_library = false;
};
const std::vector<AttentionWay>& library_attention_ways();
/// With ours, for Hopper in bfloat16 or float16, where it takes the shape: a multiple of 256 tokens, 64 or 72 numbers a
/// head.
std::vector<AttentionWay> attention_ways(const torch::Tensor& qkv, std::int64_t heads);

/// Those that take the shape. Throws RunError where there is none.
std::vector<AttentionWay> those_that_run(std::vector<AttentionWay> ways, const torch::Tensor& qkv, std::int64_t heads);
std::vector<Trial> trials_of(const std::vector<AttentionWay>& ways, const torch::Tensor& qkv, std::int64_t heads);

class Attentions {
 public:
  /// (N,T,3 W) -> (N,T,W). Measures where the shape is new, as Products does.
  torch::Tensor run(const torch::Tensor& qkv, std::int64_t heads, const Around& around = {});

 private:
  std::map<std::tuple<torch::Dtype, std::int64_t, std::int64_t, std::int64_t, std::int64_t>, AttentionWay> choices_;
};

}  // namespace dydit::gpu
