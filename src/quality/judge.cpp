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
#include "model/shares.h"
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
  Gaussian gaussian(const Tensor& weights = {}) const {
    if (kept) return *kept;
    Moments moments(features.size(1));
    moments.add(features, weights);
    return moments.gaussian();
  }
};

// How often each of n images is drawn among n with replacement; undefined for no draw: each once.
Tensor times(std::int64_t n, std::uint64_t seed, std::optional<std::int64_t> draw, std::uint64_t set) {
  if (!draw) return {};
  std::vector<double> times(static_cast<std::size_t>(n));
  Random random(seed, Purpose::bootstrap, static_cast<std::uint64_t>(*draw), set);
  for (std::int64_t i = 0; i < n; ++i) ++times[random.below(static_cast<std::uint64_t>(n))];
  return torch::tensor(times, torch::kFloat64);
}

// No distance is below zero.
std::pair<double, double> about(double value, const std::vector<double>& resampled) {
  const Tensor all = torch::tensor(resampled, torch::kFloat64), apart = all - all.mean();
  return {std::max(value + apart.quantile(0.025).item<double>(), 0.0), value + apart.quantile(0.975).item<double>()};
}

constexpr std::int64_t adm_part = 5000;  // images of a part of the inception score

Side side_of(const Set& set, Metric metric) {
  return metric == Metric::frechet ? Side{set.features, set.gaussian} : Side{set.spatial, set.spatial_gaussian};
}

// The reference, and what was computed of it alone.
class Reference {
 public:
  Reference(Set set, JudgeOptions options) : set_(std::move(set)), options_(std::move(options)) {}

  const Set& set() const { return set_; }
  const JudgeOptions& options() const { return options_; }

  // Of draws as of all of them; several threads may ask for different draws.
  Gaussian gaussian(Metric metric, std::optional<std::int64_t> draw) {
    const Side side = side_of(set_, metric);
    if (side.kept) return *side.kept;
    std::vector<std::optional<Gaussian>>& known = gaussians_[metric == Metric::frechet ? 0 : 1];
    const auto count = static_cast<std::size_t>(options_.resamples) + 1,
               at = static_cast<std::size_t>(draw ? *draw + 1 : 0);
    const auto size = static_cast<std::size_t>(side.features.size(1));
    constexpr std::size_t most = std::size_t{256} << 20;  // bytes
    if (!draw && known.empty()) known.resize(count * size * size * sizeof(double) <= most ? count : 1);
    if (at >= known.size()) return side.gaussian(times(side.features.size(0), options_.seed, draw, 0));
    if (!known[at]) known[at] = side.gaussian(times(side.features.size(0), options_.seed, draw, 0));
    return *known[at];
  }
  KernelDistances& kernel() {
    if (!kernel_) kernel_.emplace(set_.features, options_.subsets, options_.subset_size, options_.seed);
    return *kernel_;
  }
  WithinBalls within_balls_of(const Tensor& generated) {
    if (!balls_) {
      middle_ = set_.features.mean(0, false, torch::kFloat64);
      balls_ = balls_of(set_.features, options_.neighbours, middle_);
    }
    return within_balls(*balls_, balls_of(generated, options_.neighbours, middle_));
  }

 private:
  Set set_;
  JudgeOptions options_;
  std::array<std::vector<std::optional<Gaussian>>, 2> gaussians_;  // of all images, then of each draw; spatial ones
  std::optional<KernelDistances> kernel_;
  std::optional<Balls> balls_;
  Tensor middle_;
};

class OneSet {
 public:
  OneSet(Reference& kept, const Set& generated)
      : kept_(kept), reference_(kept.set()), generated_(generated), options_(kept.options()) {}

  Judgement judge() {
    require_equal("features", sizes_of(Metric::frechet));
    require_equal("spatial features", sizes_of(Metric::frechet_spatial));
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
    if (wanted_.empty())
      throw InputError("nothing can be judged", reference_.where + ", " + generated_.where, out_.notes.front());
    if (options_.extrapolate) require_many();
    all_ = static_cast<std::int64_t>(wanted_.size()) + (options_.extrapolate ? extrapolated_from : 0);
    for (const Metric metric : wanted_) {
      if (resampled(metric)) all_ += options_.resamples;
      for (const Set* set : {&reference_, &generated_})
        if (options_.resamples > 0 && metric == Metric::frechet && !set->features.defined())
          out_.notes.push_back("no images were resampled, there are none: " + set->where);
    }
    for (const Metric metric : wanted_) value_of(metric);
    if (options_.extrapolate) extrapolate();
    return std::move(out_);
  }

