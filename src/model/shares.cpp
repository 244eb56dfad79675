// SPDX-License-Identifier: Apache-2.0
#include "model/shares.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include <memory>

#include "base/range.h"
#include "workers.h"

namespace dydit::model {

using torch::Tensor;

namespace {

// How many threads shares go to, where that is not LibTorch's number. Of the thread that gives them, as LibTorch's is.
thread_local int given = 0;

int threads() {
  if (given > 0) return given;
  return at::in_parallel_region() ? 1 : at::get_num_threads();
}

// Those of the calling thread, as OpenMP has them too.
Workers& workers(std::size_t others) {
  thread_local std::unique_ptr<Workers> kept;
  if (!kept || kept->others() != others) {
    kept.reset();
    kept = std::make_unique<Workers>(others, [] { at::set_num_threads(1); });
  }
  return *kept;
}

}  // namespace

Threads::Threads(int operations, int shares) : operations_(at::get_num_threads()), shares_(given) {
  at::set_num_threads(operations);
  given = shares;
}

Threads::~Threads() {
  at::set_num_threads(operations_);
  given = shares_;
}

OnlyShares::OnlyShares(torch::Device device)
    : Threads(device.is_cpu() ? 1 : at::get_num_threads(), device.is_cpu() ? threads() : given) {}

std::vector<Share> shares_of(std::int64_t images, torch::Device device) {
  const std::int64_t count = threads(), largest = (images + count - 1) / count;
  // All wait for the largest share: it may be longer than the mean by an eighth, as LibTorch's way is not faster by
  // more.
  const bool even = 8 * largest * count <= 9 * images;
  if (!device.is_cpu() || images == 0 || !even) return {{0, 0, images}};
  std::vector<Share> shares;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t first = images * i / count;
    shares.push_back({static_cast<std::size_t>(i), first, images * (i + 1) / count - first});
  }
  return shares;
}

void in_shares(const std::vector<Share>& shares, const std::function<void(const Share&)>& work) {
  if (shares.size() > 1) return for_each_apart(shares.size(), torch::kCPU, [&](std::size_t i) { work(shares[i]); });
  const Threads all(threads(), threads());
  work(shares.front());
}

void for_each_apart(std::size_t count, torch::Device device, const std::function<void(std::size_t)>& work) {
  if (!device.is_cpu() || threads() == 1) {
    for (std::size_t i = 0; i < count; ++i) work(i);
    return;
  }
  Workers& others = workers(static_cast<std::size_t>(threads() - 1));
  const at::ThreadLocalState modes;
  const Observed here = Observed::here();
  const Range shares({.name = "shares", .shares = true});
  const Threads one(1, 1);
  others.run(count, [&](std::size_t i) {
    const at::ThreadLocalStateGuard guard(modes);
    const Observing observing(here);
    work(i);
  });
}

Tensor joined(const std::vector<Share>& shares, const std::function<Tensor(const Share&)>& work) {
  std::vector<Tensor> parts(shares.size());
  in_shares(shares, [&](const Share& share) { parts[share.number] = work(share); });
  return parts.size() == 1 ? parts.front() : torch::cat(parts);
}

}  // namespace dydit::model
