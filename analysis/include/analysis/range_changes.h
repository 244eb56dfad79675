// SPDX-License-Identifier: Apache-2.0
// What a profile's cell takes in each range beside another one, usually the complete model of its run: how far it is
// above the time that shrinks as the multiply-accumulates (MACs) do, and which kernels are behind that.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/kernels.h"

namespace dydit::analysis {

/// Why time is above what the ratio of the MACs gives: a kernel that the other cell has not in this range, a gap, or
/// one that shrank by less than the MACs (or grew). Time below it is gained.
enum class Cause { new_kernel, gap, shrank_less, gained };
/// "new kernels", "gaps", "shrank by less than the MACs", "below the MACs' ratio".
constexpr std::string_view name_of(Cause cause) {
  constexpr std::array<std::string_view, 4> names{"new kernels", "gaps", "shrank by less than the MACs",
                                                  "below the MACs' ratio"};
  return names.at(static_cast<std::size_t>(cause));
}

/// Kernels of one role or a gap in a range of two cells; what one of them has not is NaN.
struct KernelChange {
  std::string kernel;   ///< the role, or the gap
  double before, time;  ///< ms
  double expected;      ///< ms, see RangeChange
  double macs;          ///< its MACs over those that it had before, or, where it was not there, over the range's

  double over() const;  ///< ms
  Cause cause() const;
  /// "gemm: 6 → 4 ms at 0.500 of the MACs", "(launch): new, 2 ms", "gelu: gone, 1 ms".
  std::string text() const;
};

/// One range of two cells; what one of them has not is NaN. Where both have MACs in it, the time before is expected to
/// shrink by their ratio; where not, to stay (`expected` is NaN then). That is shared among its kernels: those with
/// MACs take the time of all such kernels before by their part of the MACs, others their own time before times the
/// ratio.
struct RangeChange {
  std::string range;
  double before, time;                     ///< ms
  double expected;                         ///< ms
  std::vector<KernelChange> kernels = {};  ///< the largest excess first; their excesses sum to that of the range

  double change() const;  ///< ms more than before
  double over() const;    ///< ms more than what is expected
  /// The kernels that are over, or, of a range that gained, below what is expected, in words; at most `most`.
  std::vector<std::string> behind(std::size_t most = 3) const;
};

/// Of all ranges, the largest excess first. A time that is not known is 0 in the sums.
std::vector<RangeChange> range_changes(const ProfileCell& before, const ProfileCell& now);

/// A bar of a waterfall: where it leads from and to, and what it consists of.
struct ProfileBar {
  std::string label;                  ///< the range, or what else it is
  double start, end;                  ///< ms; of the times of the two cells the same
  std::array<double, 4> causes = {};  ///< ms by Cause; sum to end - start where the bar is a range's
  std::vector<std::string> behind = {};

  double change() const { return end - start; }
};

/// From the time of the complete model to that of a cell, both with collectors: what shrinking as the MACs saves, then
/// for each range what is above that, and the difference of the remainders. Bars lead on from one another.
struct ProfileWaterfall {
  ProfileBar complete = {}, saved = {};
  std::vector<ProfileBar> ranges = {};    ///< the largest changes by size, the most lost first
  std::optional<ProfileBar> others = {};  ///< of all further ranges
  ProfileBar remainder = {}, cell = {};
};

/// Nothing where one of them has no rows or a time that is not known, or where no range has MACs in both.
std::optional<ProfileWaterfall> waterfall_of(const ProfileCell& complete, const ProfileCell& cell,
                                             std::size_t most = 8);

}  // namespace dydit::analysis