 private:
  static constexpr std::int64_t extrapolated_from = 10;
  static constexpr std::uint64_t generated_set = 1;  // of draws: the reference is 0

  // Of the reference and of the generated set; 0 of one that is not known.
  std::pair<std::int64_t, std::int64_t> sizes_of(Metric metric) const {
    const auto of = [](const Side& side) {
      return side.kept ? side.kept->mean.size(0) : side.features.defined() ? side.features.size(1) : 0;
    };
    return {of(side_of(reference_, metric)), of(side_of(generated_, metric))};
  }
  void require_equal(const char* what, const std::pair<std::int64_t, std::int64_t>& sizes) const {
    if (sizes.first > 0 && sizes.second > 0 && sizes.first != sizes.second)
      throw InputError(fmt::format("{} of different sizes, {} and {}", what, sizes.first, sizes.second),
                       reference_.where + " and " + generated_.where, "give two sets of one network");
  }

  std::string lacking(Metric metric) const {
    const auto images = [](const Set& set, std::int64_t least) -> std::string {
      if (!set.features.defined()) return "there are no features: " + set.where;
      return set.features.size(0) >= least ? "" : fmt::format("there are fewer than {} images: {}", least, set.where);
    };
    const auto both = [&](std::int64_t least) {
      const std::string why = images(reference_, least);
      return why.empty() ? images(generated_, least) : why;
    };
    switch (metric) {
      case Metric::frechet:
        for (const Set* set : {&reference_, &generated_})
          if (!set->gaussian)
            if (std::string why = images(*set, 2); !why.empty()) return why;
        return "";
      case Metric::frechet_spatial:
        for (const Set* set : {&reference_, &generated_})
          if (!set->spatial_gaussian && (!set->spatial.defined() || set->spatial.size(0) < 2))
            return fmt::format("there are no spatial features{}: {}", set->spatial.defined() ? " of two images" : "",
                               set->where);
        return "";
      case Metric::inception_score:
        if (!generated_.logits.defined()) return "there are no logits: " + generated_.where;
        return generated_.logits.size(0) >= options_.parts
                   ? ""
                   : fmt::format("there are fewer images than --splits, {}: {}", options_.parts, generated_.where);
      case Metric::kernel:
        return both(2);
      default:
        return both(options_.neighbours + 1);
    }
  }

  // Those that the bootstrap makes intervals of: balls about copies of images would be too small.
  bool resampled(Metric metric) const {
    if (options_.resamples == 0) return false;
    if (metric == Metric::inception_score) return true;
    if (metric != Metric::frechet && metric != Metric::frechet_spatial) return false;
    return side_of(reference_, metric).features.defined() || side_of(generated_, metric).features.defined();
  }

  void step() {
    stop_if_interrupted("before the sets were judged");
    ++done_;
    if (options_.progress) options_.progress(done_, all_);
  }

  // `of` a draw, or of all images. Draws are made on several threads.
  using Drawn = std::function<double(std::optional<std::int64_t> draw)>;
  void add(Metric metric, const Drawn& of) {
    Judged judged{.metric = metric, .value = of(std::nullopt)};
    step();
    std::vector<double> values(static_cast<std::size_t>(resampled(metric) ? options_.resamples : 0));
    constexpr std::size_t at_once = 64;  // between two looks at whether the user has interrupted
    for (std::size_t first = 0; first < values.size(); first += at_once) {
      const std::size_t count = std::min(at_once, values.size() - first);
      model::for_each_apart(count, torch::kCPU,
                            [&](std::size_t i) { values[first + i] = of(static_cast<std::int64_t>(first + i)); });
      for (std::size_t i = 0; i < count; ++i) step();
    }
    if (!values.empty()) judged.ci95 = about(judged.value, values);
    judged.resampled = std::move(values);
    keep(judged);
  }

  void keep(const Judged& judged) {
    if (!std::isfinite(judged.value))
      throw NotFinite("a value is not finite", metric_names()[static_cast<std::size_t>(judged.metric)]);
    out_.values.push_back(judged);
  }

