// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/paper.h"
#include "findings.h"
#include "record/metric.h"
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
  std::string html = "<div class=\"scroll\"><table class=\"wide\"><thead><tr>";
  for (const std::string& name : head) html += "<th scope=\"col\">" + name + "</th>";
  return html + "</tr></thead>\n<tbody>\n" + rows + "</tbody></table></div>\n";
}

std::string per_image(const SpeedCell& cell) {
  return number(cell.time.mean / static_cast<double>(cell.batch)) + (cell.disturbed() ? " †" : "");
}

/// With that many digits after the point, or a dash.
std::string decimal(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "–";
}

std::string kept(const SpeedCell& cell) {
  return fmt::format("{:g}", cell.keep);
}

std::string skips(const SpeedCell& cell) {
  if (cell.engine == Engine::dense) return "dense";
  return cell.which == Which::all ? "all on" : std::string(name_of(cell.which));
}

/// What the paper has for a model trained in the same way toward one half, a dash for others.
std::string published_fid(const Outcome& outcome) {
  for (const PaperAblation& paper : paper_ablation)
    if (outcome.target == 0.5 && outcome.decide == paper.decide && outcome.skip == paper.skip &&
        (paper.order.empty() || outcome.order == paper.order))
      return fmt::format("{:.1f}{}", paper.fid, paper.other_data ? " ‡" : "");
  return "–";
}

}  // namespace

std::string gap_table(const LossGap& gap) {
  constexpr std::size_t few = 4;  // of more models the squared error alone
  std::vector<std::string> metrics{"mse", "vb"};
  if (gap.models.size() > few) metrics.pop_back();
  std::vector<std::string> head{"t"};
  for (const ModelLoss& model : gap.models)
    head.push_back(fmt::format("{}<br>{}", html_escape(model.model), record::metric("mse").label));
  for (const ModelLoss& model : gap.models)
    if (!model.mse_gap.empty())
      for (const std::string& metric : metrics) {
        head.push_back(fmt::format("{} −<br>{}<br>{} {}", html_escape(model.model),
                                   html_escape(gap.reference_of(model).model), record::metric(metric).label,
                                   record::metric(metric).unit));
        head.push_back("95 % interval");
      }
  std::string rows;
  for (std::size_t k = 0; k < gap.timesteps.size(); ++k) {
    std::vector<std::string> fields{std::to_string(gap.timesteps[k])};
    for (const ModelLoss& model : gap.models) fields.push_back(number(model.mse[k]));
    for (const ModelLoss& model : gap.models)
      if (!model.mse_gap.empty())
        for (const std::string& metric : metrics) {
          const Interval& difference = (metric == "mse" ? model.mse_gap : model.vb_gap)[k];
          fields.push_back(number(difference.mean));
          fields.push_back(number(difference.low) + " … " + number(difference.high));
        }
    rows += row(fields);
  }
  return table(head, rows);
}

std::string outcomes_table(const std::vector<Outcome>& outcomes) {
  const bool timed =
      std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.cell.has_value(); });
  std::vector<std::string> head{"model", "skips", "λ", "held-out<br>ε MSE", "loss above<br>dense (%)"};
  if (timed) head.insert(head.end(), {"GMACs", "ms per<br>image", "speedup", "theory", "η"});
  head.push_back("paper:<br>FID");
  std::string rows;
  for (const Outcome& o : outcomes) {
    std::vector<std::string> fields{html_escape(o.model), html_escape(o.how()), decimal(o.lambda, 3),
                                    decimal(o.held_out_mse, 5),
                                    o.loss_percent ? plus_minus(*o.loss_percent) : "–"};
    if (const auto& cell = o.cell) {
      const bool skips = cell->engine != Engine::dense;
      fields.insert(
          fields.end(),
          {number(cell->gmacs), per_image(*cell), skips ? plus_minus(cell->speedup) : "–",
           skips ? number(cell->theoretical_speedup) : "–", skips ? plus_minus(cell->realisation) : "–"});
    } else if (timed) {
      fields.insert(fields.end(), 5, "–");
    }
    fields.push_back(published_fid(o));
    rows += row(fields);
  }
  return table(head, rows);
}

std::string training_table(const std::vector<LearningCurve>& curves) {
  std::string rows;
  for (const LearningCurve& curve : curves) {
    const LearningPoint& last = curve.points.back();
    std::vector<std::string> fields{html_escape(curve.model)};
    for (const double share :
         {last.lambda_target, last.lambda_realised, last.heads, last.groups, last.tokens})
      fields.push_back(decimal(share, 3));
    fields.push_back(decimal(last.held_out_mse, 5));
    fields.push_back(decimal(last.complete_mse, 5));
    fields.push_back(grouped(last.step));
    rows += row(fields);
  }
  return table({"model", "target λ", "λ", "heads", "groups", "tokens", "held-out<br>ε MSE",
                "complete<br>model", "steps"},
               rows);
}

std::string speed_table(const SpeedStudy& study) {
  std::string rows;
  for (const SpeedCell& cell : study.cells)
    if (cell.engine != Engine::masked) {
      const bool dense = cell.engine == Engine::dense;
      rows += row({std::to_string(cell.batch), skips(cell), kept(cell), number(cell.lambda_realised),
                   number(cell.gmacs), per_image(cell), dense ? "1" : plus_minus(cell.speedup),
                   dense ? "1" : number(cell.theoretical_speedup), dense ? "–" : plus_minus(cell.realisation),
                   cell.which == Which::both
                       ? number(published_realisation(study.model, cell.theoretical_speedup))
                       : "–",
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
      rows += row({html_escape(study.title()), std::to_string(cell.batch), number(cell.lambda_realised),
                   number(cell.gmacs), dense == nullptr ? "–" : per_image(*dense), per_image(cell),
                   plus_minus(cell.speedup), number(cell.theoretical_speedup), plus_minus(cell.realisation),
                   alike == nullptr ? "–" : plus_minus(alike->realisation),
                   masked == nullptr ? "–" : plus_minus(masked->speedup)});
    }
  return rows.empty() ? ""
                      : table({"model", "batch", "λ", "GMACs", "dense ms<br>per image", "ms per<br>image",
                               "speedup", "theory", "η", "η of masks<br>by chance", "speedup<br>masked"},
                              rows);
}

std::string waterfall_table(const SpeedStudy& study) {
  std::string rows;
  for (const SpeedCell& cell : study.cells)
    if (const auto& waterfall = cell.waterfall)
      rows += row({std::to_string(cell.batch), skips(cell),
                   study.trained() ? number(cell.lambda_realised) : kept(cell), number(waterfall->theoretical.mean),
                   number(cell.time.mean) + (cell.disturbed() ? " †" : ""), plus_minus(waterfall->gap),
                   plus_minus(waterfall->unexplained()),
                   waterfall->told() ? number(100 * waterfall->unexplained_share()) : "cannot tell",
                   plus_minus(waterfall->dense_misfit)});
  return rows.empty() ? ""
                      : table({"batch", "masks", study.trained() ? "λ" : "kept", "theoretical<br>ms", "measured<br>ms", "gap<br>ms",
                               "unexplained<br>ms", "% of<br>the gap", "dense misfit<br>ms"},
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
