// SPDX-License-Identifier: Apache-2.0
// Counter-based random numbers: every draw is a pure function of (seed, purpose, sample, draw), so it
// depends on no batch size, thread, process, resumption or model. Philox4x32-10 (Salmon et al.,
// "Parallel random numbers: as easy as 1, 2, 3", SC'11); normals by Box-Muller.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <utility>

namespace dydit {

/// What a draw is for; part of the key, so that purposes never share numbers. A new one goes to the end.
enum class Purpose : std::uint32_t {
  initialisation = 1,
  shuffle,
  flip,
  timestep,
  noise,
  label_dropout,
  bootstrap,
  synthetic,
  grain,
  mask,
  order,
  gumbel,
  importance,
  training_noise,
  sweep_input,
  sweep_label,
  operand,
  sampling,
  sampling_label,
  latent,
  shift,
};

/// One block of Philox4x32-10.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter);

class Random {
 public:
  /// `sample` identifies the image (or tensor, or replicate), `draw` the epoch, timestep or repetition.
  Random(std::uint64_t seed, Purpose purpose, std::uint64_t sample, std::uint64_t draw = 0);

  std::uint32_t bits();
  /// Uniform in [0, 1), 24 bits.
  float uniform();
  /// Uniform in {0, ..., bound - 1}; bound > 0.
  std::uint64_t below(std::uint64_t bound);
  /// Puts them into random order (Fisher-Yates).
  template <typename T>
  void shuffle(std::span<T> items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }
  void fill_uniform(std::span<float> out, float low, float high);
  /// Standard normals; begins at a fresh block of four words. A shorter draw is the beginning of a longer one.
  void fill_normal(std::span<float> out);

 private:
  std::uint64_t key_, sample_;
  std::uint64_t block_ = 0;
  std::array<std::uint32_t, 4> buffer_{};
  unsigned used_ = 4;
};

}  // namespace dydit
