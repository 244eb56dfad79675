// SPDX-License-Identifier: Apache-2.0
#include "gpu/clock.h"

#include <ATen/cuda/CUDAContext.h>
#include <torch/torch.h>

#include <array>
#include <limits>
#include <map>
#include <vector>

#include "base/median.h"
#include "check.h"
#include "gpu/support.h"
#include "kernels.h"

namespace dydit::gpu {

namespace {

// One reading of each multiprocessor.
std::map<std::int64_t, ClockReading> by_multiprocessor(std::span<const ClockReading> readings) {
  std::map<std::int64_t, ClockReading> first;
  for (const ClockReading& reading : readings) first.emplace(reading.multiprocessor, reading);
  return first;
}

class Counters final : public instrument::ClockMeter {
 public:
  explicit Counters(torch::Device device)
      : device_(device),
        most_(1.05 * highest_clock(device)),
        blocks_(2 * at::cuda::getDeviceProperties(device.index())->multiProcessorCount) {
    for (torch::Tensor& numbers : readings_)
      numbers = torch::zeros({blocks_, 3}, torch::TensorOptions(device).dtype(torch::kInt64));
  }

  void begin() override { read(readings_.front()); }
  void end() override { read(readings_.back()); }
  std::optional<double> megahertz() override {
    const torch::Tensor begun = readings_.front().cpu(), ended = readings_.back().cpu();
    return mean_clock(on_host(begun), on_host(ended), most_);
  }

 private:
  void read(const torch::Tensor& readings) const {
    launch_clock_readings(static_cast<ClockReading*>(readings.mutable_data_ptr()), blocks_,
                          at::cuda::getCurrentCUDAStream(device_.index()));
  }
  static std::span<const ClockReading> on_host(const torch::Tensor& readings) {
    static_assert(sizeof(ClockReading) == 3 * sizeof(std::int64_t));
    return {static_cast<const ClockReading*>(readings.const_data_ptr()), static_cast<std::size_t>(readings.size(0))};
  }

  torch::Device device_;
  double most_;  // MHz: beyond, counters are not believed
  int blocks_;   // so many that most multiprocessors have one
  std::array<torch::Tensor, 2> readings_;
};

}  // namespace

std::optional<double> mean_clock(std::span<const ClockReading> begin, std::span<const ClockReading> end, double most) {
  const auto begun = by_multiprocessor(begin), ended = by_multiprocessor(end);
  std::vector<double> clocks;
  for (const auto& [multiprocessor, last] : ended) {
    const auto first = begun.find(multiprocessor);
    if (first == begun.end()) continue;
    const std::int64_t cycles = last.cycles - first->second.cycles;
    const std::int64_t nanoseconds = last.nanoseconds - first->second.nanoseconds;
    clocks.push_back(cycles > 0 && nanoseconds > 0
                         ? 1e3 * static_cast<double>(cycles) / static_cast<double>(nanoseconds)
                         : std::numeric_limits<double>::infinity());
  }
  const double clock = median_of(clocks).value;
  return clock <= most ? std::optional(clock) : std::nullopt;
}

std::unique_ptr<instrument::ClockMeter> clock_meter(torch::Device device) {
  if (!lacks(device, torch::kBFloat16).empty()) return nullptr;
  return std::make_unique<Counters>(device);
}

double highest_clock(torch::Device device) {
  const int index = device.has_index() ? device.index() : at::cuda::current_device();
  int kilohertz = 0;
  check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, index));
  return 1e-3 * kilohertz;
}

}  // namespace dydit::gpu
