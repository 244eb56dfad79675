// SPDX-License-Identifier: Apache-2.0
// dydit report: figures, data and one page from run directories.
#include <iostream>
#include <memory>

#include "analysis/report.h"
#include "commands.h"
#include "common.h"

namespace dydit::cli {

void add_report(CLI::App& app) {
  struct Report {
    std::vector<std::string> runs;
    std::string out;
    std::string normalise;
    Machine machine;  // accepted as everywhere; figures are drawn by one thread of the CPU
  };
  auto r = std::make_shared<Report>();
  CLI::App* command =
      app.add_subcommand("report", "Figures (SVG, PDF, PNG), CSV and one self-contained page");
  command->footer("Example: dydit report runs/quick-1");
  command->add_option("runs", r->runs, "run directories")->required();
  command->add_option("--out", r->out, "folder to write (default: the first run directory)");
  add_normalise(*command, r->normalise);
  r->machine.add_to(*command);
  command->callback([r] {
    std::vector<record::Run> runs;
    for (const std::string& path : r->runs) runs.push_back(record::read_run(path));
    const auto out = r->out.empty() ? runs.front().path : std::filesystem::path(r->out);
    std::cout << write_report(runs, out, r->normalise).string() << std::endl;
  });
}

std::filesystem::path write_report(const std::vector<record::Run>& runs, const std::filesystem::path& out,
                                   const std::string& normalise) {
  analysis::ReportOptions options;
  if (!normalise.empty()) options.normalise_each = normalise == "each";
  return analysis::write_report(runs, out, options);
}

}  // namespace dydit::cli
