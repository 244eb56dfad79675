// SPDX-License-Identifier: Apache-2.0
#include "compare/sequential.h"

#include <algorithm>
#include <cmath>

namespace dydit::compare {

Sequential::Sequential(const Rule& rule, int most) : rule_(rule), most_(most) {
  for (double runs = 10; std::lround(runs) < most; runs *= 1.5) looks_.push_back(static_cast<int>(std::lround(runs)));
  looks_.push_back(most);
}

int Sequential::next() const { return done_ < looks_.size() ? looks_[done_] : 0; }

void Sequential::look(const Results& base, const Results& candidate, bool last) {
  const double share = static_cast<double>(next()) / most_, spent = last ? 1 : share * share;
  Rule rule = rule_;
  rule.alarms *= spent - spent_;
  rule.same_level *= spent - spent_;
  Comparison now = compare(base, candidate, rule);
  for (Compared& one : now.benchmarks) {
    const auto before = std::ranges::find(comparison_.benchmarks, one.name, &Compared::name);
    if (before == comparison_.benchmarks.end() || before->verdict == Verdict::cannot_tell || !one.ratio) continue;
    std::vector<Count> counts = std::move(one.counts);  // of all runs
    one = std::move(*before);
    one.counts = std::move(counts);
  }
  now.rule = rule_;
  comparison_ = std::move(now);
  spent_ = spent;
  done_ = last ? looks_.size() : done_ + 1;
}

bool Sequential::decided() const {
  return done_ > 0 && std::ranges::none_of(comparison_.benchmarks, [](const Compared& one) {
           return one.verdict == Verdict::cannot_tell && one.ratio;
         });
}

}  // namespace dydit::compare
