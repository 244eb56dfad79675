// SPDX-License-Identifier: Apache-2.0
// dydit report: figures, data and one page from run directories.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "analysis/report.h"
#include "base/error.h"
#include "commands.h"
#include "common.h"

namespace dydit::cli {

namespace {

bool without_tensors(const std::vector<record::Run>& runs) {
  return std::any_of(runs.begin(), runs.end(), analysis::tensors_left_out);
}

std::filesystem::path recorded_page(const std::vector<record::Run>& runs, const std::filesystem::path& out) {
  const record::Run& run = *std::find_if(runs.begin(), runs.end(), analysis::tensors_left_out);
  if (runs.size() > 1)
    throw InputError("its tensors were left out", run.path.string(),
                     "report it alone, or measure it again with its profile");
  const auto page = analysis::recorded_page(run, out);
  std::cerr << fmt::format("dydit: its tensors were left out: {}: the page stays as recorded; gnuplot draws a figure from its .gp\n",
                           run.path.string());
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
  CLI::App* command =
      app.add_subcommand("report", "Figures (SVG, PDF, PNG), CSV and one self-contained page");
  command->footer("Example: dydit report runs/quick-1");
  command->add_option("runs", r->runs, "run directories")->required();
  command->add_option("--out", r->out, "folder to write (default: the first run directory)");
  const auto of_maps = study::map_options().options();
  std::vector<Option> normalise;
  std::ranges::copy_if(of_maps, std::back_inserter(normalise), [](const Option& o) { return o.name == "normalise_each"; });
  add_options(*command, normalise, r->options);
  r->machine.add_to(*command);
  command->callback([r] {
    std::vector<record::Run> runs;
    for (const std::string& path : r->runs) runs.push_back(record::read_run(path));
    const auto out = r->out.empty() ? runs.front().path : std::filesystem::path(r->out);
    std::optional<bool> each;
    if (r->options.contains("normalise_each")) each = r->options["normalise_each"].get<bool>();
    const auto page = without_tensors(runs) ? recorded_page(runs, out) : write_report(runs, out, each);
    std::cout << page.string() << std::endl;
  });
}

std::filesystem::path write_report(const std::vector<record::Run>& runs, const std::filesystem::path& out,
                                   std::optional<bool> normalise_each) {
  return analysis::write_report(runs, out, {.normalise_each = normalise_each});
}

}  // namespace dydit::cli
