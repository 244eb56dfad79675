// SPDX-License-Identifier: Apache-2.0
#include "model/fused.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/range.h"
#include "rows.h"

namespace dydit::model {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// Rows that one task works on; also the extent of the partial sums of backward, which therefore do not depend
// on the number of threads.
constexpr std::int64_t rows_of_task = 64;

// Which of r = x + gate * y and h = norm(r) * (1 + scale) + shift are wanted: y and gate, shift and scale may
// be undefined.
struct Operands {
  Tensor x, y = {}, gate = {}, shift = {}, scale = {};

  std::int64_t images() const { return x.size(0); }
  std::int64_t tokens() const { return x.size(1); }
  std::int64_t width() const { return x.size(2); }
};

struct Outputs {
  Tensor r, h = {};             // r is x itself without y
  Tensor mean = {}, rstd = {};  // (N,T,1), where asked for
};

// Rows of a contiguous tensor (...,D), or of a matrix, whose rows may lie apart; null where the tensor is undefined.
// Asking the tensor for its memory at each row takes as long as the row.
template <typename T>
struct Rows {
  explicit Rows(const Tensor& tensor) {
    if (!tensor.defined()) return;
    data = tensor.data_ptr<T>();
    stride = tensor.dim() == 2 ? tensor.stride(0) : tensor.size(-1);
  }
  T* at(std::int64_t row) const { return data == nullptr ? nullptr : data + row * stride; }
  T* data = nullptr;
  std::int64_t stride = 0;
};

// Calls `run` with a number of the tensor's type.
template <typename Run>
void with_type(const Tensor& tensor, const Run& run) {
  if (tensor.scalar_type() == torch::kFloat32)
    run(float());
  else
    run(c10::BFloat16());
}

Tensor rows_together(const Tensor& vectors) {
  return !vectors.defined() || vectors.stride(1) == 1 ? vectors : vectors.contiguous();
}

// Of every token, or of those numbered `some` (M) int64: y and h have a row for each of these, x and r for every token.
void run_forward(const Operands& in, const Outputs& out, const Tensor& some = {}) {
  const std::int64_t* const chosen = some.defined() ? some.const_data_ptr<std::int64_t>() : nullptr;
  const std::int64_t count = some.defined() ? some.numel() : in.images() * in.tokens();
  const int passes = 1 + (in.y.defined() ? 2 : 0) + (out.h.defined() ? 1 : 0);  // over x, y and r, h
  const auto bytes = passes * count * in.width() * static_cast<std::int64_t>(in.x.element_size());
  const Range kernel({.name = "forward_row", .kernel = true, .bytes = static_cast<double>(bytes)});
  with_type(in.x, [&](auto number) {
    using T = decltype(number);
    const std::int64_t tokens = in.tokens(), width = in.width();
    const Rows<T> x(in.x), y(in.y), gate(in.gate), shift(in.shift), scale(in.scale), r(out.r), h(out.h);
    const Rows<float> mean(out.mean), rstd(out.rstd);
    at::parallel_for(0, count, rows_of_task, [&](std::int64_t begin, std::int64_t end) {
      std::vector<float> scratch(static_cast<std::size_t>(width));
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t token = chosen == nullptr ? i : chosen[i], image = token / tokens;
        forward_row<T>({.width = width,
                        .x = x.at(token),
                        .y = y.at(i),
                        .gate = gate.at(image),
                        .shift = shift.at(image),
                        .scale = scale.at(image),
                        .r = r.at(token),
                        .h = h.at(i),
                        .mean = mean.at(i),
                        .rstd = rstd.at(i),
                        .scratch = scratch.data()});
      }
    });
  });
}

// `in_place`: r takes x's memory. Memory that a product wrote last may lie dirty in the cache of another core, from
// where it comes several times as slowly as x does.
Outputs forward(const Operands& in, bool with_statistics, bool in_place) {
  Outputs out{.r = in.y.defined() && !in_place ? torch::empty_like(in.x) : in.x};
  if (in.shift.defined()) out.h = torch::empty_like(in.x);
  if (with_statistics && in.shift.defined()) {
    out.mean = torch::empty({in.images(), in.tokens(), 1}, in.x.options().dtype(torch::kFloat32));
    out.rstd = torch::empty_like(out.mean);
  }
  run_forward(in, out);
  return out;
}

// What the forward pass kept, and what comes back. The sums over an image's tokens are gathered for each task
// and added up afterwards.
struct Gradients {
  Tensor x, y = {};                          // (N,T,D)
  Tensor gate = {}, shift = {}, scale = {};  // (N,K,D) float32: one sum for each of an image's K tasks
};

