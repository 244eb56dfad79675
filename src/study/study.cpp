// SPDX-License-Identifier: Apache-2.0
#include "study/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/faults.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "diffusion/draws.h"
#include "done_cell.h"
#include "model/device.h"
#include "model/tensors.h"
#include "record/manifest.h"

namespace dydit::study {

constexpr double max_broken_share = 0.01;

Chunk to_chunk(const data::Subset& subset, const data::Batch& batch, std::int64_t first, std::int64_t count,
               torch::Device device) {
  const data::Shape shape = subset.shape();
  Chunk chunk{.first = first, .count = count, .indices = {}, .images = {}, .labels = {}};
  for (std::int64_t position : batch.indices) chunk.indices.push_back(subset.original(position));
  const auto images = torch::tensor(batch.images, torch::kFloat32);
  chunk.images = model::to_device(images.view({-1, shape.channels, shape.height, shape.width}), device);
  chunk.labels = model::to_device(torch::tensor(batch.labels, torch::kInt64), device);
  return chunk;
}

namespace {

// What is left of a study, as rank 0 sees it in the run.
struct Left {
  std::vector<std::vector<std::size_t>> missing;  // for each chunk the models
  std::int64_t broken = 0;                        // images in the chunks that are done
  std::string path;                               // of the run

  // The first chunk with a missing cell.
  std::int64_t start() const {
    return std::ranges::find_if(missing, [](const auto& models) { return !models.empty(); }) - missing.begin();
  }
};

class Chunks {
 public:
  Chunks(const Setting& setting, std::shared_ptr<const data::Subset> images, std::size_t models,
         record::RunDirectory* run, const RecordOf& cell)
      : setting_(setting), images_(std::move(images)), models_(models), run_(run), cell_(cell) {}

  void go_through(const std::string& label, const Task& work);

 private:
  void look();
  void tell();
  void rounds(const std::string& label, const Task& work);
  void count_broken(std::int64_t here);
  void work_on(const data::Batch& batch, std::int64_t chunk, const Task& work, const Emit& emit) const;
  void write(DoneCell result) const;

  std::int64_t first_of(std::int64_t chunk) const { return chunk * setting_.chunk; }
  std::int64_t count_of(std::int64_t chunk) const {
    return std::min(setting_.chunk, images_->size() - first_of(chunk));
  }
  record::Record record_of(std::size_t model, std::int64_t chunk) const {
    return cell_(model, first_of(chunk), count_of(chunk));
  }

