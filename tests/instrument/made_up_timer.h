// SPDX-License-Identifier: Apache-2.0
// A clock that the variants of a test move themselves.
#pragma once

#include <string>

#include "instrument/timer.h"

namespace dydit::test {

struct MadeUpTimer final : instrument::Timer {
  double now = 0;             // seconds
  std::string done;           // what was asked of it: d(rain), s(tart), l(ap), r(ead)
  std::vector<double> marks;  // of the row

  void drain() override { done += 'd'; }
  void start() override {
    done += 's';
    marks = {now};
  }
  void lap() override {
    done += 'l';
    marks.push_back(now);
  }
  std::vector<double> laps() override {
    done += 'r';
    std::vector<double> seconds;
    for (std::size_t i = 1; i < marks.size(); ++i) seconds.push_back(marks[i] - marks[i - 1]);
    return seconds;
  }
};

}  // namespace dydit::test