template <typename T>
void run_backward(const Operands& in, const Outputs& out, const Tensor& grad_r, const Tensor& grad_h,
                  const Gradients& grad, std::int64_t tasks) {
  const int passes = 2 + (in.y.defined() ? 3 : 0) + (in.shift.defined() ? 1 : 0);
  const Range kernel({.name = "backward_row", .kernel = true, .bytes = static_cast<double>(passes * in.x.nbytes())});
  const std::int64_t tokens = in.tokens(), width = in.width();
  const Rows<T> r(out.r), y(in.y), gate(in.gate), scale(in.scale), of_r(grad_r), of_h(grad_h), of_x(grad.x),
      of_y(grad.y);
  const Rows<float> of_gate(grad.gate), of_shift(grad.shift), of_scale(grad.scale), mean(out.mean), rstd(out.rstd);
  at::parallel_for(0, in.images() * tasks, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(static_cast<std::size_t>(width));
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t image = task / tasks, first = image * tokens + task % tasks * rows_of_task;
      const std::int64_t last = std::min((image + 1) * tokens, first + rows_of_task);
      for (std::int64_t token = first; token < last; ++token)
        backward_row<T>({.width = width,
                         .r = r.at(token),
                         .y = y.at(token),
                         .gate = gate.at(image),
                         .scale = scale.at(image),
                         .mean = mean.at(token),
                         .rstd = rstd.at(token),
                         .grad_r = of_r.at(token),
                         .grad_h = of_h.at(token),
                         .grad_x = of_x.at(token),
                         .grad_y = of_y.at(token),
                         .grad_gate = of_gate.at(task),
                         .grad_shift = of_shift.at(task),
                         .grad_scale = of_scale.at(task),
                         .scratch = scratch.data()});
    }
  });
}

Gradients backward(const Operands& in, const Outputs& out, const Tensor& grad_r, const Tensor& grad_h) {
  const std::int64_t tasks = (in.tokens() + rows_of_task - 1) / rows_of_task;
  const auto sums = [&] {
    return torch::zeros({in.images(), tasks, in.width()}, in.x.options().dtype(torch::kFloat32));
  };
  Gradients grad{.x = torch::empty_like(in.x)};
  if (in.y.defined()) {
    grad.y = torch::empty_like(in.x);
    grad.gate = sums();
  }
  if (in.shift.defined()) {
    grad.shift = sums();
    grad.scale = sums();
  }
  with_type(in.x, [&](auto number) { run_backward<decltype(number)>(in, out, grad_r, grad_h, grad, tasks); });
  for (Tensor* sum : {&grad.gate, &grad.shift, &grad.scale})
    if (sum->defined()) *sum = sum->sum(1).to(in.x.scalar_type());
  return grad;
}

// The operands that are defined -> r (with y), h (with shift).
struct Fused : torch::autograd::Function<Fused> {
  static variable_list forward(AutogradContext* context, at::TensorList operands, bool residual, bool norm) {
    std::size_t next = 1;
    Operands in{.x = operands[0]};
    if (residual) {
      in.y = operands[next++];
      in.gate = operands[next++];
    }
    if (norm) {
      in.shift = operands[next++];
      in.scale = operands[next++];
    }
    const Outputs out = model::forward(in, /*with_statistics=*/true, /*in_place=*/false);
    context->save_for_backward({out.r, in.y, in.gate, in.shift, in.scale, out.mean, out.rstd});
    variable_list outputs;
    if (residual) outputs.push_back(out.r);
    if (norm) outputs.push_back(out.h);
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list kept = context->get_saved_variables();
    const Operands in{.x = kept[0], .y = kept[1], .gate = kept[2], .shift = kept[3], .scale = kept[4]};
    const Outputs out{.r = kept[0], .mean = kept[5], .rstd = kept[6]};
    const auto whole = [](const Tensor& grad) { return grad.defined() ? grad.contiguous() : grad; };
    const Tensor grad_r = in.y.defined() ? whole(grads.front()) : Tensor();
    const Tensor grad_h = in.shift.defined() ? whole(grads.back()) : Tensor();
    const Gradients grad = model::backward(in, out, grad_r, grad_h);
    variable_list result{grad.x};
    if (in.y.defined()) result.insert(result.end(), {grad.y, grad.gate});
    if (in.shift.defined()) result.insert(result.end(), {grad.shift, grad.scale});
    result.resize(result.size() + 2);  // of the two flags
    return result;
  }
};

bool can_fuse(const Operands& in) {
  const auto type = in.x.scalar_type();
  if (!in.x.is_cpu() || !in.x.is_contiguous() || (type != torch::kFloat32 && type != torch::kBFloat16)) return false;
  for (const Tensor* other : {&in.y, &in.gate, &in.shift, &in.scale})
    if (other->defined() && other->scalar_type() != type) return false;
  if (in.y.defined() && in.y.sizes() != in.x.sizes()) return false;
  for (const Tensor* vectors : {&in.gate, &in.shift, &in.scale})
    if (vectors->defined() && vectors->sizes() != torch::IntArrayRef({in.images(), in.width()})) return false;
  return !at::autocast::is_autocast_enabled(torch::kCPU);
}

