// SPDX-License-Identifier: Apache-2.0
// Verdicts while process runs are still being collected: looks at set numbers of runs, each of which spends a part of
// the errors that are allowed, so that stopping early does not add any.
#pragma once

#include <vector>

#include "compare/verdict.h"

namespace dydit::compare {

class Sequential {
 public:
  /// At most `most` process runs a side, at least 3. Looks at 10, 15, 23, ... and `most`; that at n runs and all before
  /// spend (n / most)^2 of the errors (Kim & DeMets 1987), which are added up (Bonferroni), whatever the looks share.
  Sequential(const Rule& rule, int most);

  /// Process runs a side at the next look; 0 after the last one.
  int next() const;
  /// Looks at next() runs a side, or at fewer where no more will come: then all that is left of the errors is spent.
  void look(const Results& base, const Results& candidate, bool last = false);
  /// Every benchmark that can be told at all was.
  bool decided() const;
  /// Each benchmark as the look saw it that decided it, else as the last one did.
  const Comparison& comparison() const { return comparison_; }

 private:
  Rule rule_;
  int most_;
  std::vector<int> looks_;
  std::size_t done_ = 0;
  double spent_ = 0;  // share of the errors
  Comparison comparison_{};
};

}  // namespace dydit::compare
