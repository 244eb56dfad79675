// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

#include <mutex>

namespace dydit::model {

/// A fixed weight in the layout in which its product is fastest: oneDNN's own on the CPU, in float32 and bfloat16, and
/// elsewhere the weight itself where its rows lie together, so that it must not change.
class PackedLinear {
 public:
  PackedLinear() = default;
  /// weight (out, in), any view of a matrix; bias (out), or undefined. `rows`: about how many x will have.
  PackedLinear(const torch::Tensor& weight, const torch::Tensor& bias, std::int64_t rows);
  torch::Tensor forward(const torch::Tensor& x) const { return apply(x, /*gelu=*/false); }
  torch::Tensor gelu(const torch::Tensor& x) const { return apply(x, /*gelu=*/true); }
  const torch::Tensor& weight() const { return weight_; }  ///< on a GPU (out, in), its rows lying together
  const torch::Tensor& bias() const { return bias_; }
  std::size_t bytes() const;  ///< of memory that nothing else holds

 private:
  torch::Tensor apply(const torch::Tensor& x, bool gelu) const;

  torch::Tensor weight_, bias_;
  bool packed_ = false;
};

/// Whether what is computed from x goes through the project's own vector code: in inference, float32 on the CPU.
bool suits_vector_code(const torch::Tensor& x);

/// x W^T + b, (..., in) -> (..., out). The parameters are left as memory was: they come from a checkpoint or
/// from DiT::initialise.
///
/// On the CPU the products are oneDNN's, which is faster at a DiT's shapes than the BLAS behind at::linear and
/// applies bias and GELU while the result is in cache. Without gradients the weight is packed into oneDNN's own
/// layout at the first use and kept (a second copy), or for few rows into panels (panels.h); a changed weight is packed
/// anew. A weight made in inference mode bears no version, so it must not change after its first use.
struct LinearImpl : torch::nn::Module {
  LinearImpl(std::int64_t in, std::int64_t out);
  torch::Tensor forward(const torch::Tensor& x) { return apply(x, /*gelu=*/false); }
  torch::Tensor gelu(const torch::Tensor& x) {
    return apply(x, /*gelu=*/true);
  }                        ///< GELU (tanh approximation) of forward(x)
  torch::Tensor panels();  ///< the weight in panels (panels.h)

  torch::Tensor weight;  ///< (out, in)
  torch::Tensor bias;    ///< (out)

 private:
  // The weight in another layout, as long as it is what that was made from.
  struct Layout {
    std::mutex being_packed;  // by one of the threads that share a batch
    torch::Tensor weight;
    torch::Tensor from;  // the weight's memory, held so that no other weight can come to lie there
    std::int64_t version = -1;
  };
  template <typename Pack>
  torch::Tensor kept(Layout& layout, const Pack& pack);
  torch::Tensor apply(const torch::Tensor& x, bool gelu);
  torch::Tensor apply_to_few(const torch::Tensor& x);

  Layout packed_, panels_;
};
TORCH_MODULE(Linear);

/// v relu(x W^T + b) + v_b of each row, (..., in) -> (...): a router of two layers, `out` having one row.
torch::Tensor row_logits(const torch::Tensor& x, LinearImpl& hidden, LinearImpl& out);

}  // namespace dydit::model
