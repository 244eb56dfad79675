// SPDX-License-Identifier: Apache-2.0
// Colours of kernels and gaps, the same in all figures of a profile.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/kernels.h"

namespace dydit::analysis {

struct KernelColour {
  std::string_view name;    ///< in keys
  std::string_view colour;  ///< "0072b2"
  bool dark;                ///< a text on it is white
};

/// Kernels by what bounds them, gaps by their cause, what was merged, and ranges at last.
inline constexpr std::array kernel_colours{KernelColour{"bound by products", "0072b2", true},
                                           KernelColour{"bound by memory", "56b4e9", false},
                                           KernelColour{"without a bound", "9fb4c0", false},
                                           KernelColour{"(launch)", "d55e00", true},
                                           KernelColour{"(host)", "e69f00", false},
                                           KernelColour{"(synchronisation)", "cc79a7", false},
                                           KernelColour{"(waiting)", "f0e442", false},
                                           KernelColour{"(graph)", "7b3294", true},
                                           KernelColour{"other gap", "8c510a", true},
                                           KernelColour{"other, merged", "c8c8c8", false},
                                           KernelColour{"range", "e4eaf0", false}};
inline constexpr std::size_t merged_colour = kernel_colours.size() - 2, range_colour = kernel_colours.size() - 1;

/// Where kernel_colours has the colour of a kernel or gap.
inline std::size_t colour_of(const std::string& kernel, Limit limit) {
  constexpr std::size_t first_gap = 3, other_gap = 8;
  if (!kernel.starts_with('(')) return limit == Limit::products ? 0 : limit == Limit::memory ? 1 : 2;
  for (std::size_t i = first_gap; i < other_gap; ++i)
    if (kernel_colours[i].name == kernel) return i;
  return other_gap;
}

/// As gnuplot reads a colour from a column.
inline unsigned long number_of(const KernelColour& colour) {
  return std::stoul(std::string(colour.colour), nullptr, 16);
}

/// Entries of a key, joined as further parts of a plot: those of the colours that are used.
std::string colour_key(const std::array<bool, kernel_colours.size()>& used);
std::vector<std::string> colour_names(const std::array<bool, kernel_colours.size()>& used);

}  // namespace dydit::analysis
