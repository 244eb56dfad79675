// SPDX-License-Identifier: Apache-2.0
#include "train/optimiser.h"

#include <algorithm>

#include "base/error.h"
#include "dit/weights.h"
#include "model/finite.h"
#include "model/shares.h"

namespace dydit::train {

using torch::Tensor;

AdamW::AdamW(const torch::nn::Module& module, double weight_decay, double gradient_clip)
    : weight_decay_(weight_decay), gradient_clip_(gradient_clip) {
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    names_.push_back(item.key());
    parameters_.push_back(item.value());
    exp_avgs_.push_back(torch::zeros_like(item.value()));
    exp_avg_sqs_.push_back(torch::zeros_like(item.value()));
    steps_.push_back(torch::zeros({}, torch::TensorOptions().dtype(torch::kFloat32).device(item.value().device())));
  }
}

std::vector<Tensor> AdamW::gradients() const {
  std::vector<Tensor> all;
  for (const Tensor& parameter : parameters_) all.push_back(parameter.grad());
  return all;
}

std::vector<Tensor> AdamW::state() const {
  std::vector<Tensor> all = exp_avgs_;
  all.insert(all.end(), exp_avg_sqs_.begin(), exp_avg_sqs_.end());
  all.insert(all.end(), steps_.begin(), steps_.end());
  return all;
}

void AdamW::step(double learning_rate) {
  torch::NoGradGuard no_grad;
  const std::vector<Tensor> gradients = this->gradients();
  const bool on_gpu = steps_.front().is_cuda();
  // On the CPU each tensor by itself (model/shares.h), on a GPU all in one call.
  const auto for_all = [&](const auto& work) {
    if (on_gpu) return work(std::size_t{0}, parameters_.size());
    model::for_each_apart(parameters_.size(), steps_.front().device(), [&](std::size_t i) { work(i, i + 1); });
  };
  const auto some = [](const std::vector<Tensor>& all, std::size_t begin, std::size_t end) {
    return at::TensorList(all).slice(begin, end - begin);
  };
  Tensor factor;
  if (gradient_clip_ > 0) {
    std::vector<Tensor> norms(gradients.size());
    for_all([&](std::size_t begin, std::size_t end) {
      const auto of_some = at::_foreach_norm(some(gradients, begin, end));
      std::ranges::copy(of_some, norms.begin() + static_cast<std::ptrdiff_t>(begin));
    });
    factor = (gradient_clip_ / (torch::stack(norms).norm() + 1e-6)).clamp_max(1.0);
  }
  for_all([&](std::size_t begin, std::size_t end) {
    const at::TensorList of_some = some(gradients, begin, end);
    if (factor.defined()) at::_foreach_mul_(of_some, factor);
    at::_foreach_add_(some(steps_, begin, end), 1);
    at::_fused_adamw_(some(parameters_, begin, end), of_some, some(exp_avgs_, begin, end),
                      some(exp_avg_sqs_, begin, end),
                      /*max_exp_avg_sqs=*/{}, some(steps_, begin, end), learning_rate, /*beta1=*/0.9, /*beta2=*/0.999,
                      weight_decay_, /*eps=*/1e-8, /*amsgrad=*/false, /*maximize=*/false);
  });
  for (Tensor& parameter : parameters_) {
    parameter.unsafeGetTensorImpl()->bump_version();  // the kernel does not; what was packed from it is old now
    parameter.mutable_grad().reset();
  }
}

void AdamW::save(checkpoint::Tensors& tensors) const {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    tensors["opt.exp_avg." + names_[i]] = model::from_torch(exp_avgs_[i]);
    tensors["opt.exp_avg_sq." + names_[i]] = model::from_torch(exp_avg_sqs_[i]);
  }
  tensors["opt.step"] = model::from_torch(steps_.front());
}

void AdamW::load(const checkpoint::Tensors& tensors, const std::string& where) {
  torch::NoGradGuard no_grad;
  const auto copy = [&](Tensor target, const std::string& name) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || found->second.shape != target.sizes().vec())
      throw InputError("the optimizer's state does not fit", where, name);
    target.copy_(model::to_torch(found->second));
    if (!model::not_finite({target}).empty()) throw InputError("the optimizer's state is not finite", where, name);
  };
  for (std::size_t i = 0; i < names_.size(); ++i) {
    copy(exp_avgs_[i], "opt.exp_avg." + names_[i]);
    copy(exp_avg_sqs_[i], "opt.exp_avg_sq." + names_[i]);
    copy(steps_[i], "opt.step");
  }
}

MovingAverage::MovingAverage(const torch::nn::Module& average, const torch::nn::Module& module) {
  const auto averages = average.named_parameters();
  for (const auto& item : module.named_parameters()) {
    if (!item.value().requires_grad()) continue;
    parameters_.push_back(item.value());
    averages_.push_back(averages[item.key()]);
  }
}

void MovingAverage::update(double decay) {
  torch::NoGradGuard no_grad;
  if (averages_.empty() || averages_.front().is_cuda()) return at::_foreach_lerp_(averages_, parameters_, 1 - decay);
  model::for_each_apart(averages_.size(), averages_.front().device(),
                        [&](std::size_t i) { averages_[i].lerp_(parameters_[i], 1 - decay); });
}

}  // namespace dydit::train
