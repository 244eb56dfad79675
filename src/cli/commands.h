// SPDX-License-Identifier: Apache-2.0
// One function for each subcommand, each in its own file: it declares the options and what to call.
#pragma once

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace dydit::cli {

void add_info(CLI::App& app);
void add_train(CLI::App& app);
void add_study(CLI::App& app);
void add_sweep(CLI::App& app);
void add_report(CLI::App& app);
void add_reproduce(CLI::App& app);
void add_probe(CLI::App& app);
void add_export(CLI::App& app);

}  // namespace dydit::cli
