// SPDX-License-Identifier: Apache-2.0
#include "objective.h"
#include "train/autocast.h"

namespace dydit::train {

using torch::Tensor;

diffusion::LossTerms complete_backward(const Job& job, model::DiT& dit,
                                       const diffusion::GaussianDiffusion& diffusion, const Inputs& in) {
  Tensor output;
  {
    const Autocast autocast(job.device, job.options.bfloat16);
    output = dit->forward(in.x_t, in.t, in.y).to(torch::kFloat32);
  }
  const auto terms = diffusion.loss_terms(output, in.x, in.x_t, in.t, in.noise);
  // Sums over these images divided by all: added up over the processes, means of the batch.
  (terms.loss.sum() / job.options.batch).backward();
  return terms;
}

namespace {

class Dense final : public Objective {
 public:
  Dense(const Job& job, const diffusion::GaussianDiffusion& diffusion) : job_(job), diffusion_(diffusion) {}

  Tensor backward(Replicas& replicas, const Inputs& in, std::int64_t) override {
    std::vector<Tensor> sums(replicas.size());
    replicas.in_shares(in, [&](std::size_t share, model::DiT& dit, const Inputs& some) {
      const auto terms = complete_backward(job_, dit, diffusion_, some);
      sums[share] = torch::stack({terms.mse.sum(), terms.vb.sum()}).detach();
    });
    replicas.sum_gradients();
    return torch::stack(sums).sum(0) / job_.options.batch;
  }

  std::int64_t recorded() const override { return 2; }

  std::map<std::string, double> metrics(const Tensor& sums, std::int64_t first,
                                        std::int64_t last) const override {
    const Tensor means = (sums / (last - first)).cpu();
    return {{"train_mse", means[0].item<double>()}, {"train_vb", means[1].item<double>()}};
  }

  std::map<std::string, double> judge(model::DiT& average, const HeldOut& held_out,
                                      std::int64_t) const override {
    const auto pass = [&](const Inputs& in) { return Passed{average->forward(in.x_t, in.t, in.y)}; };
    const auto loss = held_out.evaluate(pass, diffusion_, job_.device, job_.options.batch, job_.group);
    return {{"held_out_mse", loss.mse}, {"held_out_vb", loss.vb}};
  }

 private:
  const Job& job_;
  const diffusion::GaussianDiffusion& diffusion_;
};

}  // namespace

std::unique_ptr<Objective> dense_objective(const Job& job, const diffusion::GaussianDiffusion& diffusion) {
  return std::make_unique<Dense>(job, diffusion);
}

}  // namespace dydit::train
