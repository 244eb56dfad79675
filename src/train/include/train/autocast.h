// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

namespace dydit::train {

/// bfloat16 autocast on `device` while the object lives, where `enabled`.
class Autocast {
 public:
  Autocast(torch::Device device, bool enabled);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType type_;
  bool enabled_;
};

}  // namespace dydit::train
