// SPDX-License-Identifier: Apache-2.0
#include "study/kernels.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "base/interrupt.h"
#include "base/median.h"
#include "base/progress.h"
#include "cost/cost.h"
#include "groups.h"
#include "instrument/collector.h"
#include "instrument/timer.h"
#include "record/manifest.h"
#include "record/metric.h"
#include "subject.h"
#include "timeline/attribution.h"
#include "timeline/trace.h"
#include "variants.h"

namespace dydit::study {

namespace {

using record::Json;
using record::Record;
using timeline::Attributed;
using timeline::Attribution;

constexpr std::int64_t most_windows = 5;  // of each cell, in turn; fewer where there are fewer blocks
constexpr double window_seconds = 0.2;
constexpr std::int64_t most_runs = 50;

Workload workload_of(const KernelsSetting& s) {
  const KernelsSpec& spec = s.spec;
  Workload group{.model = spec.model,
                 .trained = s.trained.empty() ? nullptr : &s.trained.front(),
                 .dtype = spec.dtype,
                 .batch = spec.batch,
                 .keep = spec.keep};
  group.point = {{"model", spec.model}, {"dtype", spec.dtype}, {"batch", spec.batch}};
  return group;
}

std::vector<Cell> cells_of(const KernelsSetting& s, const Workload& group) {
  const engine::Family& family = family_of(*s.catalog, group.trained, group.model);
  std::vector<Cell> cells{{family.complete_engine(s.spec.engine), Which::all}};
  for (const std::string& name : s.spec.engine) {
    const engine::Row& engine = family.engine(name);
    if (engine.executes == engine::Executes::all)
      cells.push_back({engine, Which::all});
    else if (group.trained != nullptr)
      cells.push_back({engine, Which::own});
    else if (group.keep.everything())
      cells.push_back({engine, Which::all});
    else
      for (const std::string& which : s.spec.which) cells.push_back({engine, which_named(which)});
  }
  std::vector<Cell> once;  // what is asked for twice
  for (const Cell& cell : cells)
    if (std::ranges::none_of(once, [&](const Cell& other) { return name_of(other) == name_of(cell); }))
      once.push_back(cell);
  return once;
}

Record empty_record(const KernelsSetting& s, const Workload& group, const Cell& cell) {
  Json axes = group.point;
  axes.update(Json{{"engine", cell.engine.name}, {"which", to_string(cell.which)}});
  if (group.trained == nullptr) axes["keep"] = to_json(cell.which == Which::all ? Kept() : group.keep);
  if (!s.spec.round_to_tiles.empty()) axes["round_to_tiles"] = true;
  axes.update(Json{{"device", torch::DeviceTypeName(s.device.type(), /*lower_case=*/true)}, {"threads", s.threads}});
  name_input_size(axes, group.trained, s.spec.input_size);
  return {.cell = "", .study = "profile", .axes = axes};
}

void put_cell(const KernelsSetting& s, const Workload& group, Record& record) {
  std::vector<std::string> inputs{fmt::format("{} {}", s.spec.input_size, s.spec.blocks)};
  if (group.trained != nullptr) inputs.push_back(group.trained->hash + group.trained->data_hash);
  if (!s.spec.round_to_tiles.empty())
    inputs.push_back(hash_of_file(std::filesystem::path(s.spec.round_to_tiles) / "results.jsonl"));
  record.cell = record::cell_hash(record.study, record.axes, inputs, s.seed);
}

// There are many rows, and seven digits are more than a clock of nanoseconds has of them.
double rounded(double number) {
  if (number == 0 || !std::isfinite(number)) return number;
  const double unit = std::pow(10, 6 - std::floor(std::log10(std::abs(number))));
  return std::round(number * unit) / unit;
}

// What was seen of a cell in all windows.
struct Seen {
  Attribution sum;              // over the windows
  std::vector<double> seconds;  // of a run, of each window
  std::vector<double> ratios;   // of each window to one without collectors
  std::int64_t runs = 0;
  std::string error = {};  // why it was not looked at to the end

