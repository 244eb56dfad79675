// SPDX-License-Identifier: Apache-2.0
// dydit compare: whether a candidate is slower than a base; with --collect it runs both.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "common.h"
#include "compare/collect.h"
#include "compare/report.h"

namespace fs = std::filesystem;

namespace dydit::cli {

namespace {

struct Compare {
  std::string base, candidate;
  compare::Rule rule;
  compare::Reading reading = {};
  std::vector<std::string> written;
  bool json = false, quiet = false, collect = false;
  compare::CollectOptions collected = {};
  std::vector<std::string> of_collect;  // options given that mean nothing else
};

const compare::Format& format_named(std::string_view name) {
  const auto found = std::ranges::find(compare::formats, name, &compare::Format::name);
  if (found != compare::formats.end()) return *found;
  std::vector<std::string_view> names;
  for (const compare::Format& format : compare::formats) names.push_back(format.name);
  throw UsageError("unknown format", fmt::format("--write {}", name), fmt::format("one of {}", fmt::join(names, ", ")));
}

struct Output {
  const compare::Format* format;
  std::string path;
};

Output output_of(const std::string& text) {
  const auto at = text.find('=');
  if (at == std::string::npos || at + 1 == text.size())
    throw UsageError("no file", "--write " + text, "say FORMAT=FILE, as in junit=verdicts.xml");
  return {&format_named(text.substr(0, at)), text.substr(at + 1)};
}

// Before anything is measured: what can be known of whether they can be written.
std::vector<Output> outputs_of(const Compare& c) {
  std::vector<Output> outputs;
  std::set<fs::path> files;
  for (const std::string& text : c.written) {
    const Output& output = outputs.emplace_back(output_of(text));
    if (output.path == "-") continue;
    const std::string option = "--write " + text;
    const fs::path file = fs::weakly_canonical(fs::absolute(output.path)), folder = file.parent_path();
    std::error_code none;
    if (output.path.starts_with("/dev/") ||
        (fs::exists(fs::symlink_status(file, none)) && !fs::is_regular_file(file, none)))
      throw UsageError("not a file", option, "- is standard output");
    for (const std::string& input : {c.base, c.candidate})
      if (fs::equivalent(file, input, none) || fs::equivalent(folder, input, none))
        throw UsageError("an input of the comparison", option, "name another file");
    if (!files.insert(file).second) throw UsageError("a file is written twice", option, "name another file");
    if (::access((folder / ".").c_str(), W_OK) != 0) throw RunError("cannot write", option, std::strerror(errno));
  }
  return outputs;
}

// runs/compare-1 or the next that is not there.
fs::path new_folder() {
  for (int n = 1;; ++n)
    if (const fs::path folder = fmt::format("runs/compare-{}", n); !fs::exists(folder)) return folder;
}

compare::Comparison comparison_of(Compare& c) {
  if (!c.collect) {
    if (!c.of_collect.empty()) throw UsageError("nothing is collected", c.of_collect.front(), "add --collect");
    return compare::compare(compare::read_results(c.base, c.reading), compare::read_results(c.candidate, c.reading),
                            c.rule);
  }
  c.collected.rule = c.rule;
  c.collected.reading = c.reading;
  c.collected.quiet = c.quiet;
  if (c.collected.folder.empty()) c.collected.folder = new_folder();
  return compare::collect(c.base, c.candidate, c.collected);
}

void execute(Compare c) {
  const std::vector<Output> outputs = outputs_of(c);
  c.reading.counts = c.rule.gated;
  const compare::Comparison comparison = comparison_of(c);
  if (!c.quiet)
    for (const std::string& note : comparison.notes) fmt::print(stderr, "dydit: {}\n", one_line(note));
  std::cout << (c.json ? json(comparison) : table(comparison)) << std::flush;
  for (const Output& output : outputs) {
    const std::string text = output.format->text_of(comparison);
    if (output.path == "-")
      std::cout << text << std::flush;
    else
      write_atomically(output.path, text);
  }
  if (comparison.worse()) throw Error(ExitCode::criterion_not_met, "worse", c.candidate, summary(comparison));
}

}  // namespace

void add_compare(CLI::App& app, const study::Catalog&) {
  auto c = std::make_shared<Compare>();
  CLI::App* command =
      app.add_subcommand("compare", "Whether a candidate is slower than a base, benchmark by benchmark");
  command->footer(
      "Example: dydit compare runs/before runs/after --write markdown=comment.md\n"
      "         dydit compare --collect \"old/bench --benchmark_out={out}\" \"new/bench --benchmark_out={out}\"\n"
      "Exit code 1: something is slower, or a gated count rose.");
  command
      ->add_option("BASE", c->base,
                   "results: a run directory, JSON of Google Benchmark or nvbench, or a folder of these, one for each "
                   "process run")
      ->required();
  command->add_option("CANDIDATE", c->candidate, "the same of what may be slower")->required();
  add_number(
      *command, "--threshold", Bounds<double>{0.001, 100}, [c](double percent) { c->rule.threshold = percent / 100; },
      "smallest change that matters, in % of the base's time (1)");
  add_number(
      *command, "--alarms", Bounds<double>{0.001, 50}, [c](double percent) { c->rule.alarms = percent / 100; },
      "of the suites in which nothing changed, how many may have an alarm, in % (4)");
  command
      ->add_option_function<std::string>(
          "--clock",
          [c](const std::string& name) {
            c->reading.clock = name == "cpu" ? compare::Clock::cpu : compare::Clock::real;
          },
          "which of Google Benchmark's times counts (real)")
      ->check(CLI::IsMember({"real", "cpu"}));
  command->add_option("--gate", c->rule.gated,
                      "counts that must not rise, instead of MACs, launches, allocations and memory: also counters of "
                      "Google Benchmark, tags of nvbench and metrics of records by their names");
  command->add_flag("--json", c->json, "as JSON");
  command->add_option("--write", c->written,
                      "FORMAT=FILE, besides: table, json, junit, markdown, annotations (GitHub), bmf (Bencher), "
                      "smaller-is-better (github-action-benchmark); - is standard output");
  command->add_flag("--quiet", c->quiet, "no notes and no progress on stderr");
  command->add_flag(
      "--collect", c->collect,
      "BASE and CANDIDATE are shell commands, which are run in turns until there is a verdict; {out} in one "
      "is the path of its result, quoted, else that is what it prints");
  const auto of_collect = [c, command](const char* option, auto bounds, auto take, const char* help) {
    add_number(
        *command, option, bounds,
        [c, option, take](auto value) {
          c->of_collect.push_back(option);
          take(value);
        },
        help);
  };
  of_collect(
      "--most", Bounds<std::int64_t>{compare::fewest_runs, compare::most_runs},
      [c](std::int64_t most) { c->collected.most = static_cast<int>(most); }, "process runs a side (40)");
  of_collect("--budget", Bounds<double>{1, 1e7}, into(c->collected.budget_seconds),
             "seconds, after three runs a side (no limit)");
  of_collect("--seed", Bounds<std::uint64_t>{0, UINT64_MAX}, into(c->collected.seed), "of the order (0)");
  command->add_option_function<std::string>(
      "--out",
      [c](const std::string& folder) {
        c->of_collect.push_back("--out");
        c->collected.folder = folder;
      },
      "folder for what is collected, where the same command goes on (default: a new one, runs/compare-<n>)");
  command->callback([=] { execute(*c); });
}

}  // namespace dydit::cli
