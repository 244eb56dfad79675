// SPDX-License-Identifier: Apache-2.0
// Products of activations and weights on a Hopper GPU, in bfloat16 or float16 with float32 sums: by cuBLASLt, or by a
// kernel of ours that reads the number of its rows on the GPU, so that nobody waits for it, and that adds to the
// stream where the rows came from. Which is fastest is measured, for each shape.
#pragma once

#include <torch/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "gpu/epilogue.h"
#include "gpu/measure.h"

namespace dydit::gpu {

struct Product {
  Epilogue epilogue = Epilogue::bias;
  torch::Tensor x = {};       ///< (M,K), rows lie together
  torch::Tensor weight = {};  ///< (N,K), the same; K may be 0, and only the bias is left
  torch::Tensor bias = {};    ///< (N)
  torch::Tensor out = {};     ///< (M,N); with a gated residual the stream (rows,N)
  torch::Tensor count = {};   ///< int32, of one number: rows of x that count, the first ones; undefined: all
  torch::Tensor rows = {};    ///< int32 (M): with a gated residual, the row of the stream; undefined: its own
  torch::Tensor gate = {};    ///< (images,N), of a gated residual; rows of images lie apart as they like
  std::int64_t tokens = 0;    ///< rows of an image in the stream
  bool backwards = false;     ///< see Around; ours of many rows
};

/// A way to compute products of one shape: one of cuBLASLt's (where all rows count and nothing is added), or a kernel
/// of ours with one of its tiles. All are of one result up to rounding.
struct Way {
  std::string name;
  std::function<void(const Product&)> run;  ///< on the current stream
  bool of_library = false;
};
/// Throws UsageError for a product that does not fit together.
std::vector<Way> ways(const Product& product);
/// Those of cuBLASLt alone: up to eight, the ones that it expects to be fastest first.
std::vector<Way> library_ways(const Product& product);

namespace plain {
/// By LibTorch's operators in float32, rounded at the end: the reference. -> what `out` becomes.
torch::Tensor product(const Product& product);
}  // namespace plain

/// Products, each computed in the way that was fastest of its type and shape when that was first asked for.
class Products {
 public:
  /// Measures where the shape is new, which waits for the GPU and cannot be while a graph is captured.
  void run(const Product& product);

 private:
  std::map<std::string, Way> fastest_;  // by type, shape and epilogue
};

/// Each way's time.
std::vector<Timed> measure(const std::vector<Way>& ways, const Product& product);

}  // namespace dydit::gpu
