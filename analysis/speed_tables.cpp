// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

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

std::string trained_table(std::span<const SpeedStudy> studies) {
  std::string rows;
  for (const SpeedStudy& study : studies)
    for (const SpeedCell& cell : study.cells) {
      if (cell.engine != Engine::compact || cell.which != Which::own) continue;
      const auto of = [&](Engine engine, Which which) {
        const auto found = std::find_if(study.cells.begin(), study.cells.end(), [&](const SpeedCell& other) {
          return other.engine == engine && other.which == which && other.batch == cell.batch;
        });
        return found == study.cells.end() ? nullptr : &*found;
      };
      const SpeedCell *dense = of(Engine::dense, Which::all), *alike = of(Engine::compact, Which::alike),
                      *masked = of(Engine::masked, Which::own);
      rows += row({html_escape(study.title()), std::to_string(cell.batch), number(cell.lambda_realised), number(cell.gmacs),
                   dense == nullptr ? "–" : per_image(*dense), per_image(cell), plus_minus(cell.speedup),
                   number(cell.theoretical_speedup), plus_minus(cell.realisation),
                   alike == nullptr ? "–" : plus_minus(alike->realisation),
                   masked == nullptr ? "–" : plus_minus(masked->speedup)});
    }
  return rows.empty() ? ""
                      : table({"model", "batch", "λ", "GMACs", "dense ms<br>per image", "ms per<br>image", "speedup", "theory",
                               "η", "η of masks<br>by chance", "speedup<br>masked"},
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
