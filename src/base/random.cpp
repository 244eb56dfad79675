// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <utility>

namespace dydit {

namespace {

// Finaliser of SplitMix64: spreads every input bit over the key.
std::uint64_t mix(std::uint64_t z) {
  z += 0x9E3779B97F4A7C15U;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31);
}

// Word w of block b at [w][b]; loops over blocks become vector code.
template <std::size_t blocks>
using Lanes = std::array<std::array<std::uint32_t, blocks>, 4>;

// Philox4x32-10 in place of its counters.
template <std::size_t blocks>
void philox_rounds(std::uint32_t k0, std::uint32_t k1, Lanes<blocks>& c) {
  for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9U, k1 += 0xBB67AE85U)
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c[0][b], p1 = std::uint64_t{0xCD9E8D57U} * c[2][b];
      c[0][b] = static_cast<std::uint32_t>(p1 >> 32) ^ c[1][b] ^ k0;
      c[1][b] = static_cast<std::uint32_t>(p1);
      c[2][b] = static_cast<std::uint32_t>(p0 >> 32) ^ c[3][b] ^ k1;
      c[3][b] = static_cast<std::uint32_t>(p0);
    }
}

// Of the counters {first, first + 1, ...} x sample.
template <std::size_t blocks>
void philox_blocks(std::uint64_t key, std::uint64_t sample, std::uint64_t first, Lanes<blocks>& c) {
  for (std::size_t b = 0; b < blocks; ++b) {
    c[0][b] = static_cast<std::uint32_t>(first + b);
    c[1][b] = static_cast<std::uint32_t>((first + b) >> 32);
    c[2][b] = static_cast<std::uint32_t>(sample);
    c[3][b] = static_cast<std::uint32_t>(sample >> 32);
  }
  philox_rounds(static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32), c);
}

// ln((k + 1) / 2^24) for a 24-bit k, to a few units in the last place: exponent and mantissa in
// [sqrt(1/2), sqrt(2)), minimax polynomial (Moshier, Cephes, logf).
float log_of_uniform(std::uint32_t k) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(static_cast<std::int32_t>(k + 1)));
  const std::uint32_t shifted = bits - 0x3F3504F3U;  // sqrt(1/2)
  const auto exponent = static_cast<float>((static_cast<std::int32_t>(shifted) >> 23) - 24);
  const float f = std::bit_cast<float>((shifted & 0x007FFFFFU) + 0x3F3504F3U) - 1;
  float y = 7.0376836292e-2F;
  for (float coefficient : {-1.1514610310e-1F, 1.1676998740e-1F, -1.2420140846e-1F, 1.4249322787e-1F, -1.6668057665e-1F,
                            2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F})
    y = y * f + coefficient;
  return f + (y * f * f * f - 0.5F * f * f - 2.12194440e-4F * exponent) + 0.693359375F * exponent;
}

// Sine and cosine of 2 pi k / 2^24 for a 24-bit k: exact reduction to an eighth of the circle, then
// minimax polynomials (Cephes, sinf and cosf).
std::pair<float, float> sine_cosine(std::uint32_t k) {
  const std::uint32_t quadrant = (k + (1U << 21)) >> 22;
  const float x =
      static_cast<float>(static_cast<std::int32_t>(k - (quadrant << 22))) * (2 * std::numbers::pi_v<float> * 0x1p-24F);
  const float z = x * x;
  const float sine = ((-1.9515295891e-4F * z + 8.3321608736e-3F) * z - 1.6666654611e-1F) * z * x + x;
  const float cosine =
      ((2.443315711809948e-5F * z - 1.388731625493765e-3F) * z + 4.166664568298827e-2F) * z * z - 0.5F * z + 1;
  const float a = (quadrant & 1U) != 0 ? cosine : sine, b = (quadrant & 1U) != 0 ? sine : cosine;
  return {(quadrant & 2U) != 0 ? -a : a, ((quadrant + 1) & 2U) != 0 ? -b : b};
}

// Four standard normals from the four words of each block.
template <std::size_t blocks>
void box_muller(const Lanes<blocks>& words, std::array<float, 4 * blocks>& normals) {
  for (std::size_t pair = 0; pair < 4; pair += 2) {
    std::array<float, blocks> first, second;
    for (std::size_t b = 0; b < blocks; ++b) {
      const float radius = std::sqrt(-2 * log_of_uniform(words[pair][b] >> 8));
      const auto [sine, cosine] = sine_cosine(words[pair + 1][b] >> 8);
      first[b] = radius * cosine;
      second[b] = radius * sine;
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      normals[4 * b + pair] = first[b];
      normals[4 * b + pair + 1] = second[b];
    }
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 2> key, std::array<std::uint32_t, 4> counter) {
  Lanes<1> c{{{counter[0]}, {counter[1]}, {counter[2]}, {counter[3]}}};
  philox_rounds(key[0], key[1], c);
  return {c[0][0], c[1][0], c[2][0], c[3][0]};
}

Random::Random(std::uint64_t seed, Purpose purpose, std::uint64_t sample, std::uint64_t draw)
    : key_(mix(mix(mix(seed) ^ static_cast<std::uint64_t>(purpose)) ^ draw)), sample_(sample) {}

std::uint32_t Random::bits() {
  if (used_ == buffer_.size()) {
    const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
    buffer_ = philox({low(key_), low(key_ >> 32)}, {low(block_), low(block_ >> 32), low(sample_), low(sample_ >> 32)});
    ++block_;
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
  constexpr std::size_t blocks = 64, size = 4 * blocks;
  std::array<float, size> normals;
  while (!out.empty()) {
    Lanes<blocks> words;
    philox_blocks(key_, sample_, block_, words);
    block_ += blocks;
    box_muller(words, normals);
    const std::size_t count = std::min(size, out.size());
    std::copy_n(normals.begin(), count, out.begin());
    out = out.subspan(count);
  }
}

}  // namespace dydit
