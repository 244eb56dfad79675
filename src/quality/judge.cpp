// SPDX-License-Identifier: Apache-2.0
#include "quality/judge.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/random.h"
#include "quality/metrics.h"

namespace dydit::quality {

using torch::Tensor;

const std::array<const char*, 6>& metric_names() {
  static constexpr std::array<const char*, 6> names{"frechet",         "frechet_spatial", "kernel",
                                                    "inception_score", "precision",       "recall"};
  return names;
}

bool JudgeOptions::needs_images() const {
  const auto of_images = [](Metric metric) { return metric != Metric::frechet && metric != Metric::frechet_spatial; };
  return metrics.empty() || resamples > 0 || extrapolate || std::ranges::any_of(metrics, of_images);
}

namespace {

// Of either set: its features, or what is kept of them.
struct Side {
  Tensor features;
  std::optional<Gaussian> kept;
  bool known() const { return features.defined() || kept; }
  Gaussian gaussian(const Tensor& weights = {}) const {
    if (kept) return *kept;
    Moments moments(features.size(1));
    moments.add(features, weights);
    return moments.gaussian();
  }
};

// How often each of n images is drawn among n with replacement.
Tensor drawn_again(std::int64_t n, std::uint64_t seed, std::int64_t replicate, std::uint64_t set) {
  std::vector<double> times(static_cast<std::size_t>(n));
  Random random(seed, Purpose::bootstrap, static_cast<std::uint64_t>(replicate), set);
  for (std::int64_t i = 0; i < n; ++i) ++times[random.below(static_cast<std::uint64_t>(n))];
  return torch::tensor(times, torch::kFloat64);
}

std::pair<double, double> about(double value, const std::vector<double>& resampled) {
  const Tensor all = torch::tensor(resampled, torch::kFloat64), apart = all - all.mean();
  return {value + apart.quantile(0.025).item<double>(), value + apart.quantile(0.975).item<double>()};
}

class Judge {
 public:
  Judge(const Set& reference, const Set& generated, const JudgeOptions& options)
      : reference_(reference), generated_(generated), options_(options) {}

  Judgement judge() {
    for (const Metric metric : {Metric::frechet, Metric::frechet_spatial, Metric::kernel, Metric::inception_score,
                                Metric::precision, Metric::recall}) {
      const bool asked = std::ranges::find(options_.metrics, metric) != options_.metrics.end();
      if (!asked && !options_.metrics.empty()) continue;
      const std::string lacks = lacking(metric);
      const char* const name = metric_names()[static_cast<std::size_t>(metric)];
      if (!lacks.empty() && asked) throw UsageError("this cannot be judged", name, lacks);
      if (lacks.empty())
        wanted_.push_back(metric);
      else
        out_.notes.push_back(fmt::format("{}: {}", name, lacks));
    }
    all_ = static_cast<std::int64_t>(wanted_.size()) + (options_.extrapolate ? extrapolated_from : 0);
    for (const Metric metric : wanted_)
      if (resampled(metric)) all_ += options_.resamples;
    for (const Metric metric : wanted_) value_of(metric);
    if (options_.extrapolate) extrapolate();
    return std::move(out_);
  }

 private:
  static constexpr std::int64_t extrapolated_from = 10;

  std::string lacking(Metric metric) const {
    const auto features = [](const Set& set) {
      return set.features.defined() ? "" : "there are no features: " + set.where;
    };
    switch (metric) {
      case Metric::frechet:
        return "";
      case Metric::frechet_spatial:
        for (const Set* set : {&reference_, &generated_})
          if (!set->spatial.defined() && !set->spatial_gaussian) return "there are no spatial features: " + set->where;
        return "";
      case Metric::inception_score:
        return generated_.logits.defined() ? "" : "there are no logits: " + generated_.where;
      default:
        if (const std::string why = features(reference_); !why.empty()) return why;
        return features(generated_);
    }
  }

  // Those that the bootstrap makes intervals of.
  bool resampled(Metric metric) const { return options_.resamples > 0 && metric != Metric::kernel; }

  Side side(const Set& set, Metric metric) const {
    return metric == Metric::frechet ? Side{set.features, set.gaussian} : Side{set.spatial, set.spatial_gaussian};
  }

