// SPDX-License-Identifier: Apache-2.0
// A section of a report: the answer to one question. All text is HTML.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/figure.h"
#include "analysis/statistics.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// What the evidence says to a question: nothing, unless an interval decides.
enum class Judgement { cannot_tell, yes, in_part, no };

/// "cannot tell", "yes", "in part", "no".
std::string_view name_of(Judgement judgement);

/// Is the value above the level? Yes or no when its whole interval lies on one side.
Judgement above(const Interval& value, double level = 0);
Judgement below(const Interval& value, double level = 0);
/// Of the same question to several models: yes or no when all say so, in part when some say yes.
Judgement combined(const std::vector<Judgement>& judgements);

/// The answer to one question at a glance.
struct Tile {
  std::string question;
  std::string number;                                           ///< with its interval
  std::string label;                                            ///< what the number is, and of which model
  std::optional<Judgement> judgement = Judgement::cannot_tell;  ///< none where nothing says what would be enough
};

struct Section {
  std::string id;  ///< of its heading, for links
  std::string title;
  std::string answer = {};   ///< one sentence; may be empty
  std::string shown = {};    ///< figures, or what stands in their place
  std::string details = {};  ///< folded: tables, further figures, definitions
  std::optional<Tile> tile = {};
  bool alarm = false;  ///< the answer also stands, as a link, at the top of the page
};

/// Gives a figure as an element of the page, with a caption below it.
using Show = std::function<std::string(const Figure& figure, const std::string& caption)>;

/// What runs show of one question; nothing where they do not hold what it is about.
using SectionOf = std::function<std::optional<Section>(std::span<const record::Run> runs, const Show& show)>;

}  // namespace dydit::analysis
