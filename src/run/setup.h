// SPDX-License-Identifier: Apache-2.0
// What every runner opens first.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "model/architecture.h"
#include "run/runner.h"

namespace dydit::run {

/// Throws InputError naming the file when the data are missing, UsageError when they do not fit the model.
std::shared_ptr<const data::Dataset> open_data(const DataSpec& spec, std::uint64_t seed);
void require_fit(const data::Dataset& dataset, const DataSpec& spec,
                 const model::Architecture& architecture, const std::string& model);

/// Entries of a manifest that every run has; `identity` is what must agree on resumption.
Json base_manifest(const Profile& profile, const RunSettings& settings, const Json& identity);

/// Opens settings.out, or the profile's next run below runs/, and prints its path first. At rank 0: null
/// elsewhere. Throws UsageError where a process of the group is to run something else than rank 0.
std::unique_ptr<record::RunDirectory> open_run(const Profile& profile, const RunSettings& settings,
                                               const Json& manifest);

Json describe_data(const data::Dataset& dataset, const DataSpec& spec);
Json describe_model(const std::string& name, const model::Architecture& architecture);

}  // namespace dydit::run
