// SPDX-License-Identifier: Apache-2.0
#include "svg.h"

#include <regex>

#include "base/error.h"
#include "text.h"

namespace dydit::analysis {

/// Takes out what stands between `open` and `close`, both included, wherever they occur.
static void remove_elements(std::string& text, const std::string& open, const std::string& close) {
  for (auto begin = text.find(open); begin != std::string::npos; begin = text.find(open, begin)) {
    const auto end = text.find(close, begin);
    if (end == std::string::npos) return;
    text.erase(begin, end + close.size() - begin);
  }
}

std::string inline_svg(const std::string& svg, const std::string& prefix, const std::string& label) {
  // Short matches only: std::regex recurses once for each character of a match.
  static const std::regex viewbox(R"re(viewBox="([\d. ]+)")re"), id(R"re((\sid=)(['"]))re"),
      reference(R"re(xlink:href=(['"])#)re"), url(R"(url\(#)"),
      black(R"re(((?:stroke|fill|color)\s?=\s?)["'](?:black|rgb\(  0,   0,   0\))["'])re"), indent(R"(\n\s)");
  const auto open = svg.find("<svg"), content = svg.find('>', open);
  std::smatch box;
  if (open == std::string::npos || content == std::string::npos || !std::regex_search(svg, box, viewbox))
    throw RunError("gnuplot wrote no SVG that can be read", prefix);
  std::string body = svg.substr(content + 1);
  remove_elements(body, "<title>", "</title>");
  remove_elements(body, "<desc>", "</desc>");
  body = std::regex_replace(body, id, "$1$2" + prefix + "-");
  body = std::regex_replace(body, reference, "href=$1#" + prefix + "-");
  body = std::regex_replace(body, url, "url(#" + prefix + "-");
  body = std::regex_replace(body, black, "$1\"currentColor\"");
  body = std::regex_replace(body, indent, "\n");
  return "<svg viewBox=\"" + box[1].str() + "\" role=\"img\" aria-label=\"" + html_escape(label) + "\">" +
         body;
}

}  // namespace dydit::analysis
