// SPDX-License-Identifier: Apache-2.0
// The kernels of src/gpu against LibTorch's operators in float64, on fresh random numbers; passed over without a
// Hopper GPU. Small shapes: compute-sanitizer runs them too.
#include <torch/torch.h>

#include <array>

#include "catch.h"
#include "gpu/attention.h"
#include "gpu/product.h"
#include "gpu/reuse.h"
#include "gpu/support.h"
#include "gpu/tokens.h"
#include "gpu_support.h"

using namespace dydit;
using test::relative;
using torch::Tensor;

namespace {

struct Numbers {
  torch::Dtype dtype;
  double rounding;  // half a unit in the last place
};
constexpr Numbers numbers[] = {{torch::kBFloat16, 1.0 / 512}, {torch::kFloat16, 1.0 / 4096}};

Tensor random(at::IntArrayRef sizes, torch::Dtype dtype, double scale = 1) {
  return (torch::randn(sizes, torch::TensorOptions(torch::kCUDA)) * scale).to(dtype);
}

Tensor poisoned(at::IntArrayRef sizes, torch::Dtype dtype) {
  return torch::full(sizes, std::nan(""), torch::TensorOptions(torch::kCUDA).dtype(dtype));
}

Tensor number(int value) { return torch::tensor({value}, torch::TensorOptions(torch::kCUDA).dtype(torch::kInt32)); }

struct Shape {
  std::int64_t m, n, k;
};
// Ragged in each direction, of one row, wide and narrow, of nothing to sum.
constexpr Shape shapes[] = {{1, 72, 64},    {300, 456, 328}, {129, 8, 1152},
                            {512, 144, 72}, {700, 1160, 40}, {130, 96, 0}};

}  // namespace

TEST_CASE("every way to a product gives the reference's result", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(1);
  for (const auto& [dtype, rounding] : numbers)
    for (const auto& [m, n, k] : shapes)
      for (const gpu::Epilogue epilogue : {gpu::Epilogue::bias, gpu::Epilogue::gelu}) {
        gpu::Product p{.epilogue = epilogue,
                       .x = random({m, k}, dtype),
                       .weight = random({n, k}, dtype, k > 0 ? 1 / std::sqrt(static_cast<double>(k)) : 1),
                       .bias = random({n}, dtype),
                       .out = poisoned({m, n}, dtype)};
        const Tensor expected = gpu::plain::product(p);
        p.backwards = epilogue == gpu::Epilogue::gelu;
        for (const gpu::Way& way : gpu::ways(p)) {
          CAPTURE(way.name, m, n, k, static_cast<int>(epilogue));
          p.out.fill_(std::nan(""));
          way.run(p);
          CHECK(relative(p.out, expected) <= rounding);
        }
      }
}

TEST_CASE("a product stops at the number of rows that lies on the GPU", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(2);
  for (const auto& [dtype, rounding] : numbers)
    for (const int count : {0, 1, 64, 200, 300}) {
      gpu::Product p{.epilogue = gpu::Epilogue::gelu,
                     .x = random({300, 200}, dtype),
                     .weight = random({456, 200}, dtype, .07),
                     .bias = random({456}, dtype),
                     .out = poisoned({300, 456}, dtype),
                     .count = number(count),
                     .backwards = count % 200 == 0};
      p.x.narrow(0, count, 300 - count).fill_(std::nan(""));  // what is beyond takes no part
      const Tensor expected = gpu::plain::product(p);
      for (const gpu::Way& way : gpu::ways(p)) {
        CAPTURE(way.name, count);
        p.out.fill_(std::nan(""));
        way.run(p);
        if (count > 0) CHECK(relative(p.out.narrow(0, 0, count), expected.narrow(0, 0, count)) <= rounding);
        CHECK(p.out.narrow(0, count, 300 - count).isnan().all().item<bool>());
      }
    }
}

