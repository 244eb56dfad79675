// SPDX-License-Identifier: Apache-2.0
// Records of a made-up profile, and the columns of what is drawn of it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "analysis/kernels.h"
#include "record/record.h"

namespace dydit::test {

/// A cell of DyDiT-S/2: the dense model with everything on takes 8 ms, others, at half of the units, 5; ceilings are
/// 1000 GMAC/s and 100 GB/s.
record::Record profile_cell(const std::string& engine, double keep = 0.5);

/// A row of such a cell: ms, GMACs and MB of two calls; gaps have a time alone.
record::Record kernel_row(const std::string& engine, const std::string& range, const std::string& kernel, double time,
                          double gmacs = 0, double bytes = 0);

/// 10 ms of the dense model with 4 of its 6 ms at fc1 needed; half of the MACs leave 4 of them, and gaps take 3 ms.
std::vector<record::Record> made_up_profile();

std::vector<analysis::ProfileStudy> profile_studies_of(const std::vector<record::Record>& records);

/// The lines of a CSV below its head, each by the names of the columns.
std::vector<std::map<std::string, std::string>> read_csv(const std::string& csv);

}  // namespace dydit::test