  void add(const Attribution& window, std::int64_t of_runs, double without) {
    seconds.push_back(window.wall / static_cast<double>(of_runs));
    ratios.push_back(window.wall / without);
    runs += of_runs;
    sum.wall += window.wall;
    sum.remainder += window.remainder;
    sum.lost += window.lost;
    sum.malformed += window.malformed;
    for (const Attributed& row : window.rows) {
      const auto same = std::ranges::find_if(
          sum.rows, [&](const Attributed& one) { return one.range == row.range && one.kernel == row.kernel; });
      if (same == sum.rows.end()) {
        sum.rows.push_back(row);
        continue;
      }
      same->calls += row.calls;
      same->seconds += row.seconds;
      same->macs += row.macs;
      same->bytes += row.bytes;
    }
  }

  // Of rows on a GPU: what a pass that was counted says of a call.
  void take_work(const Attribution& counted) {
    for (Attributed& row : sum.rows)
      for (const Attributed& one : counted.rows)
        if (one.range == row.range && one.kernel == row.kernel && one.calls > 0 && !row.gap()) {
          const double calls = static_cast<double>(row.calls) / static_cast<double>(one.calls);
          row.macs = one.macs * calls;
          row.bytes = one.bytes * calls;
        }
  }
};

class Profiling {
 public:
  Profiling(const KernelsSetting& s, record::RunDirectory& run)
      : s_(s),
        run_(run),
        group_(workload_of(s)),
        cells_(cells_of(s, group_)),
        speed_{.spec = {.timesteps = s.spec.timesteps,
                        .axes = {},
                        .engine = s.spec.engine,
                        .input_size = s.spec.input_size,
                        .round_to_tiles = s.spec.round_to_tiles},
               .catalog = s.catalog,
               .trained = {},
               .seed = s.seed,
               .device = s.device,
               .threads = s.threads,
               .quiet = s.quiet},
        variants_(speed_, group_) {
    for (const Cell& cell : cells_) {
      variants_.add_cell(cell);
      if (const auto done = variants_.rounding_of(cell)) run_.warn(fmt::format("{}: {}", name_of(cell), done->words()));
    }
  }

  void go() {
    std::vector<Record> records;
    for (const Cell& cell : cells_) {
      records.push_back(empty_record(s_, group_, cell));
      put_cell(s_, group_, records.back());
    }
    if (std::ranges::all_of(records, [&](const Record& record) { return is_done(record.cell); })) return;
    time();
    std::vector<Seen> seen(cells_.size());
    if (const auto why = look(seen)) run_.warn(*why);
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      fill(records[i], cells_[i], seen[i]);
      record::stamp(records[i]);  // the state of the machine stands with the cell alone
      if (records[i].status == record::Status::ok)
        for (const Attributed& row : seen[i].sum.rows) run_.append(record_of(records[i], row, seen[i]));
      run_.append(records[i]);  // last: with it the cell is done
    }
  }

 private:
  const instrument::Variant& variant(const Cell& cell) const {
    return *std::ranges::find(variants_.all(), name_of(cell), &instrument::Variant::name);
  }

  // Without collectors, and the ceilings.
  void time() {
    std::vector<instrument::Variant> timed;
    for (const Cell& cell : cells_) timed.push_back(variant(cell));
    for (const char* ceiling : {"product ceiling", "copy ceiling"})
      timed.push_back(*std::ranges::find(variants_.all(), ceiling, &instrument::Variant::name));
    Progress progress("profile", "blocks", s_.spec.blocks, s_.quiet, 0);
    const auto timer = instrument::timer_of(s_.device);
    const instrument::Blocks blocks{.count = s_.spec.blocks,
                                    .seconds = 0.01,  // one short copy is no rate
                                    .fewest_passes = s_.device.is_cpu() ? 1 : Variants::draws,
                                    .seed = s_.seed};
    auto times = instrument::interleaved(timed, blocks, *timer, [&] { progress.advance(1); });
    for (std::size_t i = 0; i < timed.size(); ++i) times_[timed[i].name] = std::move(times[i]);
  }