TEST_CASE("a product adds to the stream, where its rows came from and by the gates of their images", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(3);
  constexpr std::int64_t images = 5, tokens = 60, rows = images * tokens;
  for (const auto& [dtype, rounding] : numbers)
    for (const auto& [m, n, k] : shapes)
      for (const int count : {0, 1, 100, 300}) {
        const Tensor gates = random({images, 3 * n}, dtype);
        gpu::Product p{.epilogue = gpu::Epilogue::gated_residual,
                       .x = random({rows, k}, dtype),
                       .weight = random({n, k}, dtype, k > 0 ? 1 / std::sqrt(static_cast<double>(k)) : 1),
                       .bias = random({n}, dtype),
                       .out = random({rows, n}, dtype),
                       .count = number(count),
                       .rows = torch::randperm(rows, torch::TensorOptions(torch::kCUDA)).to(torch::kInt32),
                       .gate = gates.narrow(1, n, n),
                       .tokens = tokens};
        if (count == 300) p.count = p.rows = Tensor();
        const Tensor before = p.out.clone(), expected = gpu::plain::product(p);
        for (const gpu::Way& way : gpu::ways(p)) {
          CAPTURE(way.name, n, k, count);
          p.out.copy_(before);
          way.run(p);
          CHECK(relative(p.out, expected) <= 2 * rounding);
          if (count == 0) CHECK(torch::equal(p.out, before));
        }
      }
}

TEST_CASE("a product of more tiles than fit at once writes neighbours and scattered rows in turn", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(8);
  constexpr std::int64_t n = 1160, images = 45, tokens = 160, rows = images * tokens, run = 32, count = rows - 50;
  const auto integers = torch::TensorOptions(torch::kCUDA).dtype(torch::kInt32);
  const auto& [dtype, rounding] = numbers[0];  // enough for a tool that takes seconds for each
  // Runs of neighbours in any order, each third one backwards.
  Tensor order = torch::arange(rows, integers)
                     .view({-1, run})
                     .index_select(0, torch::randperm(rows / run, integers.dtype(torch::kInt64)));
  order.slice(0, 0, rows / run, 3).copy_(order.slice(0, 0, rows / run, 3).flip(1).clone());
  gpu::Product p{.epilogue = gpu::Epilogue::bias,
                 .x = random({rows, 72}, dtype),
                 .weight = random({n, 72}, dtype, .12),
                 .bias = random({n}, dtype),
                 .out = poisoned({rows, n}, dtype),
                 .count = number(count)};
  struct Run {
    gpu::Epilogue epilogue;
    bool counted, routed;
  };
  for (const auto& [epilogue, counted, routed] : {Run{gpu::Epilogue::bias, true, false},
                                                  {gpu::Epilogue::gelu, true, false},
                                                  {gpu::Epilogue::gated_residual, true, true},
                                                  {gpu::Epilogue::gated_residual, false, true},
                                                  {gpu::Epilogue::gated_residual, false, false}}) {
    const bool adds = epilogue == gpu::Epilogue::gated_residual;
    p.rows = routed ? order.flatten() : Tensor();
    p.count = counted ? number(count) : Tensor();
    p.epilogue = epilogue;
    p.backwards = adds;
    p.gate = adds ? random({images, n}, dtype) : Tensor();
    p.tokens = tokens;
    const Tensor before = adds ? random({rows, n}, dtype) : poisoned({rows, n}, dtype);
    p.out = before.clone();
    const Tensor expected = gpu::plain::product(p);
    for (const gpu::Way& way : gpu::ways(p)) {
      CAPTURE(way.name, static_cast<int>(epilogue), counted, routed);
      p.out.copy_(before);
      way.run(p);
      const std::int64_t those = adds ? rows : count;
      const Tensor got = p.out.narrow(0, 0, those), wanted = expected.narrow(0, 0, those).to(torch::kFloat32);
      CHECK(relative(got, wanted) <= (adds ? 2 : 1) * rounding);
      // One number that was not written, or is another's.
      CHECK(((got - wanted).abs() <= 4 * rounding * (wanted.abs() + 1)).all().item<bool>());
      if (!adds) CHECK(p.out.narrow(0, count, rows - count).isnan().all().item<bool>());
    }
  }
}

