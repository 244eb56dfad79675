// SPDX-License-Identifier: Apache-2.0
#include "train/held_out.h"

#include <algorithm>

#include "base/error.h"
#include "data/loader.h"
#include "data/views.h"
#include "diffusion/draws.h"

namespace dydit::train {

using torch::Tensor;

// Away from the draws of training (its epochs) and of the studies (their timesteps).
constexpr std::int64_t held_out_draw = std::int64_t{1} << 40;

HeldOut::HeldOut(std::shared_ptr<const data::Dataset> dataset, std::int64_t count, std::uint64_t seed,
                 const diffusion::Process& process, int draws)
    : seed_(seed) {
  const auto subset = std::make_shared<data::Subset>(dataset, std::min(count, dataset->size()));
  data::Batch batch;
  if (!data::Loader(subset, {.batch = subset->size()}).next(batch)) throw InputError("no held-out image can be read");
  const data::Shape shape = dataset->shape();
  for (std::int64_t position : batch.indices) indices_.push_back(subset->original(position));
  labels_ = torch::tensor(batch.labels, torch::kInt64);
  images_ = torch::tensor(batch.images, torch::kFloat32).view({-1, shape.channels, shape.height, shape.width});
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<double> t;
    for (std::int64_t index : indices_) {
      Random random(seed, Purpose::timestep, static_cast<std::uint64_t>(index),
                    static_cast<std::uint64_t>(held_out_draw + draw));
      t.push_back(process.drawn_time(random, 0, 1));
    }
    times_.push_back(process.times(t));
  }
}

void HeldOut::for_each(const diffusion::Process& process, torch::Device device, std::int64_t batch,
                       const distributed::ProcessGroup& group, const std::function<void(const Inputs&)>& work) const {
  const auto share = group.share(images_.size(0));
  for (std::size_t draw = 0; draw < times_.size(); ++draw)
    for (std::int64_t first = share.first; first < share.first + share.count; first += batch) {
      const auto n = std::min(batch, share.first + share.count - first);
      Inputs in{.x = images_.narrow(0, first, n).to(device),
                .y = labels_.narrow(0, first, n).to(device),
                .t = times_[draw].narrow(0, first, n).to(device),
                .noise = {},
                .images = {indices_.begin() + first, indices_.begin() + first + n},
                .draws = std::vector<std::int64_t>(static_cast<std::size_t>(n),
                                                   held_out_draw + static_cast<std::int64_t>(draw))};
      in.noise =
          diffusion::normal_rows(seed_, Purpose::noise, in.images, in.draws, images_.sizes().slice(1)).to(device);
      in.x_t = process.noised(in.x, in.noise, in.t);
      work(in);
    }
}

HeldOutLoss HeldOut::evaluate(const Pass& pass, const diffusion::Process& process, torch::Device device,
                              std::int64_t batch, const distributed::ProcessGroup& group,
                              std::int64_t shares_of_each) const {
  torch::InferenceMode inference;
  const auto options = torch::TensorOptions().dtype(torch::kFloat64).device(device);
  Tensor sums = torch::zeros({2 + shares_of_each}, options);  // mse, vb and shares
  bool has_vb = false;
  for_each(process, device, batch, group, [&](const Inputs& in) {
    const Passed passed = pass(in);
    const auto terms = process.loss_terms(passed.output, in.x, in.x_t, in.t, in.noise);
    sums[0] += terms.mse.to(torch::kFloat64).sum();
    has_vb = terms.vb.defined();
    if (has_vb) sums[1] += terms.vb.to(torch::kFloat64).sum();
    if (shares_of_each > 0) sums.narrow(0, 2, shares_of_each) += passed.shares.to(torch::kFloat64).sum(0);
  });
  group.sum({sums});
  const auto passes = static_cast<double>(images_.size(0) * static_cast<std::int64_t>(times_.size()));
  const Tensor means = (sums / passes).cpu();
  const double* const mean = means.const_data_ptr<double>();
  HeldOutLoss loss{.mse = mean[0], .shares = {mean + 2, mean + means.numel()}};
  if (group.any(has_vb)) loss.vb = mean[1];
  return loss;
}

}  // namespace dydit::train
