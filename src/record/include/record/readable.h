// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "record/record.h"

namespace dydit::record {

/// The record itself where from_line takes its line; else a failed one of the same cell, without what was measured, that
/// says why. Whatever is written went through here: a record that cannot be read would take the whole run with it.
/// Throws RunError where not even that can be read, as its axes are what is wrong.
Record readable(Record record);

}  // namespace dydit::record
