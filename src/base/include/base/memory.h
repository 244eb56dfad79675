// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace dydit {

/// Lets the process keep up to 2 GiB of freed memory for its next allocations, and asks for huge pages for them.
/// Activations and gradients come and go with every pass; given back to the system each time, they would be taken again
/// page by page, and small pages cost a walk through their tables every few thousand numbers. Called once, by main,
/// first. (LibTorch is built for glibc, whose allocator this is.)
void prepare_memory();

}  // namespace dydit
