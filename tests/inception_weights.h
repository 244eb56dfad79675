// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checkpoint/tensor.h"

namespace dydit::test {

/// The state dict of golden/inception_fid, by the rule "inception": names are numbered in ascending order of their
/// bytes, the last bias among them.
checkpoint::Tensors inception_weights();

}  // namespace dydit::test
