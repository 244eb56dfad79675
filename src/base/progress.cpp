// SPDX-License-Identifier: Apache-2.0
#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace dydit {

Progress::Progress(std::string label, std::string unit, std::int64_t total, bool quiet, std::int64_t done)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      start_(done),
      done_(done),
      visible_(!quiet && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (visible_ && drawn_ != Clock::time_point{}) fmt::print(stderr, "\r\033[K");
}

void Progress::advance(std::int64_t count) {
  done_ += count;
  const auto now = Clock::now();
  if (!visible_ || (now - drawn_ < std::chrono::milliseconds(200) && done_ < total_)) return;
  drawn_ = now;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  const double rate = seconds > 0 ? static_cast<double>(done_ - start_) / seconds : 0;
  const auto left = rate > 0 ? static_cast<std::int64_t>(static_cast<double>(total_ - done_) / rate) : 0;
  fmt::print(stderr, "\r\033[K{}: {}/{} {} ({:.4g}/s, {}:{:02} left)", label_, done_, total_, unit_, rate, left / 60,
             left % 60);
  std::fflush(stderr);
}

}  // namespace dydit