  double run_seconds(const std::string& name) const {
    const auto& times = times_.at(name);
    if (!times.error.empty()) throw RunError(times.error, name);
    return median_of(instrument::block_medians(times)).value;
  }

  // Those that another identity of the run set aside are not taken back, for their rows would not come along.
  bool is_done(const std::string& cell) const {
    return std::ranges::find(run_.records(), cell, &Record::cell) != run_.records().end();
  }

  void work(const Cell& cell, std::int64_t runs) const {
    for (std::int64_t i = 0; i < runs; ++i) {
      stop_if_interrupted();
      variant(cell).run(i);
    }
  }

  timeline::Timeline collected(const Cell& cell, instrument::Collecting what, std::int64_t runs) const {
    what.settle = [&] { work(cell, 1); };
    return instrument::collect(what, [&] { work(cell, runs); });
  }

  double seconds_without(const Cell& cell, std::int64_t runs, instrument::Timer& timer) const {
    work(cell, 1);
    timer.drain();
    const double began = instrument::steady_seconds();
    work(cell, runs);
    timer.drain();
    return instrument::steady_seconds() - began;
  }

  // What a line on stderr says, where a GPU's records cannot be had.
  std::optional<std::string> look(std::vector<Seen>& seen) {
    std::unique_ptr<instrument::GpuSession> gpu;
    if (s_.device.is_cuda()) {
      if (const auto error = error_of([&] { gpu = std::make_unique<instrument::GpuSession>(); })) return error;
    }
    const instrument::Collecting whole{.gpu = gpu.get()},
        rates = gpu ? instrument::Collecting{.operators = false, .work = false, .gpu = gpu.get()} : whole;
    const auto timer = instrument::timer_of(s_.device);
    const auto each = [&](const auto& look_at) {  // a cell that fails leaves the others what was seen of them
      for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (!seen[i].error.empty() || !times_.at(name_of(cells_[i])).error.empty()) continue;  // its record says why
        if (const auto error = error_of([&] { look_at(cells_[i], seen[i]); })) seen[i].error = *error;
      }
    };
    const std::int64_t windows = std::min(most_windows, s_.spec.blocks);
    Progress progress("profile", "windows", windows, s_.quiet, 0);
    for (std::int64_t window = 0; window < windows; ++window) {
      each([&](const Cell& cell, Seen& of) {
        const auto runs = std::clamp(static_cast<std::int64_t>(std::ceil(window_seconds / run_seconds(name_of(cell)))),
                                     std::int64_t{2}, most_runs);
        const double without = seconds_without(cell, runs, *timer);
        of.add(timeline::attribute(collected(cell, rates, runs)), runs, without);
      });
      progress.advance(1);
    }
    std::filesystem::remove_all(run_.path() / "trace");
    each([&](const Cell& cell, Seen& of) {
      if (gpu) of.take_work(timeline::attribute(collected(cell, whole, variants_.runs())));
      write_trace(cell, collected(cell, whole, 2), gpu.get());
    });
    return std::nullopt;
  }

  void write_trace(const Cell& cell, const timeline::Timeline& seen, const instrument::GpuSession* gpu) const {
    const bool asked = cells_.size() == 1 || (cells_.size() == 2 && &cell == &cells_.back());
    std::string name = asked ? "trace" : name_of(cell);
    std::ranges::replace(name, ' ', '-');
    const auto folder = run_.path() / "trace";
    create_folders(folder);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    timeline::write_trace(folder / (name + ".json.gz"), seen,
                          {.pid = getpid(),
                           .process = "dydit",
                           .steady_began = std::chrono::nanoseconds(now).count() - instrument::steady_nanoseconds(),
                           .devices = gpu == nullptr ? std::vector<timeline::TraceHeader::Device>() : gpu->devices()});
  }

  double milliseconds() const { return 1e3 / static_cast<double>(variants_.passes()); }  // of a pass

