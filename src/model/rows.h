// SPDX-License-Identifier: Apache-2.0
// The elementwise work of a block on one row (token) of D values, forward and backward, in vector code that is
// chosen for the processor at run time. Arithmetic is in float32 whatever the type of the values.
//
//   r = x + gate * y                                (left out where `y` is null: r = x)
//   h = (r - mean(r)) * rstd(r) * (1 + scale) + shift  (left out where `h` is null)
//
// LayerNorm's variance is the biased one of the centred row, eps 1e-6.
#pragma once

#include <c10/util/BFloat16.h>

#include <cstdint>

namespace dydit::model {

template <typename T>
struct ForwardRow {
  std::int64_t width = 0;                               ///< D
  const T *x = nullptr, *y = nullptr, *gate = nullptr;  ///< in
  const T *shift = nullptr, *scale = nullptr;           ///< in
  T *r = nullptr, *h = nullptr;                         ///< out; r is not written without y
  float *mean = nullptr, *rstd = nullptr;               ///< out, where not null
  float* scratch = nullptr;                             ///< D values
};

template <typename T>
struct BackwardRow {
  std::int64_t width = 0;
  const T *r = nullptr, *y = nullptr, *gate = nullptr, *scale = nullptr;  ///< as in the forward pass
  const float *mean = nullptr, *rstd = nullptr;                           ///< with grad_h
  const T *grad_r = nullptr, *grad_h = nullptr;  ///< in: of the outputs; null where there is none
  T *grad_x = nullptr, *grad_y = nullptr;        ///< out; grad_y where y is
  float *grad_gate = nullptr, *grad_shift = nullptr, *grad_scale = nullptr;  ///< added to
  float* scratch = nullptr;                                                  ///< D values
};

/// T is float or c10::BFloat16.
template <typename T>
void forward_row(const ForwardRow<T>& row);
template <typename T>
void backward_row(const BackwardRow<T>& row);

}  // namespace dydit::model