TEST_CASE("norms are those of the reference", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(4);
  for (const auto& [dtype, rounding] : numbers)
    for (const std::int64_t width : {8, 384, 768, 1024, 1152, 2048})
      for (const auto& [images, tokens] : std::vector<std::pair<std::int64_t, std::int64_t>>{
               {3, 7}, {40, 77}, {2, 1100}, {900, 3}, {300, 40}}) {  // few; many, of few and many images
        CAPTURE(width, images, tokens);
        const Tensor x = random({images, tokens, width}, dtype, 3), modulation = random({images, 6 * width}, dtype, .5);
        const Tensor shift = modulation.narrow(1, width, width), scale = modulation.narrow(1, 4 * width, width);
        const Tensor out = poisoned({images, tokens, width}, dtype);
        const Tensor expected = gpu::plain::modulated_norm(x, shift, scale);
        for (const bool backwards : {false, true}) {
          out.fill_(std::nan(""));
          gpu::modulated_norm(x, shift, scale, out, {{}, backwards});
          CHECK(relative(out, expected) <= rounding);
        }
      }
}

TEST_CASE("what is reused is added with its gates and factors, to tokens that are on", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(9);
  for (const auto& [dtype, rounding] : numbers)
    for (const auto& [images, tokens, width, parts] :
         {std::array<std::int64_t, 4>{1, 1, 8, 1}, {3, 7, 384, 2}, {2, 64, 1152, 14}, {5, 33, 72, 6}})
      for (const std::size_t passes : {1, 3, 8})
        for (const bool masked : {false, true}) {
          if (masked && parts % 2 != 0) continue;
          CAPTURE(images, tokens, width, parts, passes, masked);
          const Tensor modulation = random({images, 3 * parts, width}, dtype);
          gpu::Reuse r{.stream = random({images, tokens, width}, dtype), .gates = modulation.slice(1, 2, {}, 3)};
          for (std::size_t pass = 0; pass < passes; ++pass) {
            r.passes.push_back(random({parts, images + 2, tokens, width}, dtype).narrow(1, 0, images));
            r.factors.push_back(pass == 0 ? 1.5 : -0.3);
          }
          if (masked) {
            r.on = random({images, parts, tokens}, dtype).gt(0).narrow(1, 0, parts / 2);
            r.on[0][0][0].fill_(false);
          }
          const Tensor expected = gpu::plain::reuse(r);
          if (masked)  // nobody reads what a token that is off does not take
            for (const Tensor& pass : r.passes) pass[1][0][0].fill_(std::nan(""));
          gpu::reuse(r);
          CHECK(relative(r.stream, expected) <= rounding);
        }
}

// Not among those that compute-sanitizer runs: to measure ways launches thousands of kernels that others run too.
TEST_CASE("weights of one shape may lie in rows of several lengths") {
  if (!test::has_hopper()) return;
  torch::manual_seed(7);
  gpu::Products products;
  for (const auto& [dtype, rounding] : numbers)
    for (const std::int64_t length : {128, 256, 128, 320}) {
      CAPTURE(length);
      const gpu::Product p{.x = random({3000, 128}, dtype),
                           .weight = random({264, length}, dtype, .09).narrow(1, 0, 128),
                           .bias = random({264}, dtype),
                           .out = poisoned({3000, 264}, dtype)};
      products.run(p);
      CHECK(relative(p.out, gpu::plain::product(p)) <= rounding);
    }
}

