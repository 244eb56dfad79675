// SPDX-License-Identifier: Apache-2.0
#include "svg.h"

#include <fmt/format.h>

#include <regex>

#include "base/error.h"
#include "text.h"

namespace dydit::analysis {

namespace {

// Short matches only: std::regex recurses once for each character of a match.
void replace_all(std::string& text, const char* pattern, const std::string& by) {
  text = std::regex_replace(text, std::regex(pattern), by);
}

/// Takes out what stands from `open` to `close`, both included, wherever they occur.
void remove_elements(std::string& text, const std::string& open, const std::string& close) {
  for (auto begin = text.find(open); begin != std::string::npos; begin = text.find(open, begin)) {
    const auto end = text.find(close, begin);
    if (end == std::string::npos) return;
    text.erase(begin, end + close.size() - begin);
  }
}

}  // namespace

std::string compact_svg(std::string svg) {
  remove_elements(svg, "<title>", "</title>");
  remove_elements(svg, "<desc>", "</desc>");
  if (svg.find("filter=") == std::string::npos) remove_elements(svg, "<filter", "</filter>");
  replace_all(svg, R"re( stroke-linecap="butt" stroke-linejoin="miter")re", "");
  for (std::size_t before = 0; before != svg.size();) {  // a group of empty groups is empty then
    before = svg.size();
    replace_all(svg, R"re(<text></text>|<g( [^>]*)?>\s*</g>)re", "");
  }
  for (int symbol = 14; symbol >= 0; --symbol)  // they refer to those before
    if (svg.find(fmt::format("#gpPt{}'", symbol)) == std::string::npos)
      replace_all(svg, fmt::format("<[^<]* id='gpPt{}' [^>]*>", symbol).c_str(), "");
  replace_all(svg, "<image ", "<image style='image-rendering:pixelated' ");  // a pixel is a value
  replace_all(svg, R"(\n\s+)", "\n");
  return svg;
}

std::string inline_svg(const std::string& svg, const std::string& prefix, const std::string& label) {
  const auto open = svg.find("<svg"), content = svg.find('>', open);
  std::smatch box;
  if (open == std::string::npos || content == std::string::npos ||
      !std::regex_search(svg, box, std::regex(R"re(viewBox="([\d. ]+)")re")))
    throw RunError("gnuplot wrote no SVG that can be read", prefix);
  std::string body = svg.substr(content + 1);
  replace_all(body, R"re((\sid=)(['"]))re", "$1$2" + prefix + "-");
  replace_all(body, R"re(xlink:href=(['"])#)re", "href=$1#" + prefix + "-");
  replace_all(body, R"(url\(#)", "url(#" + prefix + "-");
  replace_all(body, R"re(((?:stroke|fill|color)\s?=\s?)["'](?:black|rgb\(  0,   0,   0\))["'])re",
              "$1\"currentColor\"");
  return "<svg viewBox=\"" + box[1].str() + "\" role=\"img\" aria-label=\"" + html_escape(label) + "\">" + body;
}

}  // namespace dydit::analysis
