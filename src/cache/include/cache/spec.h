// SPDX-License-Identifier: Apache-2.0
// Feature caches as profiles and the command line say them: which passes of a trajectory are full ones, what is kept of
// them, and how the passes between are made of it. Published caches are configurations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/schema.h"

namespace dydit::cache {

/// Passes of a trajectory are counted from 0, the noisiest. The first one is full, whatever is said.
struct CacheSpec {
  std::int64_t interval = 1;           ///< every so many passes one is full
  std::int64_t first = 1;              ///< so many are at the beginning
  std::string counted_from = "start";  ///< from the last one of these, or from the "end", so that the last pass is full
  std::optional<double> centre{};      ///< passes / interval full ones, dense around this pass (DeepCache, appendix)
  double power = 1.2;                  ///< of their distance from it, lowered by .02 until they are so many
  std::vector<std::int64_t> full{};    ///< or these passes
  std::string test = "none";           ///< or what the "input" of the first block, or the "first_block", says
  std::optional<double> threshold{};   ///< relative changes between passes add up to it: then a pass is full
  std::string keep = "parts";          ///< outputs of each block's attention and MLP, or what "blocks" add together
  std::optional<std::int64_t> first_block{}, last_block{};  ///< of these, else of all that the test does not run
  std::int64_t order = 0;          ///< 0: as they were; else Taylor's polynomial by finite differences
  std::string decisions = "kept";  ///< of routers in a pass that is not full: those of the last full one, or "anew"
};

/// All options by their names. Throws UsageError naming `where`; also for options that exclude each other.
CacheSpec cache_from_json(const Json& json, const std::string& where);
Json to_json(const CacheSpec& spec);

/// "none", or what `names()` tells, with ",anew" behind it for decisions anew, or FILE.json, or JSON that begins with a
/// brace. Throws UsageError naming `where`, InputError for a file that cannot be read.
std::optional<CacheSpec> cache_named(const std::string& text, const std::string& where);
/// "fora:N, taylorseer:N,ORDER, ..."
std::string names();

/// Which passes of so many are full, those that a test decides about left out. Throws UsageError for a schedule that
/// does not fit.
std::vector<bool> full_passes(const CacheSpec& spec, std::int64_t passes);

/// The blocks [first, last] of a model of so many that are kept together. Throws UsageError for those that it has not.
struct Blocks {
  std::size_t first, last;
};
Blocks blocks_of(const CacheSpec& spec, std::int64_t depth);

}  // namespace dydit::cache
