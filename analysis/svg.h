// SPDX-License-Identifier: Apache-2.0
// Gnuplot's SVG without what draws nothing, and as a part of a page.
#pragma once

#include <string>

namespace dydit::analysis {

/// Pixels of images keep their edges. Without names, empty groups and texts, attributes that have their default, and
/// symbols that nothing uses: nearly half of the bytes, for gnuplot sets a group's style again for each mark, drawn or
/// not.
std::string compact_svg(std::string svg);

/// As an element inside a page: ids get `prefix` (gnuplot uses the same in every figure), namespaces go (HTML knows
/// them), black becomes the page's text colour, `label` says what is seen. Throws RunError when it is no SVG.
std::string inline_svg(const std::string& svg, const std::string& prefix, const std::string& label);

}  // namespace dydit::analysis
