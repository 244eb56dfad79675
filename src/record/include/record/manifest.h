// SPDX-License-Identifier: Apache-2.0
// What a manifest says about where a run was made.
#pragma once

#include "record/record.h"

namespace dydit::record {

/// {"cpu", "cores" (usable by this process), "gpus" (names), "driver" (of the GPUs, null without one),
/// "memory_gib", "system", "kernel"}; the host's name is left out.
Json machine_description();

/// The machine now: {"load" (average of the last minute), "cpu_mhz" (mean of the cores), "gpus": [{"sm_mhz",
/// "memory_mhz", "celsius", "throttling": [reasons]}]}; without "gpus" where there is none.
Json machine_state();

/// Names this process: its first use and its number, "2026-01-31T12:00:00Z/4711".
std::string process_id();

/// Adds this process and the machine's state to a record, unless the process that measured it has done so.
void stamp(Record& record);

/// {"compiler", "type", "flags", "revision", "tree": "clean|modified|unknown"}; the revision is "unknown"
/// when the sources were no git checkout.
Json build_description();

/// Now, as "2026-01-31T12:00:00Z".
std::string utc_now();

}  // namespace dydit::record
