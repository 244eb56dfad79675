// SPDX-License-Identifier: Apache-2.0
// The suites, a file each.
#pragma once

namespace dydit::bench {

void add_ceilings();
void add_kernels();
void add_parts();
void add_models();
void add_engines();
void add_plans();
void add_loaders();
void add_checkpoints();
void add_samplings();
void add_studies();
void add_collectors();
#ifdef DYDIT_WITH_CUDA
void add_gpu_collectors();
void add_gpu_kernels();
#endif

}  // namespace dydit::bench
