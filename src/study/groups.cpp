// SPDX-License-Identifier: Apache-2.0
#include "groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/median.h"
#include "base/progress.h"
#include "done_cell.h"
#include "record/manifest.h"
#include "record/metric.h"

namespace dydit::study {

using record::Json;
using record::Record;

void fail(Record& record, const std::string& error) {
  record.metrics.clear();
  record.status = record::Status::failed;
  record.error = error;
}

void put_allocated(Record& record, const instrument::Allocated& allocated) {
  const auto put = [&](const char* metric, double value) { record.metrics[metric] = record::measured(metric, value); };
  put("activation_memory", 1e-6 * static_cast<double>(allocated.peak_bytes));
  put("allocations", static_cast<double>(allocated.allocations));
}

void put_blocks(Record& record, const std::string& metric, const std::vector<double>& blocks) {
  const Median median = median_of(blocks);
  record::Metric measured = record::measured(metric, median.value);
  if (std::isfinite(median.low)) measured.ci95 = {{median.low, median.high}};
  for (const double value : blocks) measured.blocks.push_back({value});
  record.metrics[metric] = measured;
}

namespace {

// Those that have a cell without a record, as rank 0 sees them in the run; told to all.
std::vector<std::size_t> missing_of(const std::vector<Group>& groups, const distributed::ProcessGroup& processes,
                                    record::RunDirectory* run) {
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; run != nullptr && i < groups.size(); ++i) {
    const auto has = [&](const Record& cell) { return run->has_or_takes_back(cell.cell); };
    if (!std::ranges::all_of(groups[i].cells, has)) missing.push_back(i);
  }
  return Json::parse(processes.broadcast(Json(missing).dump())).get<std::vector<std::size_t>>();
}

void write(record::RunDirectory& run, DoneCell done) {
  Record& record = done.record;
  if (run.has_or_takes_back(record.cell)) return;
  if (record.status == record::Status::failed) run.warn(fmt::format("{} failed: {}", record.axes.dump(), record.error));
  if (!record.tensors.empty()) run.write_tensors(record.tensors.front(), done.tensors);
  run.append(std::move(record));
}

// In each round every process measures a group of its own, and rank 0 writes what they found in the order of the ranks.
void rounds(const std::string& label, const std::vector<Group>& groups, bool quiet,
            const distributed::ProcessGroup& processes, record::RunDirectory* run) {
  const std::vector<std::size_t> missing = missing_of(groups, processes, run);
  std::int64_t all = 0, left = 0;
  for (const Group& group : groups) all += group.steps;
  for (const std::size_t i : missing) left += groups[i].steps;
  Progress progress(label, "blocks", all, quiet || !processes.leads(), all - left);
  const auto size = static_cast<std::size_t>(processes.size()), rank = static_cast<std::size_t>(processes.rank());
  const Warn warn = [&](const std::string& message) {
    if (run != nullptr)
      run->warn(message);
    else
      fmt::print(stderr, "dydit: {}\n", message);
  };
  for (std::size_t first = 0; first < missing.size(); first += size) {
    std::vector<DoneCell> done;
    std::int64_t others = 0;  // what the other processes do in this round
    for (std::size_t i = first; i < std::min(first + size, missing.size()); ++i)
      if (i != first + rank) others += groups[missing[i]].steps;
    if (first + rank < missing.size()) {
      const auto after_block = [&] { progress.advance(1); };
      for (DoneCell& cell : groups[missing[first + rank]].measure(warn, after_block)) {
        if (size > 1) cell.record.machine["processes"] = size;
        record::stamp(cell.record);
        if (run != nullptr) {  // what rank 0 found is safe before it waits for others
          write(*run, std::move(cell));
        } else {
          cell.record = record::readable(std::move(cell.record));
          done.push_back(std::move(cell));
        }
      }
    }
    if (size > 1)
      for (const std::string& text : processes.gather(to_bytes(done)))
        for (DoneCell& cell : from_bytes(text)) write(*run, std::move(cell));
    progress.advance(others);
  }
}

}  // namespace

void measure_groups(const std::string& label, const std::vector<Group>& groups, bool quiet,
                    const distributed::ProcessGroup& processes, record::RunDirectory* run) {
  try {
    rounds(label, groups, quiet, processes, run);
  } catch (const Interrupted&) {
    if (run == nullptr) throw;
    run->log("interrupted");
    throw Interrupted("interrupted", "what is done is saved in " + run->path().string(),
                      "give the same command again to go on");
  }
}

}  // namespace dydit::study