variable_list fused(Operands in) {
  if (in.y.defined()) in.y = in.y.contiguous();
  for (Tensor* vectors : {&in.gate, &in.shift, &in.scale}) *vectors = rows_together(*vectors);
  if (!torch::GradMode::is_enabled()) {
    const bool in_place = in.x.use_count() == 1 && in.x.storage().use_count() == 1;
    Outputs out = forward(in, /*with_statistics=*/false, in_place);
    return {std::move(out.r), std::move(out.h)};
  }
  variable_list operands{in.x};
  if (in.y.defined()) operands.insert(operands.end(), {in.y, in.gate});
  if (in.shift.defined()) operands.insert(operands.end(), {in.shift, in.scale});
  return Fused::apply(at::TensorList(operands), in.y.defined(), in.shift.defined());
}

}  // namespace

Tensor modulated_norm(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  const Range range("norm");
  const Operands in{.x = x, .shift = shift, .scale = scale};
  return can_fuse(in) ? fused(in).back() : plain::modulated_norm(x, shift, scale);
}

Tensor gated_residual(Tensor x, const Tensor& y, const Tensor& gate) {
  const Range range("residual");
  Operands in{.x = std::move(x), .y = y, .gate = gate};
  return can_fuse(in) ? fused(std::move(in)).front() : plain::gated_residual(in.x, y, gate);
}

std::pair<Tensor, Tensor> gated_residual_norm(Tensor x, const Tensor& y, const Tensor& gate, const Tensor& shift,
                                              const Tensor& scale) {
  const Range range("residual and norm");
  Operands in{std::move(x), y, gate, shift, scale};
  if (can_fuse(in)) {
    variable_list out = fused(std::move(in));
    return {std::move(out.front()), std::move(out.back())};
  }
  const Tensor r = plain::gated_residual(in.x, y, gate);
  return {r, plain::modulated_norm(r, shift, scale)};
}

void add_gated(Tensor& x, const Tensor& y, const Tensor& gate) {
  const Range range("residual");
  const Operands in{.x = x, .y = y.contiguous(), .gate = rows_together(gate)};
  if (torch::GradMode::is_enabled() || !can_fuse(in))
    x.addcmul_(gate.unsqueeze(1), y);
  else
    forward(in, /*with_statistics=*/false, /*in_place=*/true);
}

Tensor modulated_norm_rows(const Tensor& x, const Tensor& rows, const Tensor& shift, const Tensor& scale,
                           std::int64_t height) {
  const Range range("gather");
  const Operands in{.x = x, .shift = rows_together(shift), .scale = rows_together(scale)};
  if (torch::GradMode::is_enabled() || !can_fuse(in)) return plain::modulated_norm_rows(x, rows, shift, scale, height);
  const Tensor h = torch::empty({height, in.width()}, x.options());
  h.narrow(0, rows.numel(), height - rows.numel()).zero_();
  run_forward(in, {.r = x, .h = h}, rows);
  return h;
}

void add_gated_rows(Tensor& x, const Tensor& rows, const Tensor& y, const Tensor& gate) {
  const Range range("scatter");
  Operands in{.x = x, .gate = rows_together(gate)};
  if (torch::GradMode::is_enabled() || !can_fuse(in) || y.scalar_type() != x.scalar_type()) {
    plain::add_gated_rows(x, rows, y, gate);
    return;
  }
  in.y = y.contiguous();
  run_forward(in, {.r = x}, rows);
}

Tensor plain::modulated_norm_rows(const Tensor& x, const Tensor& rows, const Tensor& shift, const Tensor& scale,
                                  std::int64_t height) {
  const Tensor images = rows.div(x.size(1), "floor"), some = x.flatten(0, 1).index_select(0, rows);
  const Tensor normalised = torch::layer_norm(some, {x.size(-1)}, {}, {}, 1e-6);
  const Tensor h = torch::addcmul(shift.index_select(0, images), normalised, 1 + scale.index_select(0, images));
  return torch::constant_pad_nd(h, {0, 0, 0, height - rows.numel()});
}

void plain::add_gated_rows(Tensor& x, const Tensor& rows, const Tensor& y, const Tensor& gate) {
  const Tensor images = rows.div(x.size(1), "floor");
  x.flatten(0, 1).index_add_(0, rows, gate.index_select(0, images) * y.narrow(0, 0, rows.numel()));
}

Tensor plain::modulated_norm(const Tensor& x, const Tensor& shift, const Tensor& scale) {
  const Tensor normalised = torch::layer_norm(x, {x.size(-1)}, {}, {}, 1e-6);
  return torch::addcmul(shift.unsqueeze(1), normalised, 1 + scale.unsqueeze(1));
}

Tensor plain::gated_residual(const Tensor& x, const Tensor& y, const Tensor& gate) {
  return torch::addcmul(x, gate.unsqueeze(1), y);
}

}  // namespace dydit::model
