// SPDX-License-Identifier: Apache-2.0
// dydit quality: how far generated images are from real ones.
#include "quality/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

#include "base/json.h"
#include "base/progress.h"
#include "features.h"

namespace dydit::cli {

namespace {

using quality::Judged;
using quality::Metric;

struct Quality {
  std::string reference, generated;
  std::vector<std::string> metrics;
  quality::JudgeOptions options;
  FeatureOptions features;
  bool json = false;
  Machine machine;
};

const char* name_of(const Judged& judged) { return quality::metric_names()[static_cast<std::size_t>(judged.metric)]; }

Json to_json(const quality::Judgement& judgement) {
  Json json = Json::object(), intervals = Json::object();
  for (const Judged& judged : judgement.values) {
    json[name_of(judged)] = judged.value;
    if (judged.ci95) intervals[name_of(judged)] = {judged.ci95->first, judged.ci95->second};
  }
  if (judgement.kernel_deviation) json["kernel_deviation"] = *judgement.kernel_deviation;
  if (judgement.frechet_unlimited) json["frechet_unlimited"] = *judgement.frechet_unlimited;
  if (!intervals.empty()) json["ci95"] = intervals;
  return json;
}

void print(const quality::Judgement& judgement) {
  for (const Judged& judged : judgement.values)
    fmt::print("{:<16} {:>12.6g}{}\n", name_of(judged), judged.value,
               judged.ci95 ? fmt::format("   [{:.6g}, {:.6g}]", judged.ci95->first, judged.ci95->second)
               : judged.metric == Metric::kernel && judgement.kernel_deviation
                   ? fmt::format("   deviation of subsets {:.6g}", *judgement.kernel_deviation)
                   : "");
  if (judgement.frechet_unlimited)
    fmt::print("{:<16} {:>12.6g}   frechet of unlimited images\n", "", *judgement.frechet_unlimited);
}

void execute(Quality q, const study::Catalog& catalog) {
  const run::RunSettings settings = q.machine.settings(catalog);
  q.options.seed = q.machine.seed.value_or(0);
  const auto& names = quality::metric_names();
  for (const std::string& name : q.metrics)
    q.options.metrics.push_back(static_cast<Metric>(std::ranges::find(names, name) - names.begin()));
  const bool moments = !q.options.needs_images();
  const auto wants = [&](Metric metric) {
    return q.options.metrics.empty() || std::ranges::find(q.options.metrics, metric) != q.options.metrics.end();
  };
  std::optional<FeaturesOf> features;
  std::vector<std::string> sizes;
  const auto read = [&](const std::string& path) {
    // What the ADM evaluator's reference has besides its images is by its own network.
    if (!quality::has_images(path) || (q.features.network.empty() && quality::has_moments(path)))
      return quality::read_set(path, moments);
    if (!features) features.emplace(q.features, settings);
    quality::Seen seen = (*features)(path, moments, wants(Metric::frechet_spatial), wants(Metric::inception_score));
    sizes.push_back(fmt::format("{} x {}", seen.height, seen.width));
    return std::move(seen.set);
  };
  quality::Set reference = read(q.reference), generated = read(q.generated);
  if (sizes.size() == 2 && sizes[0] != sizes[1] && !q.machine.quiet)
    fmt::print(stderr, "dydit: images of A are {}, of B {}: --image-size crops both alike\n", sizes[0], sizes[1]);
  std::unique_ptr<Progress> shown;
  q.options.progress = [&](std::int64_t, std::int64_t all) {
    if (!shown) shown = std::make_unique<Progress>("judging", "steps", all, q.machine.quiet);
    shown->advance(1);
  };
  const quality::Judgement judgement = quality::Judge(std::move(reference), q.options).judge(generated);
  shown.reset();
  if (q.json)
    std::cout << to_json(judgement).dump(2) << '\n';
  else
    print(judgement);
  if (!q.machine.quiet)  // what is not there, and why
    for (const std::string& note : judgement.notes) fmt::print(stderr, "dydit: {}\n", note);
}

}  // namespace

void add_quality(CLI::App& app, const study::Catalog& catalog) {
  auto q = std::make_shared<Quality>();
  CLI::App* command = app.add_subcommand("quality", "How far generated images B are from a reference A");
  command->footer(
      "Example: dydit quality cifar10-test.zip samples.npz --features classifier.safetensors --json\n"
      "         dydit quality reference.npz samples.safetensors");
  command
      ->add_option(
          "A", q->reference,
          "real images: a folder, .zip or .npz of them, their features (.safetensors), or mean and covariance (.npz)")
      ->required();
  command->add_option("B", q->generated, "the same of generated images")->required();
  const auto& names = quality::metric_names();
  command->add_option("--metric", q->metrics, "only these")
      ->check(CLI::IsMember(std::vector<std::string>(names.begin(), names.end())));
  quality::JudgeOptions& o = q->options;
  constexpr Bounds<std::int64_t> counts{1, 1'000'000}, resamples{20, 100'000};
  add_number(*command, "--neighbours", counts, into(o.neighbours), "of precision and recall (3)");
  add_number(*command, "--splits", counts, into(o.parts), "parts of the inception score (of 5,000 images each)");
  add_number(*command, "--subsets", counts, into(o.subsets), "of the kernel distance (100)");
  add_number(*command, "--subset-size", Bounds<std::int64_t>{2, 1'000'000}, into(o.subset_size),
             "of its images (1000)");
  add_number(*command, "--resamples", resamples, into(o.resamples), "of a bootstrap over images, for intervals (none)");
  command->add_flag("--extrapolate", o.extrapolate, "also the Frechet distance of unlimited images, over 1/N");
  command->add_flag("--json", q->json, "as JSON");
  q->features.add_to(*command);
  q->machine.add_to(*command);
  command->callback([=, &catalog] { execute(*q, catalog); });
}

}  // namespace dydit::cli
