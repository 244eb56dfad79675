// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "findings.h"
#include "text.h"

namespace dydit::analysis {

namespace {

/// A row of a table from what stands in it (HTML), the first as its head.
std::string row(const std::vector<std::string>& fields) {
  std::string html = "<tr><th scope=\"row\">" + fields.front() + "</th>";
  for (std::size_t i = 1; i < fields.size(); ++i) html += "<td>" + fields[i] + "</td>";
  return html + "</tr>\n";
}

std::string table(const std::vector<std::string>& head, const std::string& rows) {
  std::string html = "<div class=\"scroll\"><table class=\"speed\"><thead><tr>";
  for (const std::string& name : head) html += "<th scope=\"col\">" + name + "</th>";
  return html + "</tr></thead>\n<tbody>\n" + rows + "</tbody></table></div>\n";
}

std::string per_image(const SpeedCell& cell) {
  return number(cell.time.mean / static_cast<double>(cell.batch)) + (cell.disturbed() ? " †" : "");
}

std::string kept(const SpeedCell& cell) {
  return fmt::format("{:g}", cell.keep);
}

std::string skips(const SpeedCell& cell) {
  if (cell.engine == Engine::dense) return "dense";
  return cell.which == Which::all ? "all on" : std::string(name_of(cell.which));
}

}  // namespace

std::string speed_table(const SpeedStudy& study) {
  std::string rows;
  for (const SpeedCell& cell : study.cells)
    if (cell.engine != Engine::masked) {
      const bool dense = cell.engine == Engine::dense;
      rows += row({std::to_string(cell.batch), skips(cell), kept(cell), number(cell.lambda_realised),
                   number(cell.gmacs), per_image(cell), dense ? "1" : plus_minus(cell.speedup),
                   dense ? "1" : number(cell.theoretical_speedup), dense ? "–" : plus_minus(cell.realisation),
                   cell.which == Which::both ? number(published_realisation(study.model, cell.theoretical_speedup)) : "–",
                   number(cell.activation_memory + cell.weight_memory)});
    }
  return table({"batch", "masks", "kept", "λ", "GMACs", "ms per<br>image", "speedup", "theory", "η",
                "η pub-<br>lished", "MB"},
               rows);
}

std::string masked_table(const SpeedStudy& study) {
  std::string rows;
  for (const SpeedCell& cell : study.cells)
    if (cell.engine == Engine::masked)
      rows += row({std::to_string(cell.batch), skips(cell), kept(cell), per_image(cell),
                   plus_minus(cell.time_over_dense()), number(cell.theoretical_speedup)});
  return rows.empty()
             ? ""
             : table({"batch", "masks", "kept", "ms per<br>image", "over the<br>dense time", "theory"}, rows);
}

}  // namespace dydit::analysis