  double product_rate() const { return variants_.product_macs / run_seconds("product ceiling"); }
  double copy_rate() const { return variants_.copied_bytes / run_seconds("copy ceiling"); }

  void fill(Record& record, const Cell& cell, const Seen& seen) const {
    if (!seen.error.empty()) return fail(record, seen.error);
    const auto error = error_of([&] { run_seconds(name_of(cell)); });
    if (error) return fail(record, *error);
    const auto value = [&](const char* metric, double number) {
      record.metrics[metric] = record::measured(metric, number);
    };
    std::vector<double> blocks;
    for (const double seconds : instrument::block_medians(times_.at(name_of(cell))))
      blocks.push_back(milliseconds() * seconds);
    put_blocks(record, "time", blocks);
    const cost::Rho rho = cost::rho(variants_.architecture(), variants_.case_of(cell).activity);
    value("gmacs", 1e-9 * (variants_.case_of(cell).routed ? rho.with_routers : rho.without_routers) *
                       cost::macs_of(variants_.architecture()));
    if (const auto done = variants_.rounding_of(cell)) {
      value("lambda_planned", done->lambda_planned);
      value("lambda_realised", done->lambda_kept);
    }
    value("product_ceiling", 1e-9 * product_rate());
    value("copy_ceiling", 1e-9 * copy_rate());
    if (seen.runs == 0) return;
    blocks.clear();
    for (const double seconds : seen.seconds) blocks.push_back(milliseconds() * seconds);
    put_blocks(record, "collected_time", blocks);
    put_blocks(record, "collected_ratio", seen.ratios);
    value("remainder_time", milliseconds() * seen.sum.remainder / static_cast<double>(seen.runs));
    if (seen.sum.lost + seen.sum.malformed == 0) {
      std::int64_t calls = 0;
      for (const Attributed& row : seen.sum.rows)
        if (!row.gap()) calls += row.calls;
      value("kernel_calls", static_cast<double>(calls) / static_cast<double>(seen.runs * variants_.passes()));
    }
    value("lost_records", static_cast<double>(seen.sum.lost));
    value("malformed_records", static_cast<double>(seen.sum.malformed));
  }

  Record record_of(const Record& cell, const Attributed& row, const Seen& seen) const {
    Record record{.cell = "", .study = "kernel", .axes = cell.axes};
    record.axes.update(Json{{"range", row.range}, {"kernel", row.kernel}});
    record.process = cell.process;
    put_cell(s_, group_, record);
    const auto value = [&](const char* metric, double number) {
      record.metrics[metric] = record::measured(metric, rounded(number));
    };
    const double passes = static_cast<double>(seen.runs * variants_.passes());
    value("kernel_time", 1e3 * row.seconds / passes);
    value("kernel_calls", static_cast<double>(row.calls) / passes);
    if (row.gap()) return record;
    value("kernel_gmacs", 1e-9 * row.macs / passes);
    value("kernel_bytes", 1e-6 * row.bytes / passes);
    value("kernel_bound", 1e3 * std::max(row.macs / product_rate(), row.bytes / copy_rate()) / passes);
    const auto& launch = row.launch;
    if (launch.block[0] == 0) return record;
    value("registers", launch.registers);
    value("shared_memory", 1e-3 * launch.shared_bytes);
    value("grid", static_cast<double>(launch.grid[0]) * launch.grid[1] * launch.grid[2]);
    value("block", static_cast<double>(launch.block[0]) * launch.block[1] * launch.block[2]);
    if (std::isfinite(launch.occupancy)) value("occupancy", launch.occupancy);
    return record;
  }

  const KernelsSetting& s_;
  record::RunDirectory& run_;
  Workload group_;
  std::vector<Cell> cells_;
  SpeedSetting speed_;
  Variants variants_;
  std::map<std::string, instrument::Times> times_;
};

}  // namespace

void kernels(const KernelsSetting& s, record::RunDirectory* run) {
  torch::InferenceMode inference;
  Profiling(s, *run).go();
}

}  // namespace dydit::study
