// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace dydit {

/// Lets the process keep up to 2 GiB of freed memory for its next allocations. Activations and gradients come and
/// go with every pass; given back to the system each time, they would be taken again page by page. Called once,
/// by main. Does nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace dydit
