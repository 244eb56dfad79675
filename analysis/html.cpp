// SPDX-License-Identifier: Apache-2.0
#include "html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "base/error.h"
#include "page_style.h"
#include "record/metric.h"
#include "text.h"

namespace dydit::analysis {

namespace {

std::string element(const char* name, const std::string& content) {
  return content.empty() ? "" : fmt::format("<p class=\"{}\">{}</p>\n", name, content);
}

std::string tiles(const std::vector<Section>& sections) {
  constexpr int most = 6;
  std::string items;
  int count = 0;
  bool judges = false;
  for (const Section& section : sections) {
    if (!section.tile || count++ == most) continue;
    const Tile& tile = *section.tile;
    std::string kind = "not-judged", judged;
    if (tile.judgement) {
      kind = name_of(*tile.judgement);
      judged = " <strong>" + kind + "</strong>";
      std::ranges::replace(kind, ' ', '-');
      judges = true;
    }
    items += fmt::format(
        "<li class=\"{}\"><a href=\"#{}\"><span class=\"question\">{}</span>{} <span "
        "class=\"number\">{}</span> <span class=\"label\">{}</span></a></li>\n",
        kind, section.id, tile.question, judged, tile.number, tile.label);
  }
  return items.empty()
             ? ""
             : "<ul class=\"tiles\">\n" + items + "</ul>\n" +
                   (judges ? note("A judgement is <em>cannot tell</em> unless the 95&nbsp;% interval decides.") : "");
}

}  // namespace

std::string_view name_of(Judgement judgement) {
  constexpr std::array<std::string_view, 4> names{"cannot tell", "yes", "in part", "no"};
  return names.at(static_cast<std::size_t>(judgement));
}

Judgement above(const Interval& value, double level) {
  if (value.low > level) return Judgement::yes;
  return value.high < level ? Judgement::no : Judgement::cannot_tell;
}

Judgement below(const Interval& value, double level) { return above({-value.mean, -value.high, -value.low}, -level); }

Judgement combined(const std::vector<Judgement>& judgements) {
  const std::set<Judgement> said(judgements.begin(), judgements.end());
  if (said.size() == 1) return *said.begin();
  return said.contains(Judgement::yes) || said.contains(Judgement::in_part) ? Judgement::in_part
                                                                            : Judgement::cannot_tell;
}

std::string page(const std::string& title, const std::string& subtitle, const std::vector<Section>& sections) {
  std::string alarms, contents, body;
  for (const Section& section : sections) {
    const auto& [id, heading, answer, shown, details, tile, alarm] = section;
    if (alarm) alarms += element("alarm", fmt::format("<a href=\"#{}\">{}</a>", id, answer));
    contents += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", id, heading);
    body += fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}{}{}</section>\n", id, heading, element("answer", answer),
                        shown, folded("Tables, definitions and further figures", details));
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<header>\n<h1>{0}</h1>\n{2}{3}{4}"
      "<nav>\n<h2>Contents</h2>\n<ol>\n{5}</ol>\n</nav>\n</header>\n<main>\n{6}</main>\n</body>\n</html>\n",
      title, page_style, element("note", subtitle), alarms, tiles(sections), contents, body);
}

static bool less(const Named& a, const Named& b) { return smaller(a.value, b.value); }

std::string row(const std::vector<std::string>& fields) {
  std::string html = "<tr><th scope=\"row\">" + fields.front() + "</th>";
  for (std::size_t i = 1; i < fields.size(); ++i) html += "<td>" + fields[i] + "</td>";
  return html + "</tr>\n";
}

std::string table(const std::vector<std::string>& head, const std::string& rows, const char* kind) {
  std::string html;
  for (const std::string& name : head) html += "<th scope=\"col\">" + name + "</th>";
  if (!html.empty()) html = "<thead><tr>" + html + "</tr></thead>\n";
  return fmt::format("<div class=\"scroll\"><table class=\"{}\">{}<tbody>\n{}</tbody></table></div>\n", kind, html,
                     rows);
}

std::string decimal(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "–";
}

std::string folded(const std::string& summary, const std::string& content) {
  if (content.empty()) return "";
  return fmt::format("<details>\n<summary>{}</summary>\n{}</details>\n", summary, content);
}

std::string note(const std::string& text) { return "<p class=\"note\">" + text + "</p>\n"; }

std::string list(const std::vector<std::string>& sentences) {
  std::string items;
  for (const std::string& sentence : sentences) items += "<li>" + sentence + "</li>\n";
  return items.empty() ? "" : "<ul>\n" + items + "</ul>\n";
}

std::string bold(const Interval& interval) { return "<b>" + plus_minus(interval) + "</b>"; }

std::string described(std::string_view metric) {
  return fmt::format("<b>{}</b>: {} ", record::metric(metric).label, record::metric(metric).description);
}

const Named& least(const std::vector<Named>& values) { return *std::min_element(values.begin(), values.end(), less); }

std::string from_to(const std::vector<Named>& values, const char* unit) {
  const auto text = [&](const Named& one) {
    return fmt::format("{}{} ({})", bold(one.value), unit, html_escape(one.name));
  };
  const Named& most = *std::max_element(values.begin(), values.end(), less);
  return values.size() == 1 ? text(most) : text(least(values)) + " to " + text(most);
}

std::string how_many_above(const std::vector<Named>& values) {
  const auto clear =
      std::count_if(values.begin(), values.end(), [](const Named& one) { return above(one.value) == Judgement::yes; });
  return clear == 0 || clear == std::ssize(values) ? "" : fmt::format("; clear for {} of {}", clear, values.size());
}

std::string least_of(const std::vector<Named>& values) {
  const std::string name = html_escape(least(values).name);
  return values.size() == 1 ? name : fmt::format("{}, the least of {}", name, values.size());
}

Tile tile_of(const std::string& question, const std::vector<Named>& values, const std::string& what) {
  std::vector<Judgement> judgements;
  for (const Named& one : values) judgements.push_back(above(one.value));
  return {question, plus_minus(least(values).value), what + least_of(values) + how_many_above(values),
          combined(judgements)};
}

std::string per_image(const SpeedCell& cell) {
  return number(cell.time.mean / static_cast<double>(cell.batch)) + (cell.disturbed() ? " †" : "");
}

}  // namespace dydit::analysis
