// SPDX-License-Identifier: Apache-2.0
// The text that the report and the CSV files are made of.
#include <cmath>

#include "../../analysis/html.h"
#include "../../analysis/svg.h"
#include "../../analysis/text.h"
#include "base/error.h"
#include "catch.h"

using namespace dydit::analysis;

TEST_CASE("numbers have three digits, intervals as many as they are sure of") {
  CHECK(number(0.06412) == "0.0641");
  CHECK(number(12.345) == "12.3");
  CHECK(number(3) == "3");
  CHECK(number(1234.5) == "1234");
  CHECK(number(-2.1e-6) == "−2.10\u00a0×\u00a010⁻⁶");
  CHECK(number(3.25e12) == "3.25\u00a0×\u00a010¹²");
  CHECK(number(std::nan("")) == "–");
  CHECK(signed_number(0.06412) == "+0.0641");
  CHECK(signed_number(-12.345) == "−12.3");
  CHECK(signed_number(0) == "0");
  for (const double value : {std::nan(""), HUGE_VAL, -HUGE_VAL}) CHECK(signed_number(value) == "–");
  CHECK(plus_minus({0.0641, 0.0621, 0.0661}) == "0.0641 ± 0.0020");
  CHECK(plus_minus({36.21, 31.5, 40.9}) == "36.2 ± 4.7");
  CHECK(plus_minus({1.594e-5, 1.522e-5, 1.666e-5}) == "(1.594 ± 0.072)\u00a0×\u00a010⁻⁵");
  CHECK(plus_minus({-0.025, -0.06, 0.01}) == "−0.025 ± 0.035");
  CHECK(plus_minus({0.5, std::nan(""), std::nan("")}) == "0.500");
  CHECK(plus_minus({-0.0003, -0.0103, 0.0097}) == "0.000 ± 0.010");  // rounded to nothing, which has no sign
  CHECK(plus_minus({-0.0, -0.01, 0.01}) == "0.000 ± 0.010");
  CHECK(number(-0.0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(50'000) == "50,000");
  CHECK(grouped(-1'234'567) == "-1,234,567");
}

TEST_CASE("absolute paths lose their folders, other slashes stay") {
  CHECK(without_folders("/home/me/a.toml") == "a.toml");
  CHECK(without_folders("run /home/me/a.toml --out=/tmp/x/ DiT-S/2 runs/a 3 / 4") ==
        "run a.toml --out=x/ DiT-S/2 runs/a 3 / 4");
  CHECK(without_folders(R"({"path": "/data/set.zip"})") == R"({"path": "set.zip"})");
  CHECK(without_folders("") == "");
  CHECK(without_folders("/" + std::string(1'000'000, 'x')).size() == 1'000'000);
}

TEST_CASE("fields are quoted for the format they stand in") {
  CHECK(csv_field("plain") == "plain");
  CHECK(csv_field("a,\"b\"\n") == "\"a,\"\"b\"\" \"");
  CHECK(gnuplot_string("it's\n`x`") == "'it''s `x`'");
  CHECK(html_escape("<a href=\"x\">'&") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  CHECK(html_escape(std::string("a\x1b[31m\0b\n", 9)) == "a[31mb\n");
}

TEST_CASE("an inlined SVG has its own names and the page's colour") {
  const std::string svg =
      "<?xml?><svg viewBox=\"0 0 9 9\" xmlns=\"http://x\">\n<g id=\"a\" stroke='black'>"
      "<use xlink:href='#a' clip-path=\"url(#a)\" fill = 'rgb(  0,   0,   0)'/></g></svg>";
  CHECK(inline_svg(svg, "f", "\"what\"") ==
        "<svg viewBox=\"0 0 9 9\" role=\"img\" aria-label=\"&quot;what&quot;\">\n<g id=\"f-a\" "
        "stroke=\"currentColor\">"
        "<use href='#f-a' clip-path=\"url(#f-a)\" fill = \"currentColor\"/></g></svg>");
  CHECK_THROWS_AS(inline_svg("no picture", "f", ""), dydit::RunError);
}

TEST_CASE("a compact SVG keeps what is drawn") {
  const std::string style = " stroke-linecap=\"butt\" stroke-linejoin=\"miter\"";
  const std::string symbols =
      "<defs>\n\t<circle id='gpPt5' r='1'/>\n\t<use xlink:href='#gpPt5' id='gpPt6' fill='f'/>\n</defs>";
  const auto drawing = [&](const std::string& marks) {
    return "<svg>\n<title>T</title><desc>D</desc>" + symbols + "<g" + style +
           ">\n  <g id=\"a\">\n\t<text></text>\n</g>\n</g>" + "<g fill=\"none\"" + style + "><text>1</text>" + marks +
           "</g>\n</svg>";
  };
  CHECK(compact_svg(drawing("<use xlink:href='#gpPt6'/>")) ==
        "<svg>\n<defs>\n<circle id='gpPt5' r='1'/>\n<use xlink:href='#gpPt5' id='gpPt6' fill='f'/>\n</defs>"
        "<g fill=\"none\"><text>1</text><use xlink:href='#gpPt6'/></g>\n</svg>");
  CHECK(compact_svg(drawing("<use xlink:href='#gpPt5'/>")) ==
        "<svg>\n<defs>\n<circle id='gpPt5' r='1'/>\n</defs><g fill=\"none\"><text>1</text><use "
        "xlink:href='#gpPt5'/></g>\n</svg>");
  CHECK(compact_svg("<image x='1'/>") == "<image style='image-rendering:pixelated' x='1'/>");
  CHECK(compact_svg(drawing("")) == "<svg>\n<defs>\n</defs><g fill=\"none\"><text>1</text></g>\n</svg>");
}
