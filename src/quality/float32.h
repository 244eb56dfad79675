// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ATen/Context.h>

namespace dydit::quality {

/// While one lives, cuDNN computes convolutions of float32 in float32, where LibTorch lets it round to TF32.
class NoTf32 {
 public:
  NoTf32() : before_(at::globalContext().allowTF32CuDNN()) { at::globalContext().setAllowTF32CuDNN(false); }
  ~NoTf32() { at::globalContext().setAllowTF32CuDNN(before_); }
  NoTf32(const NoTf32&) = delete;
  NoTf32& operator=(const NoTf32&) = delete;

 private:
  bool before_;
};

}  // namespace dydit::quality
