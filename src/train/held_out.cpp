// SPDX-License-Identifier: Apache-2.0
#include "train/held_out.h"

#include "base/error.h"
#include "data/loader.h"
#include "data/subset.h"
#include "diffusion/draws.h"

namespace dydit::train {

using torch::Tensor;

// Away from the draws of training (its epochs) and of the studies (their timesteps).
constexpr std::int64_t held_out_draw = std::int64_t{1} << 40;

HeldOut::HeldOut(std::shared_ptr<const data::Dataset> dataset, std::int64_t count, std::uint64_t seed,
                 std::int64_t timesteps, int draws)
    : seed_(seed) {
  const auto subset = std::make_shared<data::Subset>(dataset, std::min(count, dataset->size()));
  data::Batch batch;
  if (!data::Loader(subset, {.batch = subset->size()}).next(batch))
    throw InputError("no held-out image can be read");
  const data::Shape shape = dataset->shape();
  for (std::int64_t position : batch.indices) indices_.push_back(subset->original(position));
  labels_ = torch::tensor(batch.labels, torch::kInt64);
  images_ =
      torch::tensor(batch.images, torch::kFloat32).view({-1, shape.channels, shape.height, shape.width});
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<std::int64_t> t;
    for (std::int64_t index : indices_)
      t.push_back(static_cast<std::int64_t>(Random(seed, Purpose::timestep, static_cast<std::uint64_t>(index),
                                                   static_cast<std::uint64_t>(held_out_draw + draw))
                                                .below(static_cast<std::uint64_t>(timesteps))));
    timesteps_.push_back(torch::tensor(t, torch::kInt64));
  }
}

HeldOutLoss HeldOut::evaluate(model::DiT& dit, const diffusion::GaussianDiffusion& diffusion,
                              torch::Device device, std::int64_t batch,
                              const distributed::ProcessGroup& group) const {
  torch::InferenceMode inference;
  const auto count = images_.size(0);
  const auto share = group.share(count);
  Tensor sums = torch::zeros({2}, torch::TensorOptions().dtype(torch::kFloat64).device(device));
  for (std::size_t draw = 0; draw < timesteps_.size(); ++draw)
    for (std::int64_t first = share.first; first < share.first + share.count; first += batch) {
      const auto n = std::min(batch, share.first + share.count - first);
      const std::span<const std::int64_t> indices(indices_.data() + first, static_cast<std::size_t>(n));
      const std::vector<std::int64_t> draws(indices.size(), held_out_draw + static_cast<std::int64_t>(draw));
      const Tensor noise =
          diffusion::normal_rows(seed_, Purpose::noise, indices, draws, images_.sizes().slice(1)).to(device);
      const Tensor x = images_.narrow(0, first, n).to(device),
                   t = timesteps_[draw].narrow(0, first, n).to(device);
      const Tensor x_t = diffusion.q_sample(x, t, noise);
      const Tensor output = dit->forward(x_t, t, labels_.narrow(0, first, n).to(device));
      const auto terms = diffusion.loss_terms(output, x, x_t, t, noise);
      sums += torch::stack({terms.mse.to(torch::kFloat64).sum(), terms.vb.to(torch::kFloat64).sum()});
    }
  group.sum({sums});
  const Tensor means = (sums / (static_cast<double>(count) * static_cast<double>(timesteps_.size()))).cpu();
  return {.mse = means[0].item<double>(), .vb = means[1].item<double>()};
}

}  // namespace dydit::train
