// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/types.h>

namespace dydit::dit {

/// A tensor that was looked at, by what it is and not by its numbers: to look at a GPU's takes a wait. It is not kept.
class KnownTensor {
 public:
  explicit KnownTensor(const torch::Tensor& tensor) : tensor_(tensor.getIntrusivePtr()) {}
  bool is(const torch::Tensor& tensor) const {
    return !gone() && tensor_._unsafe_get_target() == tensor.unsafeGetTensorImpl();
  }
  bool gone() const { return tensor_.expired(); }

 private:
  c10::weak_intrusive_ptr<c10::TensorImpl> tensor_;
};

}  // namespace dydit::dit