TEST_CASE("tokens are routed as by a router in float32", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(5);
  const auto options = torch::TensorOptions(torch::kCUDA);
  for (const auto& [dtype, rounding] : numbers)
    for (const std::int64_t width : {384, 768, 1024, 1152})
      for (const std::int64_t images : {1, 3, 70}) {
        constexpr std::int64_t tokens = 77;  // so that an image has tokens that do not fill a block of threads
        CAPTURE(width, images);
        const std::int64_t hidden = width / 16, depth = 3;
        gpu::Route r{.x = random({images, tokens, width}, dtype)};
        const Tensor modulation = random({images, 6 * width}, dtype, .5);
        r.shift = modulation.narrow(1, 0, width);
        r.scale = modulation.narrow(1, width, width);
        r.router = {.weight1 = random({hidden, width}, dtype, 1 / std::sqrt(static_cast<double>(width))),
                    .bias1 = random({hidden}, dtype),
                    .weight2 = random({1, hidden}, dtype),
                    .bias2 = random({1}, dtype)};
        const Tensor on = torch::zeros({images, depth, tokens}, options.dtype(torch::kBool)),
                     logits = torch::zeros({images, depth, tokens}, options);
        r.on = on.select(1, 1);
        r.logits = logits.select(1, 1);
        r.rows = torch::full({images * tokens}, -1, options.dtype(torch::kInt32));
        const Tensor imposed = torch::rand({images, depth, tokens}, options) < .3;
        for (const int run : {0, 1, 2, 3, 4}) {  // by the router, imposed with and without it, none, all
          CAPTURE(run);
          const gpu::TokenRouter router = r.router;
          if (run > 0) r.imposed = imposed.select(1, 1);
          if (run == 2) r.router = {};
          if (run == 3) imposed.zero_();
          if (run == 4) imposed.fill_(true);
          r.out = poisoned({images * tokens, width}, dtype);
          r.count = number(0);
          r.around.backwards = run % 2 == 0;
          on.zero_();
          logits.fill_(std::nan(""));
          r.has_logits = run != 2 && images != 3;  // by a product, or by the kernel that routes
          if (r.has_logits) gpu::token_logits(r);
          gpu::route(r);
          const Tensor expected_logits = gpu::plain::logits(r.x, router);
          if (run != 2) CHECK((r.logits - expected_logits).abs().max().item<double>() <= 1e-4);
          // Where the logit is next to zero, the order of a sum may decide.
          const Tensor expected = r.imposed.defined() ? r.imposed : torch::sigmoid(expected_logits) > .5,
                       close = r.imposed.defined() ? torch::zeros_like(expected) : expected_logits.abs() <= 1e-5;
          CHECK(torch::logical_or(r.on == expected, close).all().item<bool>());
          CHECK_FALSE(on.select(1, 0).any().item<bool>());
          const auto count = r.count.item<int>();
          REQUIRE(count == r.on.sum().item<std::int64_t>());
          const Tensor rows = r.rows.narrow(0, 0, count).to(torch::kInt64);
          CHECK(torch::equal(std::get<0>(rows.sort()), r.on.flatten().nonzero().squeeze(1)));
          const Tensor normed = gpu::plain::modulated_norm(r.x, r.shift, r.scale).flatten(0, 1);
          if (count > 0) CHECK(relative(r.out.narrow(0, 0, count), normed.index_select(0, rows)) <= rounding);
          CHECK(r.out.narrow(0, count, images * tokens - count).isnan().all().item<bool>());
          r.router = router;
        }
      }
}

TEST_CASE("every attention gives the reference's result", "[kernels]") {
  if (!test::has_hopper()) return;
  torch::manual_seed(6);
  struct Shape {
    std::int64_t images, tokens, heads, size;
  };
  const Shape shapes[] = {{2, 256, 1, 72},  {2, 256, 5, 72}, {40, 256, 5, 72},
                          {2, 1024, 3, 72}, {3, 512, 6, 64}, {23, 256, 6, 64}};
  for (const auto& [dtype, rounding] : numbers)
    for (const auto& [images, tokens, heads, size] : shapes)
      for (const double scale : {1.0, 3.0}) {  // of 3 one key has most of a query's weight
        Tensor qkv = random({images, tokens, 3 * heads * size}, dtype) * scale;
        // A head of one image that is broken leaves the others as they are.
        if (heads > 1) qkv.view({images, tokens, 3, heads, size})[1].select(2, 1).fill_(NAN);
        const auto parts =
            qkv.to(torch::kFloat64).view({images, tokens, 3, heads, size}).permute({2, 0, 3, 1, 4}).unbind(0);
        const Tensor weights = torch::softmax(parts[0].matmul(parts[1].transpose(2, 3)) / std::sqrt(double(size)), 3);
        const Tensor expected = weights.matmul(parts[2]).transpose(1, 2).reshape({images, tokens, heads * size});
        const auto ways = gpu::attention_ways(qkv, heads);
        CHECK(ways.size() == gpu::library_attention_ways().size() + 1);
        for (const gpu::AttentionWay& way : ways) {
          CAPTURE(way.name, images, tokens, heads, size, scale);
          for (const bool backwards : {false, true}) {
            const Tensor got = way.run(qkv, heads, {{}, backwards});
            CHECK(torch::equal(got.isnan(), expected.isnan()));
            CHECK(relative(got.nan_to_num(), expected.nan_to_num()) <= 3 * rounding);
          }
        }
      }
  for (const std::int64_t tokens : {64, 200})
    CHECK(gpu::attention_ways(random({1, tokens, 3 * 72}, torch::kBFloat16), 1).size() ==
          gpu::library_attention_ways().size());
}
