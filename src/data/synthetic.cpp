// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

#include "base/hash.h"
#include "base/random.h"
#include "sets.h"

namespace dydit::data {

namespace {

constexpr std::int64_t class_count = 10;
constexpr double pi = std::numbers::pi;

class Synthetic final : public Dataset {
 public:
  Synthetic(std::int64_t count, std::int64_t size, std::uint64_t seed) : count_(count), size_(size), seed_(seed) {}

  std::int64_t size() const override { return count_; }
  std::int64_t classes() const override { return class_count; }
  Shape shape() const override { return {3, size_, size_}; }
  std::int64_t label(std::int64_t index) const override { return index % class_count; }
  std::string name(std::int64_t index) const override { return fmt::format("synthetic/{}", index); }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    Random random(seed_, Purpose::synthetic, static_cast<std::uint64_t>(index));
    std::array<float, 3> background;
    random.fill_uniform(background, -0.6F, 0.6F);
    const double left = 0.35 + 0.3 * random.uniform(), top = 0.35 + 0.3 * random.uniform();
    const double phase = 2 * pi * random.uniform();
    const double turn = pi * static_cast<double>(label(index)) / class_count;
    const double waves = 2 + static_cast<double>(label(index) % 3);
    for (std::int64_t y = 0; y < size_; ++y)
      for (std::int64_t x = 0; x < size_; ++x) {
        const double u = (static_cast<double>(flip ? size_ - 1 - x : x) + 0.5) / static_cast<double>(size_) - left;
        const double v = (static_cast<double>(y) + 0.5) / static_cast<double>(size_) - top;
        const double window = std::exp(-(u * u + v * v) / (2 * 0.15 * 0.15));
        const double wave = std::sin(2 * pi * waves * (u * std::cos(turn) + v * std::sin(turn)) + phase);
        for (std::int64_t c = 0; c < 3; ++c) {
          const double colour = std::cos(2 * turn + 2 * pi * static_cast<double>(c) / 3);
          out[(c * size_ + y) * size_ + x] = background[c] + static_cast<float>(window * (0.2 * colour + 0.2 * wave));
        }
      }
  }

  std::string hash() const override { return hash_of(fmt::format("synthetic {} {}", count_, seed_)); }

 private:
  std::int64_t count_, size_;
  std::uint64_t seed_;
};

}  // namespace

std::unique_ptr<Dataset> make_synthetic(std::int64_t count, std::int64_t size, std::uint64_t seed) {
  return std::make_unique<Synthetic>(count, size, seed);
}

}  // namespace dydit::data
