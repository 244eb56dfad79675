// SPDX-License-Identifier: Apache-2.0
#include "analysis/kernels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ranges>
#include <span>
#include <tuple>

#include "analysis/figures.h"
#include "analysis/profile_against.h"
#include "analysis/range_changes.h"
#include "html.h"
#include "record/metric.h"
#include "sections.h"
#include "text.h"

namespace dydit::analysis {

namespace {

std::string percent(double share) { return std::isfinite(share) ? number(100 * share) + "&nbsp;%" : "–"; }

/// "block/mlp: gelu".
std::string place(const std::string& range, const std::string& kernel) {
  return html_escape(cut(short_range(range), 44) + ": " + cut(kernel, 40));
}

std::string file_name(const ProfileCell& cell) {
  return cell.engine.name +
         (cell.complete() ? "" : "-" + cell.which + (cell.keep ? fmt::format("-{}", cell.keep->text()) : ""));
}

double gap_share(const ProfileCell& cell) { return cell.gap_time() / cell.whole_time(); }

/// NaN where a row's time is not known.
double kernel_share(const ProfileCell& cell) {
  double sum = 0;
  for (const KernelRow& row : cell.rows)
    if (!row.gap()) sum += row.time;
  return sum / cell.whole_time();
}

void answer(Section& section, const ProfileStudy& study) {
  const ProfileCell& cell = study.asked();
  const std::string who = html_escape(study.title() + ", " + cell.name());
  if (cell.rows.empty()) {
    section.answer = fmt::format("{}: a pass takes {} ms; no kernel or operator was recorded.", who, bold(cell.time));
    return;
  }
  const KernelRow* gap = nullptr;
  for (const KernelRow& row : cell.rows)
    if (row.gap() && std::isfinite(row.time) && gap == nullptr) gap = &row;
  section.answer = fmt::format("Of <b>{}</b> ms of a pass with collectors ({} ms without them) {} are gaps",
                               number(cell.whole_time()), plus_minus(cell.time), percent(gap_share(cell)));
  if (gap != nullptr)
    section.answer += fmt::format(", the largest {} with {} ms", place(gap->range, gap->kernel), number(gap->time));
  const auto all = cell.opportunities();
  double excess = 0;
  for (const Opportunity& one : all) excess += one.excess;
  if (!all.empty())
    section.answer += fmt::format(
        "; the {} hold {} ms",
        all.size() == 1 ? "only opportunity" : fmt::format("{} largest opportunities", all.size()), number(excess));
  section.answer += " (" + who + ").";
  section.tile = Tile{"How much of a pass is kernels?", percent(kernel_share(cell)),
                      fmt::format("of the time with collectors is in kernels or operators, {} in gaps: {}",
                                  percent(gap_share(cell)), who),
                      std::nullopt};
}

/// What the collectors changed, missed and dropped.
std::string collected_table(const ProfileStudy& study) {
  std::string rows;
  for (const ProfileCell& cell : study.cells)
    rows += row({html_escape(cell.name()), plus_minus(cell.time) + (disturbed(cell.time) ? " †" : ""),
                 plus_minus(cell.collected_time), number(cell.whole_time()), plus_minus(cell.collected_ratio),
                 percent(gap_share(cell)), percent(cell.remainder / cell.whole_time()), number(cell.lost),
                 number(cell.malformed), number(cell.gmacs), number(cell.product_ceiling), number(cell.copy_ceiling)});
  return table({"engine", "ms without<br>collectors", "ms with<br>collectors", "ms of rows,<br>remainder",
                "collected<br>over not", "gaps", "remainder", "lost<br>records", "malformed<br>records",
                "GMACs per<br>image", "product ceiling,<br>GMAC/s", "copy ceiling,<br>GB/s"},
               rows);
}

/// Rows of less than this share of the time are summed in the table's last one.
constexpr double least_share = 0.005;

bool stands_alone(const ProfileCell& cell, const KernelRow& one) {
  return !(one.time < least_share * cell.whole_time());  // a time that is not known does
}

std::string rows_title(const ProfileCell& cell) {
  const auto alone = std::ranges::count_if(cell.rows, [&](const KernelRow& one) { return stands_alone(cell, one); });
  return fmt::format("{} of {} rows, those of at least {}: {}", alone, cell.rows.size(),
                     fmt::format("{:g}&nbsp;%", 100 * least_share), html_escape(cell.name()));
}

std::string rows_table(const ProfileCell& cell) {
  std::string rows;
  double others = 0;
  for (const KernelRow& one : cell.rows) {
    if (!stands_alone(cell, one)) {
      others += one.time;
      continue;
    }
    rows += row({html_escape(short_range(one.range)),
                 fmt::format("<span title=\"{}\">{}</span>", html_escape(cut(one.kernel, 120)),
                             html_escape(cut(short_kernel(one.kernel), 48))),
                 number(one.calls), number(one.time), number(1e3 * one.time / one.calls),
                 percent(one.time / cell.whole_time()), number(one.gmacs), one.gmacs > 0 ? number(one.rate()) : "–",
                 number(one.bytes), one.bytes > 0 ? number(one.bytes / one.time) : "–", number(one.bound),
                 one.bound > 0 ? percent(one.share_of_bound()) : "–", std::string(name_of(cell.limit(one))),
                 number(one.registers), number(one.occupancy)});
  }
  if (others > 0)
    rows += row({"", "the other rows together", "", number(others), "", percent(others / cell.whole_time()), "", "", "",
                 "", "", "", "", "", ""});
  return table({"range", "kernel", "calls", "ms", "µs<br>a call", "share", "GMACs", "GMAC/s", "MB", "GB/s",
                "bound,<br>ms", "bound<br>over time", "bound by", "registers", "occu-<br>pancy"},
               rows);
}

std::string behind_lines(const RangeChange& change) {
  std::string lines;
  for (const std::string& one : change.behind()) lines += (lines.empty() ? "" : "<br>") + html_escape(one);
  return lines;
}

std::string changes_table(const ProfileCell& complete, const ProfileCell& cell) {
  std::string rows;
  for (const RangeChange& change : range_changes(complete, cell)) {
    rows += row({html_escape(short_range(change.range)), number(change.before), number(change.time),
                 number(change.expected), number(change.over()), behind_lines(change)});
  }
  return table({"range", "ms,<br>" + html_escape(complete.name()), "ms,<br>" + html_escape(cell.name()),
                "ms at the<br>MACs' ratio", "ms<br>over", "behind it"},
               rows);
}

/// One cell in two runs, range by range, the largest change first; with the remainder they sum to the whole change.
std::string differences_table(const ProfileCell& before, const ProfileCell& now) {
  auto changes = range_changes(before, now);
  std::ranges::stable_sort(changes, std::greater(), [](const RangeChange& one) { return std::abs(one.change()); });
  std::string rows;
  for (const RangeChange& change : changes) {
    rows += row({html_escape(short_range(change.range)), number(change.before), number(change.time),
                 signed_number(change.change()), behind_lines(change)});
  }
  for (const auto& [name, then, later] : {std::tuple("remainder", before.remainder, now.remainder),
                                          std::tuple("all", before.whole_time(), now.whole_time())})
    rows += row({name, number(then), number(later), signed_number(later - then), ""});
  return table({"range", "ms before", "ms now", "difference", "behind it"}, rows);
}

/// The cells of a study that a study of the same model in another run has too: their times, and what changed in each.
std::string against_run(const ProfileStudy& study, const ProfileStudy& other) {
  std::string rows, tables;
  for (const ProfileCell& now : study.cells) {
    const ProfileCell* before = same_cell(std::span(&other, 1), study, now);
    if (before == nullptr) continue;
    const std::string name = html_escape(now.name());
    rows += row({name, plus_minus(before->time) + (disturbed(before->time) ? " †" : ""),
                 plus_minus(now.time) + (disturbed(now.time) ? " †" : ""), number(before->whole_time()),
                 number(now.whole_time()), signed_number(now.whole_time() - before->whole_time())});
    if (!before->rows.empty() && !now.rows.empty())
      tables +=
          folded(fmt::format("Difference by range: {}, run {} against run {}", name, study.run + 1, other.run + 1),
                 differences_table(*before, now));
  }
  if (rows.empty()) return "";
  return fmt::format("<h3>Run {} against run {}: {}{}</h3>\n", study.run + 1, other.run + 1, html_escape(study.title()),
                     other.axes == study.axes ? "" : ", before " + html_escape(other.setting())) +
         table({"engine", "ms without<br>collectors,<br>before", "now", "ms with<br>collectors,<br>before", "now",
                "difference"},
               rows) +
         tables;
}

/// A pass of both has the same to do.
bool same_work(const ProfileStudy& a, const ProfileStudy& b) {
  const auto work = [](const ProfileStudy& study) {
    Axes axes = study.axes;
    std::erase_if(axes, [](const auto& axis) { return axis.first != "batch" && axis.first != "input_size"; });
    return axes;
  };
  return a.model == b.model && work(a) == work(b);
}

/// Of each model and batch the first run that has it is compared with the later ones.
std::string against_earlier(const std::vector<ProfileStudy>& studies) {
  std::string html;
  for (const ProfileStudy& study : studies) {
    const auto first = std::ranges::find_if(studies, [&](const ProfileStudy& one) { return same_work(one, study); });
    if (study.run == first->run) continue;
    const auto alike = std::ranges::find_if(studies, [&](const ProfileStudy& one) {
      return one.run == first->run && one.model == study.model && one.axes == study.axes;
    });
    html += against_run(alike == studies.end() ? *first : *alike, study);
  }
  return html;
}

/// The figures of a cell, in the order of the page.
std::string figures(const ProfileStudy& study, const ProfileCell& cell, const std::string& name, const Show& show) {
  std::string drawn;
  const auto add = [&](const std::optional<Figure>& figure, const std::string& caption) {
    if (figure) drawn += show(*figure, caption);
    return figure.has_value();
  };
  add(icicle_figure(study, cell, "kernels-icicle-" + name),
      "As wide as its time: a range, below it the ranges that it consists of, at the ends kernels and gaps. What is "
      "narrower than five pixels is merged.");
  add(opportunities_figure(study, cell, "kernels-opportunities-" + name),
      "The rows whose time is furthest above their bound, kernels of one role in one range together.");
  const bool waterfall =
      add(profile_waterfall_figure(study, cell, "kernels-waterfall-" + name),
          "From the complete model's time to that of the cell: what shrinking as the MACs saves, then what each range "
          "takes "
          "above that, by its cause and with the kernels behind it; green leads back. No axis begins at 0.");
  const ProfileCell* complete = study.complete();
  if (!waterfall && complete != nullptr && complete != &cell)
    drawn +=
        note(fmt::format("No waterfall of {}: it or the complete model has no rows, a time that is not known, or no "
                         "kernels whose MACs are known.",
                         html_escape(cell.name())));
  add(roofline_figure(study, cell, "kernels-roofline-" + name),
      "Each point is a kernel in a range, as large as its share of the time where that is a thousandth or more; at the "
      "side those without MACs. Bytes are "
      "those that operators take and give: where a cache holds them, a point can lie above the roof.");
  return drawn;
}

std::string kernel_terms() {
  std::string metrics;
  for (const char* metric : {"collected_time", "collected_ratio", "remainder_time", "kernel_bound", "product_ceiling",
                             "copy_ceiling", "registers", "occupancy"})
    metrics += described(metric);
  return note(metrics +
              "<b>bound over time</b>: above 100&nbsp;% where bytes came from a cache rather than memory. "
              "<b>†</b>: disturbed, the interval of its time is wider than a tenth of it, or unknown.") +
         note(
             "Rows and remainder sum to the mean time of a pass over the windows with collectors, of which shares are; "
             "<b>ms "
             "with collectors</b> is the median over the windows. A gap is time in which no kernel or operator runs, "
             "by its cause: (launch), (host), (synchronisation), "
             "(collector), (memory), (graph), (waiting). A share with collectors is not one without them. "
             "An opportunity is a row's time above its bound; of a gap all of it. <b>ms at the MACs' ratio</b>: the "
             "time "
             "of the complete model in this range times the ratio of the MACs, where both have MACs; <b>ms over</b>: "
             "above that, or above the complete model's time. <b>behind it</b>: kernels and gaps above what is "
             "expected of them, "
             "or, where the range is below, those below. Kernels with MACs are expected to take as many ms for each "
             "MAC "
             "as those of the complete model in this range, others their time there times the ratio.");
}

/// The cells that are drawn: what each study asks about first, then the others from the last one on.
std::vector<const ProfileCell*> drawn_cells(const std::vector<const ProfileStudy*>& studies) {
  constexpr std::size_t most = 3;
  std::vector<const ProfileCell*> cells;
  for (const ProfileStudy* study : studies) cells.push_back(&study->asked());
  for (const ProfileStudy* study : studies)
    for (const ProfileCell& cell : std::views::reverse(study->cells))
      if (&cell != study->complete() && &cell != &study->asked()) cells.push_back(&cell);
  cells.resize(std::min(cells.size(), most));
  return cells;
}

}  // namespace

std::optional<Section> kernels_section(const Findings& findings, const Show& show) {
  const auto studies = profile_studies(findings.runs);
  if (studies.empty()) return std::nullopt;
  Section section{.id = "kernels", .title = "Where do the milliseconds go?"};
  std::size_t cells = 0;
  const auto order = shown_first(findings, studies);
  const auto drawn = drawn_cells({order.begin(), order.end()});
  answer(section, *order.front());
  for (const ProfileStudy* study : order) {
    section.details += "<h3>" + html_escape(study->title()) + "</h3>\n" + collected_table(*study);
    const ProfileCell* complete = study->complete();
    for (const ProfileCell& cell : study->cells) {
      const bool asked = &cell != complete || study->cells.size() == 1;
      cells += asked ? 1 : 0;
      if (std::ranges::count(drawn, &cell) > 0) {
        const std::string name =
            fmt::format("{}-{}", record::safe_name(name_among(studies, *study)), record::safe_name(file_name(cell)));
        (&cell == drawn.front() ? section.shown : section.details) += figures(*study, cell, name, show);
      }
      if (asked && complete != nullptr && complete != &cell)
        section.details +=
            folded("By range beside the complete model: " + html_escape(cell.name()), changes_table(*complete, cell));
      section.details += folded(rows_title(cell), cell.rows.empty() ? "" : rows_table(cell));
    }
  }
  if (cells > drawn.size()) section.details += note(fmt::format("Of {} cells {} are drawn.", cells, drawn.size()));
  section.details += against_earlier(studies) + kernel_terms();
  return section;
}

}  // namespace dydit::analysis
