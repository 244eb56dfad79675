// SPDX-License-Identifier: Apache-2.0
// What the blocks of a pass take at least: each product and the attention alone, by the fastest of the libraries'
// kernels, the lowest of five turns.
#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "dit/engines.h"
#include "gpu/attention.h"
#include "gpu/product.h"
#include "gpu/support.h"

namespace dydit::dit {

using torch::Tensor;

namespace {

// Each shape once.
class Floors {
 public:
  explicit Floors(torch::TensorOptions options) : options_(options) {}

  double product(std::int64_t m, std::int64_t n, std::int64_t k) {
    return once({m, n, k, 0}, [&] {
      const gpu::Product p{
          .x = numbers({m, k}), .weight = numbers({n, k}), .bias = numbers({n}), .out = numbers({m, n})};
      return lowest(gpu::measure(gpu::library_ways(p), p));
    });
  }
  double attention(std::int64_t images, std::int64_t tokens, std::int64_t heads, std::int64_t size) {
    return once({images, tokens, heads, size}, [&] {
      const Tensor qkv = numbers({images, tokens, 3 * heads * size});
      const auto ways = gpu::those_that_run(gpu::library_attention_ways(), qkv, heads);
      return lowest(gpu::measure(gpu::trials_of(ways, qkv, heads), qkv.device()));
    });
  }

 private:
  template <typename Measure>
  double once(const std::array<std::int64_t, 4>& shape, const Measure& measure) {
    if (*std::ranges::min_element(shape.begin(), shape.begin() + 3) == 0) return 0;
    const auto found = known_.find(shape);
    return found != known_.end() ? found->second : known_[shape] = measure();
  }
  static double lowest(const std::vector<gpu::Timed>& timed) {
    return std::ranges::min(timed, {}, &gpu::Timed::lowest).lowest;
  }
  Tensor numbers(at::IntArrayRef sizes) const {
    return torch::randn(sizes, options_.dtype(torch::kFloat32)).to(options_.dtype());
  }

  torch::TensorOptions options_;
  std::map<std::array<std::int64_t, 4>, double> known_;
};

}  // namespace

std::optional<engine::Floor> floor_of(const DiT& dit, const std::vector<engine::Masks>& draws) {
  torch::NoGradGuard no_grad;
  const Configuration& c = dit->configuration;
  const Tensor& weights = dit->pos_embed;
  if (!gpu::lacks(weights.device(), weights.scalar_type()).empty()) return std::nullopt;
  Floors floors(weights.options());
  engine::Floor floor;
  const auto share = 1 / static_cast<double>(draws.size());
  for (const engine::Masks& masks : draws) {
    const std::int64_t images = masks.front().size(0), rows = images * c.tokens();
    // At one timestep the widths of all images are the same. Rows are rounded: each number of them is a shape.
    const Tensor heads = masks[axis::heads][0].sum(1).cpu(), groups = masks[axis::channels][0].sum(1).cpu(),
                 tokens = masks[axis::tokens].sum(at::IntArrayRef({0, 2})).cpu();
    const std::int64_t step = std::max<std::int64_t>(rows / 64, 1);
    for (std::int64_t layer = 0; layer < c.depth; ++layer) {
      const auto of = [&](const Tensor& counts) { return counts[layer].item<std::int64_t>(); };
      const std::int64_t width = of(heads) * c.head_size(), hidden = of(groups) * c.group_size();
      const std::int64_t routed =
          of(tokens) == 0 ? 0 : std::max((of(tokens) + step / 2) / step * step, std::int64_t{1});
      floor.seconds +=
          share *
          (floors.product(rows, 3 * width, c.hidden_size) +
           floors.attention(images, c.tokens(), of(heads), c.head_size()) + floors.product(rows, c.hidden_size, width) +
           floors.product(routed, hidden, c.hidden_size) + floors.product(routed, c.hidden_size, hidden));
      // Both norms read all rows, the second one writes those that are on.
      floor.bytes += share * static_cast<double>((3 * rows + of(tokens)) * c.hidden_size * weights.element_size());
    }
  }
  return floor;
}

}  // namespace dydit::dit
