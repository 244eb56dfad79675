// SPDX-License-Identifier: Apache-2.0
// One function for each subcommand, each in its own file: it declares the options and what to call. The catalog outlives the
// program's options.
#pragma once

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "study/catalog.h"

namespace dydit::cli {

void add_info(CLI::App& app, const study::Catalog& catalog);
void add_train(CLI::App& app, const study::Catalog& catalog);
void add_study(CLI::App& app, const study::Catalog& catalog);
void add_sweep(CLI::App& app, const study::Catalog& catalog);
void add_report(CLI::App& app, const study::Catalog& catalog);
void add_reproduce(CLI::App& app, const study::Catalog& catalog);
void add_probe(CLI::App& app, const study::Catalog& catalog);
void add_export(CLI::App& app, const study::Catalog& catalog);

}  // namespace dydit::cli
