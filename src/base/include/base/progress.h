// SPDX-License-Identifier: Apache-2.0
// One line on stderr with rate and remaining time while long work goes on; silent when stderr is no
// terminal or the user asked for quiet.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace dydit {

class Progress {
 public:
  /// `unit` names what is counted ("images", "steps"); `done` is where resumed work starts.
  Progress(std::string label, std::string unit, std::int64_t total, bool quiet, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(std::int64_t count);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_, unit_;
  std::int64_t total_, start_, done_;
  bool visible_;
  Clock::time_point begin_ = Clock::now(), drawn_{};
};

}  // namespace dydit
