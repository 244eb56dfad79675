// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <cmath>
#include <numbers>

namespace dydit {

namespace {

// Finaliser of SplitMix64: spreads every input bit over the key.
std::uint64_t mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed, Purpose purpose, std::uint64_t sample, std::uint64_t draw)
    : key_(mix(mix(mix(seed) ^ static_cast<std::uint64_t>(purpose)) ^ draw)), sample_(sample) {}

std::array<std::uint32_t, 4> Random::next_block() {
  std::array<std::uint32_t, 4> c{static_cast<std::uint32_t>(block_), static_cast<std::uint32_t>(block_ >> 32),
                                 static_cast<std::uint32_t>(sample_), static_cast<std::uint32_t>(sample_ >> 32)};
  ++block_;
  auto k0 = static_cast<std::uint32_t>(key_);
  auto k1 = static_cast<std::uint32_t>(key_ >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c[0];
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

std::uint32_t Random::bits() {
  if (used_ == buffer_.size()) {
    buffer_ = next_block();
    used_ = 0;
  }
  return buffer_[used_++];
}

float Random::uniform() { return static_cast<float>(bits() >> 8) * 0x1p-24F; }

std::uint64_t Random::below(std::uint64_t bound) {
  // 64 random bits scaled to the bound (Lemire); the bias is below bound / 2^64.
  const std::uint64_t high = bits();
  const std::uint64_t word = (high << 32) | bits();
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(word) * bound) >> 64);
}

void Random::fill_uniform(std::span<float> out, float low, float high) {
  for (float& value : out) value = low + (high - low) * uniform();
}

void Random::fill_normal(std::span<float> out) {
  constexpr float two_pi = 2 * std::numbers::pi_v<float>;
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const float radius = std::sqrt(-2 * std::log(1 - uniform()));
    const float angle = two_pi * uniform();
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

}  // namespace dydit
