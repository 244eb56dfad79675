// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace dydit::analysis {

/// gnuplot's SVG as an element inside a page: ids get `prefix` (gnuplot uses the same in every figure),
/// namespaces go (HTML knows them), black becomes the page's text colour, `label` says what is seen.
std::string inline_svg(const std::string& svg, const std::string& prefix, const std::string& label);

}  // namespace dydit::analysis
