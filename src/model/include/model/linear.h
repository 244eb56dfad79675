// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/torch.h>

namespace dydit::model {

/// A fixed weight in the layout in which its product is fastest (oneDNN's own on the CPU, in float32 and bfloat16):
/// the only copy that is kept.
class PackedLinear {
 public:
  PackedLinear() = default;
  /// weight (out, in), any view of a matrix; bias (out), or undefined. `rows`: about how many x will have.
  PackedLinear(const torch::Tensor& weight, const torch::Tensor& bias, std::int64_t rows);
  torch::Tensor forward(const torch::Tensor& x) const { return apply(x, /*gelu=*/false); }
  torch::Tensor gelu(const torch::Tensor& x) const { return apply(x, /*gelu=*/true); }
  std::size_t bytes() const;

 private:
  torch::Tensor apply(const torch::Tensor& x, bool gelu) const;

  torch::Tensor weight_, bias_;
  bool packed_ = false;
};

/// x W^T + b, (..., in) -> (..., out). The parameters are left as memory was: they come from a checkpoint or
/// from DiT::initialise.
///
/// On the CPU the products are oneDNN's, which is faster at a DiT's shapes than the BLAS behind at::linear and
/// applies bias and GELU while the result is in cache. Without gradients the weight is packed into oneDNN's own
/// layout at the first use and kept (a second copy); a changed weight is packed anew. A weight made in inference mode
/// bears no version, so it must not change after its first use.
struct LinearImpl : torch::nn::Module {
  LinearImpl(std::int64_t in, std::int64_t out);
  torch::Tensor forward(const torch::Tensor& x);
  torch::Tensor gelu(const torch::Tensor& x);  ///< GELU (tanh approximation) of forward(x)

  torch::Tensor weight;  ///< (out, in)
  torch::Tensor bias;    ///< (out)

 private:
  torch::Tensor apply(const torch::Tensor& x, bool gelu);
  const torch::Tensor& packed(std::int64_t rows);

  torch::Tensor packed_;
  torch::Tensor packed_from_;  // the weight's memory, held so that no other weight can come to lie there
  std::int64_t packed_version_ = -1;
};
TORCH_MODULE(Linear);

}  // namespace dydit::model
