// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>

namespace dydit {

/// The CPU time that a process may take per time by the control groups it is in, in cores: the least limit of its
/// groups and those above them, of version 2 (cpu.max) and 1 (cpu.cfs_quota_us over cpu.cfs_period_us). Nothing without
/// a limit. `system` is the folder that holds proc/self/cgroup and sys/fs/cgroup.
std::optional<double> cpu_quota(const std::filesystem::path& system);

/// The cores that `allowed` of the scheduler and a quota leave, at least one.
int cores_within(int allowed, std::optional<double> quota);

/// The cores that this process may use, at least one.
int usable_cores();

}  // namespace dydit
