// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace dydit::gpu {

/// What becomes of a product x W^T before it is written.
enum class Epilogue {
  bias,            ///< x W^T + b
  gelu,            ///< GELU of that (tanh approximation)
  gated_residual,  ///< that, times the gate of its image, added to a row of the stream
  logits           ///< v relu(x W^T + b) + v_b of each row, in float32: a router of two layers
};

}  // namespace dydit::gpu
