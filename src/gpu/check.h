// SPDX-License-Identifier: Apache-2.0
// What the runtime says, and how kernels are launched.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

namespace dydit::gpu {

/// Throws RunError with what CUDA says of it.
void check(cudaError_t result);
/// Throws RunError.
void require(bool holds, const char* what);

/// Of the current device.
int multiprocessors();

/// A kernel that needs more shared memory than every one may have.
template <typename... Parameters>
void allow_shared_memory(void (*kernel)(Parameters...), int bytes) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

/// The kernel may begin before the one before it on the stream has ended: it waits for it where it says so.
template <typename... Parameters, typename... Arguments>
void launch_kernel(void (*kernel)(Parameters...), int blocks, int threads, int shared_bytes, int cluster,
                   cudaStream_t stream, Arguments&&... arguments) {
  cudaLaunchAttribute attributes[2] = {};
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim.x = static_cast<unsigned>(cluster);
  attributes[1].val.clusterDim.y = attributes[1].val.clusterDim.z = 1;
  cudaLaunchConfig_t launch = {};
  launch.gridDim = dim3(static_cast<unsigned>(blocks));
  launch.blockDim = dim3(static_cast<unsigned>(threads));
  launch.dynamicSmemBytes = static_cast<std::size_t>(shared_bytes);
  launch.stream = stream;
  launch.attrs = attributes;
  launch.numAttrs = cluster > 1 ? 2 : 1;
  check(cudaLaunchKernelEx(&launch, kernel, std::forward<Arguments>(arguments)...));
}

}  // namespace dydit::gpu
