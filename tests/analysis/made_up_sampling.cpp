// SPDX-License-Identifier: Apache-2.0
#include "made_up_sampling.h"

#include "analysis/report.h"
#include "base/file.h"
#include "made_up_speed.h"
#include "record/metric.h"
#include "temporary_folder.h"

namespace dydit::test {

using record::Json;
using record::Record;

Record record_of(const MadeSampling& made) {
  Json axes = {{"model", made.model}, {"engine", made.engine}, {"which", made.engine == "dense" ? "all" : "own"},
               {"cache", made.cache}, {"steps", made.steps},   {"sampler", made.sampler},
               {"batch", 8},          {"guidance", 1.5},       {"dtype", "float32"},
               {"device", "cpu"},     {"threads", 2}};
  if (made.keep) {
    axes["keep"] = *made.keep;
    if (made.engine != "dense") axes["which"] = "both";
  }
  return {.cell = record::cell_hash("sampling", axes, {}, 0), .study = "sampling", .axes = axes};
}

Record sampled(const MadeSampling& made) {
  Record record = record_of(made);
  const auto set = [&](const char* name, double value, bool timed = false) {
    record::Metric& metric = record.metrics[name] = record::measured(name, value);
    if (timed) metric.ci95 = {0.99 * value, 1.01 * value};
  };
  const auto set_blocks = [&](const char* name, double value) {
    set(name, value, true);
    for (int block = 0; block < 9; ++block)
      record.metrics[name].blocks.push_back({value * (0.99 + 0.01 * (block % 3))});
  };
  const double steps = static_cast<double>(made.steps);
  const double kept = made.engine == "dense" ? 1 : made.keep.value_or(0.5), run = made.cache == "none" ? 1 : 0.5;
  const double slower = 1.1, engine = kept == 1 ? 1 : 1 / (slower * kept), cache = run == 1 ? 1 : 1 / (slower * run);
  const double product = engine * cache * 50 / steps, speedup = made.share * product;
  set_blocks("image_time", 1000 / speedup);
  set("sampling_gmacs", 6 * steps * kept * run);
  set("sampling_gmacs_guided", 12 * steps * kept * run);
  set("sampling_speedup", speedup, true);
  set("sampling_speedup_own", speedup / engine, true);
  set("sampling_theory", 50 / (steps * kept * run));
  set("multiplied_speedup", product, true);
  set("multiplied_share", made.share, true);
  set("blocks_run", run);
  set("passes", steps);
  set("full_passes", steps * run);
  set("activation_memory", 64);
  set("cache_memory", run == 1 ? 0 : 32);
  if (made.frechet) {
    set("frechet", *made.frechet);
    record.metrics["frechet"].ci95 = {0.9 * *made.frechet, 1.1 * *made.frechet};
    set("kernel", 0.01 * *made.frechet);
    set("precision", 0.8);
    set("recall", 0.6);
    set("judged_images", 100);
  }
  set_blocks("reference_image_time", 1000);
  set("reference_gmacs", 600);
  set_blocks("solver_image_time", 20 * steps);
  set("solver_gmacs", 12 * steps);
  set_blocks("cached_image_time", 20 * steps / cache);
  set("cached_gmacs", 12 * steps * run);
  return record;
}

std::vector<Record> combinations(double share, const std::string& model, const std::string& engine) {
  std::vector<Record> records;
  for (const std::string& one : {std::string("dense"), engine})
    for (const char* cache : {"none", "fora:2"})
      for (const auto& [sampler, steps] : {std::pair{"ddim", 50}, std::pair{"dpmpp", 10}}) {
        const int parts = (one != "dense") + (std::string(cache) != "none") + (steps != 50);
        records.push_back(sampled({one, cache, sampler, steps, parts > 1 ? share : 1, std::nullopt, model}));
      }
  return records;
}

std::string page_of(const std::vector<Record>& records) {
  const TemporaryFolder folder;
  return read_file(analysis::write_report(run_of(folder.path() / "run", records), folder.path() / "out"));
}

}  // namespace dydit::test
