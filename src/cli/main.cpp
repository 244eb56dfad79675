// SPDX-License-Identifier: Apache-2.0
// The dydit program: subcommands, exit codes, and errors as one line on stderr.
#include <fmt/format.h>

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cstdio>
#include <iostream>

#include "base/faults.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "common.h"
#include "distributed/process_group.h"
#include "instrument/nvtx.h"
#include "run/runner.h"

namespace {

int fail(dydit::ExitCode code, std::string_view message) {
  fmt::print(stderr, "dydit: {}\n", dydit::first_line(message));
  return static_cast<int>(code);
}

int run(int argc, char** argv) {
  CLI::App app("Redundancy studies and speed measurements of Dynamic Diffusion Transformers", "dydit");
  app.require_subcommand(1);
  app.footer("Example: dydit reproduce profiles/quick.toml");
  app.set_version_flag("--version", DYDIT_VERSION);
  const dydit::study::Catalog catalog = dydit::run::standard_catalog();
  using namespace dydit::cli;
  for (const auto add : {add_info, add_train, add_study, add_sample, add_sweep, add_profile, add_costs, add_quality,
                         add_classifier, add_compare, add_report, add_reproduce, add_probe, add_data, add_export})
    add(app, catalog);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::RequiredError& error) {  // a word that is unknown says more than what lacks for it
    const auto words = app.remaining(/*recurse=*/true);
    const std::string what = words.empty() ? error.what() : fmt::format("{} was not expected", words.front());
    return fail(dydit::ExitCode::wrong_usage, fmt::format("wrong usage: {}: see --help", what));
  } catch (const CLI::ParseError& error) {
    return fail(dydit::ExitCode::wrong_usage, fmt::format("wrong usage: {}: see --help", error.what()));
  } catch (const dydit::distributed::ToldElsewhere& error) {
    return static_cast<int>(error.code());
  } catch (const dydit::Error& error) {
    return fail(error.code(), error.what());
  } catch (const c10::OutOfMemoryError& error) {
    return fail(dydit::ExitCode::failed, fmt::format("out of memory: {}", error.what_without_backtrace()));
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(dydit::ExitCode::failed, fmt::format("{}: {}", error.code().message(), error.path1().string()));
  } catch (const std::exception& error) {
    return fail(dydit::ExitCode::failed, dydit::one_line(error));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  dydit::handle_interrupts();
  dydit::handle_faults();
  dydit::prepare_memory();
  const auto nvtx = dydit::instrument::nvtx_ranges();
  const dydit::Observing observing({.observer = nvtx.get()});
  const int code = run(argc, argv);
  const bool printed = std::cout.flush() && std::fflush(stdout) == 0;
  return printed || code != 0 ? code
                              : fail(dydit::ExitCode::failed, "cannot write: standard output: is the disk full?");
}
