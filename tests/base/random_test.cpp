// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <cmath>
#include <vector>

#include "catch.h"

using dydit::Purpose;
using dydit::Random;

static std::vector<float> normals(std::uint64_t seed, Purpose purpose, std::uint64_t sample, std::uint64_t draw,
                                  std::size_t count) {
  std::vector<float> out(count);
  Random(seed, purpose, sample, draw).fill_normal(out);
  return out;
}

TEST_CASE("a draw depends on seed, purpose, sample and draw alone") {
  const auto base = normals(1, Purpose::noise, 2, 3, 64);
  CHECK(base == normals(1, Purpose::noise, 2, 3, 64));
  CHECK(base != normals(2, Purpose::noise, 2, 3, 64));
  CHECK(base != normals(1, Purpose::timestep, 2, 3, 64));
  CHECK(base != normals(1, Purpose::noise, 3, 3, 64));
  CHECK(base != normals(1, Purpose::noise, 2, 4, 64));
}

TEST_CASE("a shorter draw is the beginning of a longer one") {
  const auto longer = normals(7, Purpose::noise, 0, 0, 101);
  const auto shorter = normals(7, Purpose::noise, 0, 0, 50);
  CHECK(std::equal(shorter.begin(), shorter.end(), longer.begin()));
}

TEST_CASE("normals have the moments of a standard normal") {
  constexpr std::size_t count = 400'000;
  double sum = 0, square = 0, fourth = 0;
  for (float x : normals(11, Purpose::noise, 5, 0, count)) {
    sum += x;
    square += double(x) * x;
    fourth += double(x) * x * x * x;
  }
  // Five standard errors of each moment: 1, sqrt(2) and sqrt(96) over sqrt(count).
  const double error = 5 / std::sqrt(double(count));
  CHECK(std::abs(sum / count) < error);
  CHECK(std::abs(square / count - 1) < error * std::sqrt(2.0));
  CHECK(std::abs(fourth / count - 3) < error * std::sqrt(96.0));
}

TEST_CASE("normals follow the normal distribution") {
  constexpr int count = 1'000'000, bins = 40;
  std::array<int, bins> histogram{};
  for (float x : normals(13, Purpose::noise, 1, 0, count)) {
    const double u = 0.5 * std::erfc(-double(x) / std::sqrt(2.0));
    ++histogram.at(static_cast<std::size_t>(std::min(bins - 1, int(u * bins))));
  }
  double chi_square = 0;
  for (int observed : histogram) chi_square += std::pow(observed - count / bins, 2) / (count / bins);
  CHECK(chi_square < 39 + 5 * std::sqrt(2.0 * 39));
}

TEST_CASE("neighbouring samples are uncorrelated") {
  constexpr std::size_t count = 100'000;
  const auto a = normals(3, Purpose::noise, 10, 0, count), b = normals(3, Purpose::noise, 11, 0, count);
  double product = 0;
  for (std::size_t i = 0; i < count; ++i) product += double(a[i]) * b[i];
  CHECK(std::abs(product / count) < 5 / std::sqrt(double(count)));
}

TEST_CASE("below covers its range evenly") {
  Random random(5, Purpose::shuffle, 0);
  std::array<int, 7> histogram{};
  for (int i = 0; i < 70'000; ++i) ++histogram.at(random.below(7));
  for (int count : histogram) CHECK(std::abs(count - 10'000) < 5 * std::sqrt(10'000.0 * 6 / 7));
}

TEST_CASE("a block of Philox4x32-10 is the published one") {
  // Salmon et al., Random123, tests/kat_vectors.
  using Counter = std::array<std::uint32_t, 4>;
  constexpr auto all = 0xFFFFFFFFU;
  CHECK(dydit::philox({0, 0}, {0, 0, 0, 0}) == Counter{0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8});
  CHECK(dydit::philox({all, all}, {all, all, all, all}) == Counter{0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD});
  CHECK(dydit::philox({0xA4093822, 0x299F31D0}, {0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344}) ==
        Counter{0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1});
}

TEST_CASE("a purpose keeps its number, on which all draws ever recorded depend") {
  CHECK(static_cast<int>(Purpose::initialisation) == 1);
  CHECK(static_cast<int>(Purpose::noise) == 5);
  CHECK(static_cast<int>(Purpose::importance) == 13);
  CHECK(static_cast<int>(Purpose::training_noise) == 14);
}
