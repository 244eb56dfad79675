// SPDX-License-Identifier: Apache-2.0
#include "objective.h"
#include "train/autocast.h"

namespace dydit::train {

using torch::Tensor;

diffusion::LossTerms complete_backward(const Job& job, dit::DiT& dit, const diffusion::Process& process,
                                       const Inputs& in) {
  Tensor output;
  {
    const Autocast autocast(job.device, job.options.bfloat16);
    output = dit->forward(in.x_t, in.t, in.y).to(torch::kFloat32);
  }
  const auto terms = process.loss_terms(output, in.x, in.x_t, in.t, in.noise);
  // Sums over these images divided by all: added up over the processes, means of the batch.
  (terms.loss.sum() / job.options.batch).backward();
  return terms;
}

Tensor sums_of(const diffusion::LossTerms& terms) {
  const Tensor mse = terms.mse.sum();
  return torch::stack({mse, terms.vb.defined() ? terms.vb.sum() : torch::zeros_like(mse)});
}

std::map<std::string, double> train_losses(const Tensor& means, const diffusion::Process& process) {
  std::map<std::string, double> losses{{"train_mse", means[0].item<double>()}};
  if (process.has_vb()) losses["train_vb"] = means[1].item<double>();
  return losses;
}

std::map<std::string, double> held_out_losses(const HeldOutLoss& loss) {
  std::map<std::string, double> losses{{"held_out_mse", loss.mse}};
  if (loss.vb) losses["held_out_vb"] = *loss.vb;
  return losses;
}

namespace {

class Dense final : public Objective {
 public:
  Dense(const Job& job, const diffusion::Process& process) : job_(job), process_(process) {}

  Tensor backward(Replicas& replicas, const Inputs& in, std::int64_t) override {
    std::vector<Tensor> sums(replicas.size());
    replicas.in_shares(in, [&](std::size_t share, dit::DiT& dit, const Inputs& some) {
      const auto terms = complete_backward(job_, dit, process_, some);
      sums[share] = sums_of(terms).detach();
    });
    replicas.sum_gradients();
    return torch::stack(sums).sum(0) / job_.options.batch;
  }

  std::int64_t recorded() const override { return 2; }

  std::map<std::string, double> metrics(const Tensor& sums, std::int64_t first, std::int64_t last) const override {
    return train_losses((sums / (last - first)).cpu(), process_);
  }

  std::map<std::string, double> judge(dit::DiT& average, const HeldOut& held_out, std::int64_t) const override {
    const auto pass = [&](const Inputs& in) { return Passed{average->forward(in.x_t, in.t, in.y)}; };
    const auto loss = held_out.evaluate(pass, process_, job_.device, job_.options.batch, job_.group);
    return held_out_losses(loss);
  }

 private:
  const Job& job_;
  const diffusion::Process& process_;
};

}  // namespace

std::unique_ptr<Objective> dense_objective(const Job& job, const diffusion::Process& process) {
  return std::make_unique<Dense>(job, process);
}

}  // namespace dydit::train
