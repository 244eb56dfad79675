// SPDX-License-Identifier: Apache-2.0
#include "made_up_speed.h"

#include <utility>

#include "record/metric.h"

namespace dydit::test {

using record::Json;
using record::Record;

Record record_of(const Made& made) {
  const Json axes = {{"model", made.model}, {"engine", made.engine}, {"which", made.which}, {"keep", made.keep},
                     {"batch", made.batch}, {"dtype", "float32"},    {"device", "cpu"},     {"threads", 2}};
  return {.cell = record::cell_hash("speed", axes, {}, 0), .study = "speed", .axes = axes};
}

void set(Record& record, const char* name, double value, double half_width) {
  record::Metric metric = record::measured(name, value);
  if (half_width > 0) metric.ci95 = {value - half_width, value + half_width};
  record.metrics[name] = metric;
}

// A metric whose blocks are a hundredth above and below its value, as often each: so far does its interval reach.
static void set_blocks(Record& record, const char* name, double value) {
  record::Metric& metric = record.metrics[name] = record::measured(name, value);
  for (int block = 0; block < 9; ++block) metric.blocks.push_back({value * (0.99 + 0.01 * (block % 3))});
}

// The times of parts that leave such a waterfall.
static void set_parts(Record& record, double dense, double rho, double time) {
  const double gap = time - rho * dense;
  const std::pair<const char*, double> times[] = {{"dense_time", dense},
                                                  {"without_routers_time", time},
                                                  {"dense_fixed_time", 0.05 * dense},
                                                  {"dense_attention_time", 0.15 * dense},
                                                  {"dense_products_time", 0.79 * dense},
                                                  {"fixed_time", 0.05 * dense + 2 * gap},
                                                  {"attention_time", 0.15 * rho * dense},
                                                  {"products_time", 0.79 * rho * dense - gap / 4},
                                                  {"routed_time", 1},
                                                  {"together_time", 1},
                                                  {"path_time", dense},
                                                  {"path_fixed_time", 0.05 * dense},
                                                  {"path_routed_time", 0}};
  for (const auto& [name, value] : times) set_blocks(record, name, value);
  set(record, "rho", rho);
  set(record, "attention_share", 0.15);
  set(record, "attention_share_left", 0.15 * rho);
  set(record, "products_share", 0.8);
  set(record, "products_share_left", 0.8 * rho);
  set(record, "routers_share", 0);
}

Record measured(const Made& made) {
  Record record = record_of(made);
  const double dense = 100 * static_cast<double>(made.batch), rho = made.keep;
  const double time = made.engine == "dense" ? dense : made.engine == "masked" ? 1.2 * dense : dense * rho / 0.96;
  set_blocks(record, "time", time);
  record.metrics["time"].ci95 = {time - 1, time + 1};
  set(record, "gmacs", 6 * rho);
  set(record, "lambda_realised", rho);
  set(record, "theoretical_speedup", 1 / rho);
  set(record, "speedup", dense / time, 0.02);
  set(record, "realisation", dense / time * rho, 0.01);
  set(record, "activation_memory", 64);
  set(record, "weight_memory", 128);
  if (made.engine == "dense" || made.engine == "masked") return record;
  if (made.which != "all") set_parts(record, dense, rho, time);
  return record;
}

std::vector<record::Run> run_of(const std::filesystem::path& path, const std::vector<Record>& records,
                                const Json& more) {
  {
    Json manifest = {{"profile", {{"name", "lambda"}}}, {"sweep", {{"ceilings", {{"gflops", 90.5}}}}}};
    manifest.update(more);
    record::RunDirectory run(path, manifest);
    for (const Record& record : records) run.append(record);
    run.finish();
  }
  return {record::read_run(path)};
}

std::vector<Record> sweep(const std::vector<std::string>& engines, const std::vector<std::string>& ways,
                          const std::string& model) {
  std::vector<Record> records;
  for (const std::int64_t batch : {8, 4})
    for (const std::string& engine : engines) {
      records.push_back(measured({engine, "all", 1, batch, model}));
      if (engine == "dense") continue;
      for (const std::string& which : ways)
        for (const double keep : {0.5, 0.7, 0.3}) records.push_back(measured({engine, which, keep, batch, model}));
    }
  return records;
}

}  // namespace dydit::test
