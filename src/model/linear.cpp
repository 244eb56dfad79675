// SPDX-License-Identifier: Apache-2.0
#include "model/linear.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/range.h"
#include "panels.h"
#include "vector.h"

namespace dydit::model {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

// oneDNN through LibTorch's operators of torch.compile: they are registered, but no header declares them.
using Scalars = c10::List<std::optional<at::Scalar>>;
using LinearPointwise = Tensor(const Tensor&, const Tensor&, const std::optional<Tensor>&, std::string_view, Scalars,
                               std::optional<std::string_view>);
using ReorderWeight = Tensor(const Tensor&, std::optional<std::int64_t>);

template <typename Signature>
std::optional<c10::TypedOperatorHandle<Signature>> operator_named(const char* name) {
  const auto handle = c10::Dispatcher::singleton().findSchema({name, ""});
  if (!handle) return std::nullopt;
  return handle->template typed<Signature>();
}

const auto& linear_pointwise() {
  static const auto handle = operator_named<LinearPointwise>("mkldnn::_linear_pointwise");
  return handle;
}
const auto& reorder_weight() {
  static const auto handle = operator_named<ReorderWeight>("mkldnn::_reorder_linear_weight");
  return handle;
}

bool has_onednn() {
  static const bool both = at::globalContext().hasMKLDNN() && linear_pointwise() && reorder_weight();
  return both;
}

// bfloat16 needs instructions that not every CPU has.
bool has_onednn_bfloat16() {
  static const bool takes = [] {
    try {
      reorder_weight()->call(torch::zeros({16, 16}, torch::kBFloat16), 16);
      return true;
    } catch (const c10::Error&) {
      return false;
    }
  }();
  return takes;
}

// x W^T, + b where there is one. The weight may be packed, or any view of a matrix.
Tensor onednn(const Tensor& x, const Tensor& weight, const Tensor& bias, bool gelu) {
  return linear_pointwise()->call(x, weight, bias.defined() ? std::optional(bias) : std::nullopt,
                                  gelu ? "gelu" : "none", Scalars(),
                                  gelu ? std::optional<std::string_view>("tanh") : std::optional<std::string_view>(""));
}

bool suits_onednn(const Tensor& weight) {
  const auto type = weight.scalar_type();
  return has_onednn() && weight.is_cpu() && weight.numel() > 0 &&
         (type == torch::kFloat32 || (type == torch::kBFloat16 && has_onednn_bfloat16()));
}
bool suits_onednn(const Tensor& x, const Tensor& weight) {
  return suits_onednn(weight) && x.is_cpu() && x.scalar_type() == weight.scalar_type() && x.numel() > 0 &&
         !at::autocast::is_autocast_enabled(torch::kCPU);
}

// Forward and the gradient of x by oneDNN. That of the weight stays at::mm, whose BLAS is the faster one for
// a product over the long dimension of two transposed matrices.
struct OneDnnLinear : torch::autograd::Function<OneDnnLinear> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias) {
    context->save_for_backward({x, weight});
    return onednn(x, weight, bias, /*gelu=*/false);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const variable_list kept = context->get_saved_variables();
    const Tensor &x = kept[0], &weight = kept[1];
    const Tensor grad = grads.front().reshape({-1, weight.size(0)}).contiguous();
    variable_list out(3);
    if (context->needs_input_grad(0)) out[0] = onednn(grad, weight.t(), {}, /*gelu=*/false).view(x.sizes());
    if (context->needs_input_grad(1)) out[1] = at::mm(grad.t(), x.reshape({-1, weight.size(1)}));
    if (context->needs_input_grad(2)) out[2] = grad.sum(0);
    return out;
  }
};

}  // namespace

PackedLinear::PackedLinear(const Tensor& weight, const Tensor& bias, std::int64_t rows)
    : weight_(weight), bias_(bias), packed_(suits_onednn(weight)) {
  if (packed_)
    weight_ = reorder_weight()->call(weight, rows);
  else
    weight_ = weight.stride(1) == 1 ? weight : weight.contiguous();
}

Tensor PackedLinear::apply(const Tensor& x, bool gelu) const {
  if (x.numel() == 0) {
    auto sizes = x.sizes().vec();
    sizes.back() = weight_.size(0);
    return torch::empty(sizes, x.options());
  }
  if (packed_) return onednn(x, weight_, bias_, gelu);
  const Tensor out = at::linear(x, weight_, bias_);
  return gelu ? torch::gelu(out, "tanh") : out;
}

std::size_t PackedLinear::bytes() const {
  if (!packed_ && weight_.storage().use_count() > 1) return 0;  // a view of what somebody else holds
  return static_cast<std::size_t>(weight_.numel()) * weight_.element_size();
}

