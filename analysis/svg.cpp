// SPDX-License-Identifier: Apache-2.0
#include "svg.h"

#include <regex>

#include "base/error.h"
#include "text.h"

namespace dydit::analysis {

std::string inline_svg(const std::string& svg, const std::string& prefix, const std::string& label) {
  static const std::regex viewbox(R"re(viewBox="([\d. ]+)")re"), description(R"(<(title|desc)>[^<]*</\1>)"),
      id(R"re((\sid=)(['"]))re"), reference(R"re(xlink:href=(['"])#)re"),
      url(R"(url\(['"]?#([^)'"]+)['"]?\))"),
      black(
          R"re(((?:stroke|fill|color)\s*=\s*)(?:"(?:black|rgb\( *0, *0, *0\))"|'(?:black|rgb\( *0, *0, *0\))'))re"),
      indent(R"(\n\s+)");
  const auto open = svg.find("<svg"), content = svg.find('>', open);
  std::smatch box;
  if (open == std::string::npos || content == std::string::npos || !std::regex_search(svg, box, viewbox))
    throw RunError("gnuplot wrote no SVG that can be read", prefix);
  std::string body = svg.substr(content + 1);
  body = std::regex_replace(body, description, "");
  body = std::regex_replace(body, id, "$1$2" + prefix + "-");
  body = std::regex_replace(body, reference, "href=$1#" + prefix + "-");
  body = std::regex_replace(body, url, "url(#" + prefix + "-$1)");
  body = std::regex_replace(body, black, "$1\"currentColor\"");
  body = std::regex_replace(body, indent, "\n");
  return "<svg viewBox=\"" + box[1].str() + "\" role=\"img\" aria-label=\"" + html_escape(label) + "\">" +
         body;
}

}  // namespace dydit::analysis
