// SPDX-License-Identifier: Apache-2.0
// dydit report: figures, data and one page from run directories.
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <span>

#include "analysis/report.h"
#include "base/error.h"
#include "common.h"

namespace dydit::cli {

namespace {

// The page of the runs; as recorded where a run's tensors were left out.
std::filesystem::path page_of(const std::vector<record::Run>& runs, const std::filesystem::path& out,
                              std::optional<bool> each) {
  const auto recorded = std::ranges::find_if(runs, analysis::tensors_left_out);
  if (recorded == runs.end()) return analysis::write_report(runs, out, {.normalise_each = each});
  const std::string where = recorded->path.string();
  if (runs.size() > 1)
    throw InputError("its tensors were left out", where,
                     "measure it again with its profile; a page that was recorded stays as it is");
  const auto page = analysis::recorded_page(*recorded, out);
  std::cerr << "dydit: its tensors were left out: " << where
            << ": the page stays as recorded; gnuplot draws a figure from its .gp\n";
  return page;
}

}  // namespace

void add_report(CLI::App& app, const study::Catalog&) {
  struct Report {
    std::vector<std::string> runs;
    std::string out;
    Json options = Json::object();
    Machine machine;  // accepted as everywhere; figures are drawn by one thread of the CPU
  };
  auto r = std::make_shared<Report>();
  CLI::App* command = app.add_subcommand("report", "Figures (SVG, PDF, PNG), CSV and one self-contained page");
  command->footer("Example: dydit report runs/quick-1");
  command->add_option("runs", r->runs, "run directories")->required();
  command->add_option("--out", r->out, "folder to write (default: the first run directory)");
  std::vector<Option> of_maps = study::map_options().options();
  std::erase_if(of_maps, [](const Option& option) { return option.name != "normalise_each"; });
  add_options(*command, of_maps, r->options);
  r->machine.add_to(*command);
  command->callback([r] {
    std::vector<record::Run> runs;
    for (const std::string& path : r->runs) {
      runs.push_back(record::read_run(path));
      for (const record::Run& before : std::span(runs).first(runs.size() - 1))
        if (std::filesystem::equivalent(before.path, runs.back().path))
          throw UsageError("a run given twice", path, "give it once");
    }
    const auto out = r->out.empty() ? runs.front().path : std::filesystem::path(r->out);
    std::optional<bool> each;
    if (r->options.contains("normalise_each")) each = r->options["normalise_each"].get<bool>();
    std::cout << page_of(runs, out, each).string() << std::endl;
  });
}

}  // namespace dydit::cli