  void value_of(Metric metric) {
    switch (metric) {
      case Metric::frechet:
      case Metric::frechet_spatial: {
        const Side side = side_of(generated_, metric);
        return add(metric, [&](std::optional<std::int64_t> draw) {
          const std::int64_t images = side.features.defined() ? side.features.size(0) : 0;
          return frechet_distance(kept_.gaussian(metric, draw),
                                  side.gaussian(times(images, options_.seed, draw, generated_set)));
        });
      }
      case Metric::kernel: {
        const KernelDistance kernel = kept_.kernel().to(generated_.features);
        keep({.metric = metric, .value = kernel.mean});
        if (kernel.deviation > 0) out_.kernel_deviation = kernel.deviation;
        return step();
      }
      case Metric::inception_score:
        return add(metric, [&](std::optional<std::int64_t> draw) {
          Tensor logits = generated_.logits;
          if (draw) logits = repeated(logits, times(logits.size(0), options_.seed, draw, generated_set), *draw);
          return inception_score(options_.parts > 0 ? logits.tensor_split(options_.parts) : logits.split(adm_part));
        });
      default: {
        if (!balls_) balls_ = kept_.within_balls_of(generated_.features);
        const Tensor& within = metric == Metric::precision ? balls_->generated : balls_->real;
        keep({.metric = metric, .value = within.to(torch::kFloat64).mean().item<double>()});
        return step();
      }
    }
  }

  // Each row so many times, in random order: parts are to hold copies as they hold others.
  Tensor repeated(const Tensor& rows, const Tensor& counts, std::int64_t draw) const {
    const Tensor all = torch::arange(rows.size(0)).repeat_interleave(counts.to(torch::kInt64));
    std::vector<std::int64_t> order(all.const_data_ptr<std::int64_t>(),
                                    all.const_data_ptr<std::int64_t>() + all.numel());
    Random(options_.seed, Purpose::bootstrap, static_cast<std::uint64_t>(draw), 3).shuffle(std::span(order));
    return rows.index_select(0, torch::tensor(order));
  }

  // Images of the smallest part that is extrapolated from: of fewer the distance is no line in 1 / N.
  std::int64_t smallest_part() const {
    return std::max(generated_.features.size(0) / extrapolated_from, 2 * generated_.features.size(1));
  }
  void require_many() const {
    if (!generated_.features.defined())
      throw UsageError("what unlimited images would have cannot be told", generated_.where, "there are no features");
    if (generated_.features.size(0) < 2 * smallest_part())
      throw UsageError("what unlimited images would have cannot be told", generated_.where,
                       fmt::format("give {} images at least, or leave --extrapolate out", 2 * smallest_part()));
  }

  void extrapolate() {
    const Gaussian reference = kept_.gaussian(Metric::frechet, std::nullopt);
    const std::int64_t n = generated_.features.size(0), least = smallest_part();
    std::vector<std::int64_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    Random(options_.seed, Purpose::bootstrap, 0, 2).shuffle(std::span(order));
    const Tensor shuffled = generated_.features.index_select(0, torch::tensor(order));
    std::vector<double> x, y;
    for (std::int64_t i = 1; i <= extrapolated_from; ++i) {
      const std::int64_t part = least + (n - least) * (i - 1) / (extrapolated_from - 1);
      x.push_back(1 / static_cast<double>(part));
      y.push_back(frechet_distance(reference, Side{shuffled.narrow(0, 0, part), {}}.gaussian()));
      step();
    }
    const Tensor of_x = torch::tensor(x, torch::kFloat64), of_y = torch::tensor(y, torch::kFloat64);
    const Tensor apart = of_x - of_x.mean();
    const Tensor slope = apart.dot(of_y) / apart.dot(apart);
    out_.frechet_unlimited = (of_y.mean() - slope * of_x.mean()).item<double>();
  }

  Reference& kept_;
  const Set &reference_, &generated_;
  const JudgeOptions& options_;
  std::vector<Metric> wanted_;
  std::optional<WithinBalls> balls_;
  std::int64_t done_ = 0, all_ = 0;
  Judgement out_;
};

}  // namespace

struct Judge::Kept : Reference {
  using Reference::Reference;
};

Judge::Judge(Set reference, JudgeOptions options)
    : kept_(std::make_unique<Kept>(std::move(reference), std::move(options))) {}
Judge::~Judge() = default;

const Set& Judge::reference() const { return kept_->set(); }

Judgement Judge::judge(const Set& generated) {
  const Set& reference = kept_->set();
  if (!reference.network.empty() && !generated.network.empty() && reference.network != generated.network)
    throw UsageError("features of two networks are not comparable", reference.where + ", " + generated.where,
                     "make both with the same --features");
  return OneSet(*kept_, generated).judge();
}

}  // namespace dydit::quality
