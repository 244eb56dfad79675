// SPDX-License-Identifier: Apache-2.0
// How cells of samplers and caches look in every figure: a colour for what runs, a symbol for its cache.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "analysis/figures.h"
#include "text.h"

namespace dydit::analysis {

/// In the order in which they come; they repeat where there are too many.
class Looks {
 public:
  void add(const std::string& variant, const std::string& cache) {
    add(variants_, variant);
    add(caches_, cache);
  }
  bool empty() const { return variants_.empty(); }
  /// As gnuplot numbers them.
  std::size_t colour(const std::string& variant) const {
    return index_of(variants_, variant) % combination_colours + 1;
  }
  int symbol(const std::string& cache) const {
    constexpr std::array<int, combination_symbols> types{7,  5, 9, 13, 11, 2,  1,
                                                         15, 3, 6, 4,  8,  12, 10};  // open ones last
    return types[index_of(caches_, cache) % types.size()];
  }
  /// Texts of the key, then what draws them.
  std::pair<std::vector<std::string>, std::string> key() const {
    std::vector<std::string> titles;
    std::string plot;
    const auto entry = [&](const std::string& title, const std::string& colour, int symbol) {
      titles.push_back(title);
      plot += fmt::format(", \\\n  keyentry with points {} pointtype {} pointsize 0.8 linewidth 1.2 title {}", colour,
                          symbol, gnuplot_string(title));
    };
    for (const std::string& variant : variants_) entry(variant, fmt::format("linetype {}", colour(variant)), 7);
    for (const std::string& cache : caches_)
      entry(cache == "none" ? "no cache" : cache, "linecolor rgb 'black'", symbol(cache));
    return {titles, plot};
  }

 private:
  static void add(std::vector<std::string>& names, const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  static std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  }

  std::vector<std::string> variants_, caches_;
};

}  // namespace dydit::analysis
