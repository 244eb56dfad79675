// SPDX-License-Identifier: Apache-2.0
// How fast a device's clock goes during work that is not waited for: a GPU at its limit of power lowers it.
#pragma once

#include <optional>

namespace dydit::instrument {

class ClockMeter {
 public:
  virtual ~ClockMeter() = default;
  /// The stretch that is measured begins and ends behind the work that the device was given so far. Neither waits.
  virtual void begin() = 0;
  virtual void end() = 0;
  /// MHz, mean over the last stretch; nothing where it cannot be told. Waits for its end.
  virtual std::optional<double> megahertz() = 0;
};

}  // namespace dydit::instrument
