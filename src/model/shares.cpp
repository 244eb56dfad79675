// SPDX-License-Identifier: Apache-2.0
#include "model/shares.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include <atomic>

namespace dydit::model {

using torch::Tensor;

std::vector<Share> shares_of(std::int64_t images, torch::Device device) {
  const std::int64_t threads = at::get_num_threads();
  constexpr std::int64_t uneven = 8;  // images of a thread: then one more in some of the shares costs little
  if (!device.is_cpu() || at::in_parallel_region() || images == 0 || (images % threads != 0 && images < uneven * threads))
    return {{0, 0, images}};
  std::vector<Share> shares;
  for (std::int64_t i = 0; i < threads; ++i) {
    const std::int64_t first = images * i / threads;
    shares.push_back({static_cast<std::size_t>(i), first, images * (i + 1) / threads - first});
  }
  return shares;
}

void in_shares(const std::vector<Share>& shares, const std::function<void(const Share&)>& work) {
  if (shares.size() == 1) return work(shares.front());
  const at::ThreadLocalState modes;
  at::parallel_for(0, static_cast<std::int64_t>(shares.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const at::ThreadLocalStateGuard guard(modes);
    for (std::int64_t i = begin; i < end; ++i) work(shares[static_cast<std::size_t>(i)]);
  });
}

void for_each_apart(std::size_t count, torch::Device device, const std::function<void(std::size_t)>& work) {
  const std::int64_t threads = device.is_cpu() && !at::in_parallel_region() ? at::get_num_threads() : 1;
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  if (threads == 1) return take();
  const at::ThreadLocalState modes;
  at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) {
    const at::ThreadLocalStateGuard guard(modes);
    take();
  });
}

Tensor joined(const std::vector<Share>& shares, const std::function<Tensor(const Share&)>& work) {
  std::vector<Tensor> parts(shares.size());
  in_shares(shares, [&](const Share& share) { parts[share.number] = work(share); });
  return parts.size() == 1 ? parts.front() : torch::cat(parts);
}

}  // namespace dydit::model