bool suits_vector_code(const Tensor& x) {
  return has_vector_code() && !torch::GradMode::is_enabled() && x.is_cpu() && x.scalar_type() == torch::kFloat32 &&
         x.is_contiguous() && !at::autocast::is_autocast_enabled(torch::kCPU);
}

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out)
    : weight(register_parameter("weight", torch::empty({out, in}))),
      bias(register_parameter("bias", torch::empty(out))) {}

template <typename Pack>
Tensor LinearImpl::kept(Layout& layout, const Pack& pack) {
  const auto version = weight.is_inference() ? 0 : static_cast<std::int64_t>(weight._version());
  const std::lock_guard lock(layout.being_packed);
  if (!layout.from.defined() || layout.from.data_ptr() != weight.data_ptr() || layout.version != version) {
    layout.weight = pack();
    layout.from = weight.detach();
    layout.version = version;
  }
  return layout.weight;
}

Tensor LinearImpl::panels() {
  return kept(panels_, [this] {
    const auto out = weight.size(0), panels = (out + panel_width - 1) / panel_width;
    const Tensor padded = torch::constant_pad_nd(weight.detach(), {0, 0, 0, panels * panel_width - out});
    return padded.view({panels, panel_width, weight.size(1)}).transpose(1, 2).contiguous();
  });
}

Tensor LinearImpl::apply_to_few(const Tensor& x) {
  auto sizes = x.sizes().vec();
  sizes.back() = weight.size(0);
  const Tensor out = torch::empty(sizes, x.options());
  const Tensor panels = this->panels();
  const FewRows product{.x = x.const_data_ptr<float>(),
                        .panels = panels.const_data_ptr<float>(),
                        .bias = bias.const_data_ptr<float>(),
                        .out = out.data_ptr<float>(),
                        .rows = x.numel() / weight.size(1),
                        .in_features = weight.size(1),
                        .out_features = weight.size(0)};
  const auto in = static_cast<double>(weight.size(1)), features = static_cast<double>(weight.size(0)),
             rows = static_cast<double>(product.rows);
  const Range kernel({.name = "few_rows",
                      .kernel = true,
                      .macs = rows * in * features,
                      .bytes = 4 * (in * features + rows * (in + features))});
  constexpr std::int64_t panels_of_task = 8;
  at::parallel_for(0, panels.size(0), panels_of_task,
                   [&](std::int64_t begin, std::int64_t end) { few_rows(product, begin, end); });
  return out;
}

Tensor LinearImpl::apply(const Tensor& x, bool gelu) {
  const bool is_few = x.numel() <= few * weight.size(1) && x.dim() > 0 && x.size(-1) == weight.size(1) &&
                      weight.is_cpu() && weight.scalar_type() == torch::kFloat32 && !gelu;
  if (is_few && suits_vector_code(x)) return apply_to_few(x);
  if (suits_onednn(x, weight) && !torch::GradMode::is_enabled())
    return onednn(x, kept(packed_, [&] { return reorder_weight()->call(weight, x.numel() / weight.size(1)); }), bias,
                  gelu);
  const Tensor out = suits_onednn(x, weight) ? OneDnnLinear::apply(x, weight, bias) : at::linear(x, weight, bias);
  return gelu ? torch::gelu(out, "tanh") : out;
}

Tensor row_logits(const Tensor& x, LinearImpl& hidden, LinearImpl& out) {
  if (!suits_vector_code(x) || x.size(-1) != hidden.weight.size(1) || !hidden.weight.is_cpu())
    return out.forward(torch::relu(hidden.forward(x))).squeeze(-1);
  const Tensor logits = torch::empty(x.sizes().slice(0, x.dim() - 1), x.options());
  const RouterRows router{.x = x.const_data_ptr<float>(),
                          .panels = hidden.panels().const_data_ptr<float>(),
                          .bias = hidden.bias.const_data_ptr<float>(),
                          .v = out.weight.const_data_ptr<float>(),
                          .v_bias = *out.bias.const_data_ptr<float>(),
                          .logits = logits.data_ptr<float>(),
                          .in_features = hidden.weight.size(1),
                          .hidden = hidden.weight.size(0)};
  const auto rows = static_cast<double>(logits.numel()), in = static_cast<double>(router.in_features),
             width = static_cast<double>(router.hidden);
  const Range kernel({.name = "route",
                      .kernel = true,
                      .macs = rows * width * (in + 1),
                      .bytes = 4 * (rows * (in + 1) + width * (in + 1))});
  constexpr std::int64_t rows_of_task = 64;
  at::parallel_for(0, logits.numel(), rows_of_task,
                   [&](std::int64_t begin, std::int64_t end) { route(router, begin, end); });
  return logits;
}

}  // namespace dydit::model