  const Setting& setting_;
  std::shared_ptr<const data::Subset> images_;
  std::size_t models_;
  record::RunDirectory* run_;  // null but at rank 0
  const RecordOf& cell_;
  Left left_;
};

// Broken images count over the whole study, also where a part of it was done before.
void Chunks::look() {
  left_.path = run_->path().string();
  for (std::int64_t chunk = 0; first_of(chunk) < images_->size(); ++chunk) {
    left_.missing.emplace_back();
    for (std::size_t m = 0; m < models_; ++m)
      if (!run_->has_or_takes_back(record_of(m, chunk).cell)) left_.missing.back().push_back(m);
  }
  for (const record::Record& record : run_->records())
    if (record.cell ==
            cell_(0, record.axes.value("first", std::int64_t{0}), record.axes.value("count", std::int64_t{0})).cell &&
        record.metrics.contains("broken_images"))
      left_.broken += static_cast<std::int64_t>(record.metrics.at("broken_images").value);
}

// From rank 0 to all.
void Chunks::tell() {
  const record::Json told =
      record::Json::parse(setting_.group.broadcast(record::Json{left_.missing, left_.broken, left_.path}.dump()));
  told.at(0).get_to(left_.missing);
  told.at(1).get_to(left_.broken);
  told.at(2).get_to(left_.path);
}

void Chunks::count_broken(std::int64_t here) {
  const torch::Tensor all = torch::tensor({here}, torch::kInt64);
  setting_.group.sum({all});
  left_.broken += all.item<std::int64_t>();
  const auto total = images_->size();
  if (static_cast<double>(left_.broken) > max_broken_share * static_cast<double>(total))
    throw InputError("too many broken images", fmt::format("{} of {}", left_.broken, total), "repair or remove them");
}

void Chunks::work_on(const data::Batch& batch, std::int64_t chunk, const Task& work, const Emit& emit) const {
  const auto& missing = left_.missing[static_cast<std::size_t>(chunk)];
  std::set<std::string> done;
  const Emit note = [&](DoneCell result) {
    done.insert(result.record.cell);
    emit(std::move(result));
  };
  // Where one of several models fails, each goes on alone: its cell must not be lost to another's fault.
  std::deque<std::vector<std::size_t>> groups{missing};
  for (; !groups.empty(); groups.pop_front()) {
    std::vector<std::size_t>& group = groups.front();
    std::erase_if(group, [&](std::size_t m) { return done.contains(record_of(m, chunk).cell); });
    if (group.empty()) continue;
    try {
      work(to_chunk(*images_, batch, first_of(chunk), count_of(chunk), setting_.device), group, note);
    } catch (const std::exception& error) {
      // Our own errors end the study (a disk is full, a user interrupts), but for a model's own fault.
      const bool ours = dynamic_cast<const Error*>(&error) != nullptr;
      if (ours && dynamic_cast<const NotFinite*>(&error) == nullptr) throw;
      if (group.size() > 1) {
        for (std::size_t m : group) groups.push_back({m});
        continue;
      }
      record::Record record = record_of(group.front(), chunk);
      record.status = record::Status::failed;
      record.error = one_line(error);
      emit({.record = record});
    }
  }
}

void Chunks::write(DoneCell result) const {
  if (!result.record.tensors.empty()) run_->write_tensors(result.record.tensors.front(), result.tensors);
  run_->append(std::move(result.record));
}

// In each round every process works on a chunk of its own, and rank 0 writes what they found in the order of
// the ranks, which is that of the chunks. A chunk whose images are all broken is passed over, so a process
// can be done before another.
void Chunks::rounds(const std::string& label, const Task& work) {
  const auto& group = setting_.group;
  const std::int64_t total = images_->size(), start = left_.start();
  if (first_of(start) >= total) return;
  std::function<void(const std::string&)> warn;  // where there is no run: the loader's own, on stderr
  if (run_ != nullptr) warn = [this](const std::string& message) { run_->warn(message); };
  data::Loader loader(images_, {.batch = setting_.chunk,
                                .threads = setting_.threads,
                                .first = std::min(first_of(start + group.rank()), total),
                                .skip = (group.size() - 1) * setting_.chunk,
                                .warn = warn});
  Progress progress(label, "images", total, setting_.quiet || !group.leads(), first_of(start));
  std::vector<DoneCell> results;
  const Emit emit = [&](DoneCell result) {
    result.record.machine["processes"] = group.size();
    record::stamp(result.record);
    result.record = record::readable(std::move(result.record));  // rank 0 reads it before it writes it
    if (run_ != nullptr)                                         // what rank 0 found is safe before it waits for others
      write(std::move(result));
    else
      results.push_back(std::move(result));
  };
  data::Batch batch;
  std::int64_t done = first_of(start);
  for (bool here = loader.next(batch); group.any(here); here = here && loader.next(batch)) {
    stop_if_interrupted();
    const std::int64_t chunk = here ? batch.indices.front() / setting_.chunk : 0;
    const auto& missing = left_.missing[static_cast<std::size_t>(chunk)];
    const bool counts = here && !missing.empty() && missing.front() == 0;
    count_broken(counts ? count_of(chunk) - batch.size() : 0);
    if (here) work_on(batch, chunk, work, emit);
    if (group.size() > 1)
      for (const std::string& text : group.gather(to_bytes(std::exchange(results, {}))))
        for (DoneCell& result : from_bytes(text)) write(std::move(result));
    if (!here) continue;
    const std::int64_t reached = std::min(first_of(chunk + group.size()), total);
    progress.advance(reached - done);
    done = reached;
  }
}

void Chunks::go_through(const std::string& label, const Task& work) {
  if (run_ != nullptr) look();
  tell();
  try {
    rounds(label, work);
  } catch (const Interrupted&) {
    if (run_ != nullptr) run_->log("interrupted");
    throw Interrupted("interrupted", "what is done is saved in " + left_.path, "give the same command again to go on");
  }
}

}  // namespace

void for_each_chunk(const std::string& label, const Setting& setting, std::shared_ptr<const data::Subset> images,
                    std::size_t models, record::RunDirectory* run, const RecordOf& cell, const Task& work) {
  Chunks(setting, std::move(images), models, run, cell).go_through(label, work);
}

Noised noised(const Setting& setting, const Chunk& chunk, const diffusion::Process& process, double t,
              std::int64_t draw) {
  const std::vector<std::int64_t> draws(chunk.indices.size(), process.draw_of(t, draw));
  const torch::Tensor noise =
      diffusion::normal_rows(setting.seed, Purpose::noise, chunk.indices, draws, chunk.images.sizes().slice(1));
  Noised at{.t = process.times({t}).to(setting.device).expand({chunk.images.size(0)}).contiguous(),
            .noise = model::to_device(noise, setting.device)};
  at.x_t = process.noised(chunk.images, at.noise, at.t);
  return at;
}

}  // namespace dydit::study
