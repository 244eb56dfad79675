// SPDX-License-Identifier: Apache-2.0
// Where the time of a forward pass goes: by range and kernel, beside the least time at the ceilings of the run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/manifest.h"
#include "analysis/statistics.h"
#include "analysis/study.h"
#include "record/run_directory.h"

namespace dydit::analysis {

/// Which ceiling the bound of a row comes from.
enum class Limit { unknown, products, memory };
/// "products", "memory", "–".
std::string_view name_of(Limit limit);

/// A kernel, an operator or a gap ("(launch)") in a range, of one pass; what was not recorded is NaN.
struct KernelRow {
  std::string range;                  ///< a path: "pass/block/mlp"; empty outside of all ranges
  std::string kernel;                 ///< as the record has it
  double time;                        ///< ms
  double calls, gmacs, bytes, bound;  ///< bytes in MB, bound in ms
  double registers = missing, occupancy = missing;

  bool gap() const { return kernel.starts_with('('); }
  double rate() const { return 1e3 * gmacs / time; }  ///< GMAC/s
  double share_of_bound() const { return bound / time; }
  /// ms above the bound, at least 0; of a gap all of it. NaN where it is not known.
  double excess() const;
};

/// What a range could give back with kernels of one role at their bounds.
struct Opportunity {
  std::string range, kernel;  ///< its kernels' role, or the gap
  Limit limit = Limit::unknown;
  double time = 0, excess = 0;  ///< ms
};

/// One cell and its rows, which with the remainder sum to the mean time of a pass over all windows that were looked at;
/// the collected time is the median over the windows.
struct ProfileCell {
  Engine engine;
  std::string which;
  std::optional<Kept> keep;
  Interval time, collected_time;  ///< ms of a pass, without collectors and with them
  Interval collected_ratio;       ///< of the same passes: with them over without
  double remainder, lost, malformed, gmacs, product_ceiling, copy_ceiling;  ///< ms, GMACs, GMAC/s, GB/s
  std::vector<KernelRow> rows = {};                                         ///< of those with a time the longest first

  std::string name() const;  ///< "compact (both, 0.64)"; with everything on "dense"
  bool complete() const { return engine.executes == Executes::all; }
  double gap_time() const;    ///< ms of all gaps; NaN where one is not known
  double whole_time() const;  ///< ms of all rows and the remainder; NaN where one of them is not known
  Limit limit(const KernelRow& row) const;
  /// The largest first, at most `most`.
  std::vector<Opportunity> opportunities(std::size_t most = 10) const;
};

/// The cells of one run that differ in engine, which and keep alone; ceilings and the complete model are of the run.
struct ProfileStudy : Study {
  std::vector<ProfileCell> cells;  ///< the complete model first
  std::size_t run = 0;             ///< its place among the runs

  const ProfileCell* complete() const;  ///< null where it was not recorded
  const ProfileCell& asked() const { return cells.back(); }
};

/// The good "profile" records with the "kernel" records that the same process wrote for the same axes: a study for each
/// run, model and setting; of two records whose axes are all equal the later one counts. Throws InputError for a record
/// with an axis or a metric that is missing or impossible, or an engine that its manifest does not name.
std::vector<ProfileStudy> profile_studies(std::span<const record::Run> runs);

/// A C++ name without namespaces, template arguments and parameters; of a generic kernel what it computes:
/// "addcmul" of at::native::elementwise_kernel<..., addcmul_cuda_kernel ...>. Other names as they are.
std::string short_kernel(const std::string& kernel);
/// The short name up to the sizes of a tile, in which kernels of one role differ: "nvjet_sm90_tst" of
/// "nvjet_sm90_tst_192x128_64x5_1x2_h".
std::string kernel_role(const std::string& kernel);
/// "block/mlp" of "pass/block/mlp", "outside of ranges" of none.
std::string short_range(const std::string& range);
/// At most so many letters, the last an ellipsis where some were cut.
std::string cut(const std::string& text, std::size_t letters);

}  // namespace dydit::analysis