  void step() {
    stop_if_interrupted("before the sets were judged");
    ++done_;
    if (options_.progress) options_.progress(done_, all_);
  }

  // `of` the weights of both sets' images, undefined ones for all of them once.
  void add(Metric metric, const std::function<double(const Tensor& reference, const Tensor& generated)>& of) {
    Judged judged{.metric = metric, .value = of({}, {})};
    step();
    std::vector<double> values;
    for (std::int64_t r = 0; resampled(metric) && r < options_.resamples; ++r) {
      const auto weights = [&](const Set& set, std::uint64_t number) {
        return set.features.defined() ? drawn_again(set.features.size(0), options_.seed, r, number) : Tensor();
      };
      values.push_back(of(weights(reference_, 0), weights(generated_, 1)));
      step();
    }
    if (!values.empty()) judged.ci95 = about(judged.value, values);
    out_.values.push_back(judged);
  }

  void value_of(Metric metric) {
    switch (metric) {
      case Metric::frechet:
      case Metric::frechet_spatial: {
        const Side a = side(reference_, metric), b = side(generated_, metric);
        return add(metric, [&](const Tensor& of_a, const Tensor& of_b) {
          return frechet_distance(a.gaussian(of_a), b.gaussian(of_b));
        });
      }
      case Metric::kernel: {
        const KernelDistance kernel = kernel_distance(reference_.features, generated_.features, options_.subsets,
                                                      options_.subset_size, options_.seed);
        out_.values.push_back({.metric = metric, .value = kernel.mean});
        if (kernel.deviation > 0) out_.kernel_deviation = kernel.deviation;
        return step();
      }
      case Metric::inception_score: {
        const std::int64_t n = generated_.logits.size(0);
        const std::int64_t parts = options_.parts > 0 ? options_.parts : std::max<std::int64_t>(n / 5000, 1);
        return add(metric, [&, parts](const Tensor&, const Tensor& times) {
          if (!times.defined()) return inception_score(generated_.logits, parts);
          return inception_score(generated_.logits.repeat_interleave(times.to(torch::kInt64), 0), parts);
        });
      }
      default: {
        if (!balls_) balls_ = within_balls(reference_.features, generated_.features, options_.neighbours);
        const bool precision = metric == Metric::precision;
        return add(metric, [&, precision](const Tensor& of_a, const Tensor& of_b) {
          const Tensor &within = precision ? balls_->generated : balls_->real, &times = precision ? of_b : of_a;
          const Tensor share = within.to(torch::kFloat64);
          return (times.defined() ? share.dot(times) / times.sum() : share.mean()).item<double>();
        });
      }
    }
  }

  void extrapolate() {
    if (!generated_.features.defined())
      throw UsageError("what unlimited images would have cannot be told", generated_.where, "there are no features");
    const Gaussian reference = side(reference_, Metric::frechet).gaussian();
    const std::int64_t n = generated_.features.size(0);
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    Random(options_.seed, Purpose::bootstrap, 0, 2).shuffle(std::span(order));
    const Tensor shuffled = generated_.features.index_select(0, torch::tensor(order));
    std::vector<double> x, y;
    for (std::int64_t i = 1; i <= extrapolated_from; ++i) {
      const std::int64_t part = std::max<std::int64_t>(n * i / extrapolated_from, 2);
      x.push_back(1 / static_cast<double>(part));
      y.push_back(frechet_distance(reference, Side{shuffled.narrow(0, 0, part), {}}.gaussian()));
      step();
    }
    const Tensor of_x = torch::tensor(x, torch::kFloat64), of_y = torch::tensor(y, torch::kFloat64);
    const Tensor apart = of_x - of_x.mean();
    const Tensor slope = apart.dot(of_y) / apart.dot(apart);
    out_.frechet_unlimited = (of_y.mean() - slope * of_x.mean()).item<double>();
  }

  const Set &reference_, &generated_;
  const JudgeOptions& options_;
  std::vector<Metric> wanted_;
  std::optional<WithinBalls> balls_;
  std::int64_t done_ = 0, all_ = 0;
  Judgement out_;
};

}  // namespace

Judgement judge(const Set& reference, const Set& generated, const JudgeOptions& options) {
  return Judge(reference, generated, options).judge();
}

}  // namespace dydit::quality
