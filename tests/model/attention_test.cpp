// SPDX-License-Identifier: Apache-2.0
// Attention in inference against its formula in float64.
#include <fmt/format.h>

#include <bit>

#include "catch.h"
#include "distance.h"
#include "model/attention.h"

using dydit::test::rel_l2;
using torch::Tensor;
namespace model = dydit::model;

static Tensor formula(const Tensor& qkv, std::int64_t heads) {
  const auto n = qkv.size(0), t = qkv.size(1), d = qkv.size(2) / 3 / heads;
  const auto parts = qkv.to(torch::kFloat64).view({n, t, 3, heads, d}).permute({2, 0, 3, 1, 4}).unbind(0);
  const Tensor weights =
      torch::softmax(parts[0].matmul(parts[1].transpose(2, 3)) / std::sqrt(static_cast<double>(d)), 3);
  return weights.matmul(parts[2]).transpose(1, 2).reshape({n, t, heads * d});
}

TEST_CASE("attention equals its formula in float64, with and without gradients") {
  torch::manual_seed(3);
  const auto [n, t, heads, d] = GENERATE(table<int, int, int, int>(
      {{1, 1, 1, 4}, {2, 3, 2, 8}, {1, 31, 3, 13}, {2, 64, 1, 64}, {1, 70, 4, 72}, {3, 256, 3, 64}, {1, 300, 2, 24}}));
  const double size = GENERATE(0.1, 1.0, 30.0);  // of the logits: nearly even weights to nearly one token alone
  const Tensor qkv = torch::randn({n, t, 3 * heads * d}) * std::sqrt(size);
  const Tensor expected = formula(qkv, heads);
  INFO(fmt::format("{} x {} x {} x {}, logits of {}", n, t, heads, d, size));
  const double tolerance = 2e-6 * std::max(1.0, size);
  CHECK(rel_l2(model::attention(qkv, heads), expected) <= tolerance);
  const torch::NoGradGuard no_grad;
  CHECK(rel_l2(model::attention(qkv, heads), expected) <= tolerance);
}

TEST_CASE("attention without gradients keeps what is not a number, and is the same for any number of threads") {
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  Tensor qkv = torch::randn({2, 50, 3 * 48});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Tensor alone = model::attention(qkv, 3);
  at::set_num_threads(3);
  CHECK(torch::equal(model::attention(qkv, 3), alone));
  at::set_num_threads(threads);
  qkv[0][7][100] = std::nan("");  // in a value of the first image's first head
  const Tensor out = model::attention(qkv, 3);
  CHECK(out[0].select(1, 4).isnan().all().item<bool>());
  CHECK(torch::equal(out[1], alone[1]));
}

TEST_CASE("what is not a number stays so in attention, whatever its bits and wherever it comes in") {
  torch::manual_seed(5);
  const torch::NoGradGuard no_grad;
  for (const std::uint32_t bits : {0x7f800001U, 0x7fc00000U, 0x7fffffffU, 0xffc00000U, 0xff800001U})
    for (const std::int64_t part : {0, 1, 2}) {  // q, k, v
      Tensor qkv = torch::randn({2, 50, 3 * 48});
      qkv.data_ptr<float>()[7 * 3 * 48 + part * 48 + 20] = std::bit_cast<float>(bits);  // of head 1's number 4
      const Tensor out = model::attention(qkv, 3);
      INFO(fmt::format("{:#x} in part {}", bits, part));
      // A query spoils its token, a key all tokens of the head, a value one number of each.
      const Tensor spoilt = part == 0   ? out[0][7].narrow(0, 16, 16)
                            : part == 1 ? out[0].narrow(1, 16, 16)
                                        : out[0].select(1, 20);
      CHECK(spoilt.isnan().all().item<bool>());
      CHECK(out.isnan().sum().item<std::int64_t>() == spoilt.numel());
    }
}
