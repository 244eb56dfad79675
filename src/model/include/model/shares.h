// SPDX-License-Identifier: Apache-2.0
// How the threads of the CPU share a batch: each takes some of the images through the whole work, and they meet once,
// at its end. LibTorch's way, to share each operation, makes them wait for one another hundreds of times in a pass;
// beside another busy process, which takes a core from one of them, all the others then wait with it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace dydit::model {

/// Images [first, first + count) of a batch.
struct Share {
  std::size_t number;
  std::int64_t first, count;
  torch::Tensor of(const torch::Tensor& batch) const { return batch.defined() ? batch.narrow(0, first, count) : batch; }
};

/// As many shares as there are threads where the images can be spread about evenly: the largest share is by an eighth
/// larger than the mean at most. Else, on a GPU, and within a share: one, of which LibTorch shares the operations among
/// all threads that there are. What is computed of an image may differ in its last bits with its share, so with the
/// number of threads.
std::vector<Share> shares_of(std::int64_t images, torch::Device device);

/// Does `work` for every share, each on a thread of its own, with the modes (inference, gradients) of the calling one.
/// Throws what it throws.
void in_shares(const std::vector<Share>& shares, const std::function<void(const Share&)>& work);

/// Does `work` for each of `count` things that do not depend on one another, threads taking the next one as they are
/// free; on a GPU in their order. The same rules as for `in_shares`.
void for_each_apart(std::size_t count, torch::Device device, const std::function<void(std::size_t)>& work);

/// While one lives, the calling thread has so many threads: for LibTorch's operations, and for shares.
class Threads {
 public:
  Threads(int operations, int shares);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int operations_, shares_;
};

/// While one lives, only what is given in shares goes to other threads; LibTorch shares none of the calling thread's
/// operations on the CPU. For short work between shares: OpenMP's threads spin for a while after each operation that
/// they shared.
struct OnlyShares : Threads {
  explicit OnlyShares(torch::Device device);
};

/// What `work` computes (n,...) of every share, put together (N,...).
torch::Tensor joined(const std::vector<Share>& shares, const std::function<torch::Tensor(const Share&)>& work);

}  // namespace dydit::model
