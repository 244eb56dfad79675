// SPDX-License-Identifier: Apache-2.0
// The page of a report, made of sections.
#include "../../analysis/html.h"

#include <fmt/format.h>

#include <cmath>

#include "catch.h"

using namespace dydit::analysis;
using Catch::Matchers::Contains;

namespace {

Section section_of(int i, Judgement judgement) {
  const std::string id = fmt::format("s{}", i);
  return {.id = id,
          .title = "Title of " + id,
          .answer = "Answer of " + id,
          .shown = "<figure></figure>\n",
          .details = "<p>more of " + id + "</p>\n",
          .tile = Tile{"Is it " + id + "?", "1 ± 0", "of all", judgement}};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("a judgement takes an interval that lies on one side") {
  const double nan = std::nan("");
  CHECK(above({1, 0.5, 1.5}) == Judgement::yes);
  CHECK(above({1, -0.5, 2.5}) == Judgement::cannot_tell);
  CHECK(above({1, 0, 2}) == Judgement::cannot_tell);
  CHECK(above({-1, -2, -0.5}) == Judgement::no);
  CHECK(above({1, nan, nan}) == Judgement::cannot_tell);
  CHECK(above({1, 0.5, 1.5}, 2) == Judgement::no);
  CHECK(below({1, 0.5, 1.5}, 2) == Judgement::yes);
  CHECK(below({1, 0.5, 1.5}) == Judgement::no);
}

TEST_CASE("several models are judged yes or no only when all say so") {
  using enum Judgement;
  CHECK(combined({yes, yes}) == yes);
  CHECK(combined({no, no}) == no);
  CHECK(combined({yes, no}) == in_part);
  CHECK(combined({in_part, no}) == in_part);
  CHECK(combined({yes, cannot_tell}) == in_part);
  CHECK(combined({no, cannot_tell}) == cannot_tell);
  CHECK(combined({}) == cannot_tell);
}

TEST_CASE("a page has at most six tiles, and every section in its contents") {
  std::vector<Section> sections;
  for (int i = 0; i < 8; ++i) sections.push_back(section_of(i, Judgement::cannot_tell));
  sections[1].tile.reset();
  const std::string html = page("Title", "Run: quick.", sections);
  CHECK(count(html, "<li class=\"cannot-tell\">") == 6);
  CHECK(html.find("<a href=\"#s6\"><span") != html.npos);
  CHECK(html.find("<a href=\"#s7\"><span") == html.npos);
  for (int i = 0; i < 8; ++i) CHECK_THAT(html, Contains(fmt::format("<li><a href=\"#s{0}\">Title of s{0}<", i)));
  CHECK_THAT(html, Contains("<p class=\"answer\">Answer of s3</p>\n<figure></figure>\n<details>\n<summary>"));
  CHECK(count(html, "class=\"alarm\"") == 0);
  sections[4].alarm = true;
  CHECK_THAT(page("Title", "", sections), Contains("<p class=\"alarm\"><a href=\"#s4\">Answer of s4</a></p>"));
}

TEST_CASE("a judgement is named by its tile") {
  const char* names[] = {"cannot tell", "yes", "in part", "no"};
  const Judgement judgements[] = {Judgement::cannot_tell, Judgement::yes, Judgement::in_part, Judgement::no};
  for (int i = 0; i < 4; ++i)
    CHECK_THAT(page("T", "", {section_of(0, judgements[i])}),
               Contains("<strong>" + std::string(names[i]) + "</strong>"));
  Section section = section_of(0, Judgement::yes);
  section.tile->judgement.reset();  // a question without a criterion
  CHECK_THAT(page("T", "", {section}), Contains("<li class=\"not-judged\">") && !Contains("<strong>"));
}

TEST_CASE("several models are told of by the least and the most") {
  const std::vector<Named> values{{"b", {2, 1, 3}}, {"<a>", {1, 0.9, 1.1}}};
  CHECK(from_to(values) == "<b>1.00 ± 0.10</b> (&lt;a&gt;) to <b>2.0 ± 1.0</b> (b)");
  CHECK(from_to({values.front()}, "&nbsp;%") == "<b>2.0 ± 1.0</b>&nbsp;% (b)");
  CHECK(least_of(values) == "&lt;a&gt;, the least of 2");
  CHECK(least_of({values.front()}) == "b");
  CHECK(how_many_above(values).empty());
  CHECK(how_many_above({{"a", {1, 0.5, 1.5}}, {"b", {0, -1, 1}}}) == "; clear for 1 of 2");
}
