// SPDX-License-Identifier: Apache-2.0
#include "train/train.h"

#include <fmt/format.h>
#include <torch/cuda.h>

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "checkpoint/safetensors.h"
#include "data/loader.h"
#include "diffusion/draws.h"
#include "dit/weights.h"
#include "model/device.h"
#include "model/finite.h"
#include "model/shares.h"
#include "objective.h"
#include "record/metric.h"
#include "start.h"
#include "train/optimiser.h"

namespace dydit::train {

namespace {

using Clock = std::chrono::steady_clock;
using record::Json;
using torch::Tensor;

constexpr const char* training_key = "dydit.training";
constexpr const char* loss_not_finite = "the loss is not finite";

class Trainer {
 public:
  Trainer(const Job& job, record::RunDirectory* run);
  void run();

 private:
  void resume();
  bool load(const std::filesystem::path& path);
  void train_on();
  void save(double seconds);  // seconds of training so far
  double seconds_before() const;
  Inputs inputs(data::Batch& batch) const;
  void step(const Inputs& inputs);
  void record(double images_per_second);
  record::Record record_of(std::int64_t step, const std::map<std::string, double>& values) const;
  [[noreturn]] void fail(const std::string& what, std::int64_t step, const std::map<std::string, double>& values = {});
  Json origin() const;  // what every checkpoint of this training has in common
  Json axes(std::int64_t step) const;
  std::string cell(std::int64_t step) const;

  const Job& job_;
  const TrainOptions& options_;
  const distributed::ProcessGroup& group_;
  record::RunDirectory* run_;  // null but at rank 0
  std::unique_ptr<diffusion::Process> process_;
  dit::DiT dit_, ema_;
  Replicas replicas_;
  std::unique_ptr<Objective> objective_;
  AdamW optimiser_;
  MovingAverage average_;
  HeldOut held_out_;
  std::int64_t step_ = 0;
  Tensor sums_;              // what the objective records, summed over the steps since the last record
  std::int64_t summed_ = 0;  // steps in them
  double seconds_ = 0;       // training time up to the last record, or to the resumption
};

Trainer::Trainer(const Job& job, record::RunDirectory* run)
    : job_(job),
      options_(job.options),
      group_(job.group),
      run_(run),
      process_(diffusion::process_of(job.process, job.configuration.learn_sigma, job.device)),
      dit_(fresh_model(job)),
      ema_(fresh_model(job)),
      replicas_(dit_, group_.share(options_.batch).count, job.device),
      objective_(options_.dynamic ? dynamic_objective(job, *process_) : dense_objective(job, *process_)),
      optimiser_(*dit_, options_.weight_decay, options_.gradient_clip),
      average_(*ema_, *dit_),
      held_out_(job.held_out, options_.held_out_images, job.seed, *process_),
      sums_(torch::zeros({objective_->recorded()}, torch::TensorOptions().dtype(torch::kFloat64).device(job.device))) {
  ema_->eval();
  if (options_.batch < group_.size())
    throw UsageError("fewer images in a batch than processes", fmt::format("{} and {}", options_.batch, group_.size()),
                     "start fewer processes");
}

Json Trainer::origin() const {
  const Json start = job_.start.hash.empty() ? Json() : Json(job_.start.hash);
  return {{"seed", job_.seed}, {"data", job_.images->hash()}, {"start", start}, {"process", to_json(job_.process)}};
}

Json Trainer::axes(std::int64_t step) const {
  Json axes = {{"model", job_.model}, {"step", step}};
  if (const auto& dynamic = options_.dynamic)
    axes.update(
        {{"lambda", dynamic->lambda}, {"decide", dynamic->decide}, {"skip", dynamic->skip}, {"order", dynamic->order}});
  return axes;
}

std::string Trainer::cell(std::int64_t step) const {
  return record::cell_hash("train", axes(step),
                           {job_.images->hash(), job_.held_out->hash(), to_json(options_).dump(),
                            dit::to_json(job_.configuration).dump(), to_json(job_.process).dump(), job_.start.hash},
                           job_.seed);
}

// False for a checkpoint of another seed, start, data or process: --force goes on with other options, but not from
// what this training has not begun with or seen.
bool Trainer::load(const std::filesystem::path& path) {
  const auto file = checkpoint::read_safetensors(path);
  const auto training = file.metadata.find(training_key);
  const Json state = training == file.metadata.end() ? Json() : Json::parse(training->second, nullptr, false);
  const Json ours = origin();
  const Json before_it_was_said{{"process", to_json(diffusion::ProcessSpec())}};
  for (const auto& [key, value] : ours.items())
    if (state.is_object() && state.value(key, before_it_was_said.value(key, Json())) != value) return false;
  checkpoint::Tensors model, ema;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with("model.")) model[name.substr(6)] = tensor;
    if (name.starts_with("ema.")) ema[name.substr(4)] = tensor;
  }
  model::load_parameters(*dit_, model, path.string());
  model::load_parameters(*ema_, ema, path.string());
  optimiser_.load(file.tensors, path.string());
  const auto sums = file.tensors.find("opt.sums");
  const auto has_number = [&](const char* key) {
    return state.is_object() && state.contains(key) && state[key].is_number_integer() && state[key] >= 0;
  };
  if (sums == file.tensors.end() || sums->second.shape != sums_.sizes().vec() || !has_number("steps") ||
      !has_number("summed") || checkpoint_path(run_->path(), job_.model, state["steps"]) != path)
    throw InputError("not a checkpoint of a training", path.string(), "remove it to go on from an earlier one");
  sums_.copy_(model::to_torch(sums->second));
  step_ = state["steps"].get<std::int64_t>();
  summed_ = state["summed"].get<std::int64_t>();
  return true;
}

// The others take over what rank 0 found.
void Trainer::resume() {
  if (run_ != nullptr) {
    bool loaded = false;
    for (auto path = newest_checkpoint(run_->path(), job_.model); path && !(loaded = load(*path));
         path = newest_checkpoint(run_->path(), job_.model)) {
      const auto earlier = run_->path() / "earlier";
      create_folders(earlier);
      std::filesystem::rename(*path, earlier / path->filename());
      run_->log(fmt::format("{} is of another seed, start, data or process: set aside in earlier/",
                            path->filename().string()));
    }
    if (!loaded) {
      begin(job_, *process_, dit_);
      model::load_parameters(*ema_, model::parameters_of(*dit_), job_.start.checkpoint.string());
    }
  }
  const Json state = Json::parse(group_.broadcast(Json{step_, summed_}.dump()));
  step_ = state[0].get<std::int64_t>();
  summed_ = state[1].get<std::int64_t>();
  std::vector<Tensor> tensors = optimiser_.state();
  tensors.push_back(sums_);
  for (const auto* dit : {&dit_, &ema_})
    for (const Tensor& parameter : (*dit)->parameters()) tensors.push_back(parameter);
  group_.broadcast(tensors);
}

void Trainer::save(double seconds) {
  if (!model::not_finite({sums_}).empty()) fail(loss_not_finite, step_);
  const auto parameters = dit_->named_parameters();
  if (const auto found = model::not_finite(parameters.values()); !found.empty())
    fail("a weight is not finite: " + parameters[found.front()].key(), step_);
  if (run_ == nullptr) return;
  checkpoint::Tensors tensors = model::parameters_of(*dit_, "model.");
  tensors.merge(model::parameters_of(*ema_, "ema."));
  optimiser_.save(tensors);
  tensors["opt.sums"] = model::from_torch(sums_);
  create_folders(run_->path() / "checkpoints");
  Json training = {{"steps", step_}, {"summed", summed_}, {"options", to_json(options_)}};
  training.update(origin());
  checkpoint::write_safetensors(checkpoint_path(run_->path(), job_.model, step_), tensors,
                                {{dit::configuration_key, dit::to_json(job_.configuration).dump()},
                                 {diffusion::process_key, to_json(job_.process).dump()},
                                 {training_key, training.dump()}});
  // Beside the checkpoint, whose bytes must not depend on how long it took.
  Json spent = run_->manifest().value("spent", Json::object());
  spent[job_.model] = {{"step", step_}, {"seconds", seconds}};
  run_->describe("spent", spent);
}

// At rank 0. Of the training up to the present step: the records know it, and the last checkpoint of an
// interrupted run.
double Trainer::seconds_before() const {
  double seconds = 0;
  for (const auto& record : run_->records())
    if (record.study == "train" && record.axes.value("model", "") == job_.model &&
        record.axes.value("step", 0) <= step_ && record.metrics.contains("seconds"))
      seconds = std::max(seconds, record.metrics.at("seconds").value);
  const Json spent = run_->manifest().value("spent", Json::object()).value(job_.model, Json::object());
  return spent.value("step", std::int64_t{-1}) == step_ ? std::max(seconds, spent.value("seconds", 0.0)) : seconds;
}

Inputs Trainer::inputs(data::Batch& batch) const {
  const model::OnlyShares only(job_.device);
  const data::Shape shape = job_.images->shape();
  const auto n = batch.size();
  const std::int64_t position = step_ * options_.batch + group_.share(options_.batch).first;
  std::vector<std::int64_t> epochs;
  std::vector<double> t;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::size_t>(i);
    epochs.push_back((position + i) / job_.images->size());
    t.push_back(
        time_of(*process_, job_.seed, options_.timestep_strata, position + i, batch.indices[at], epochs.back()));
    Random random(job_.seed, Purpose::label_dropout, static_cast<std::uint64_t>(batch.indices[at]),
                  static_cast<std::uint64_t>(epochs.back()));
    if (random.uniform() < options_.label_dropout) batch.labels[at] = job_.configuration.num_classes;
  }
  const auto device = job_.device;
  const Tensor x =
      torch::from_blob(batch.images.data(), {n, shape.channels, shape.height, shape.width}, torch::kFloat32);
  const Tensor noise =
      diffusion::normal_rows(job_.seed, Purpose::training_noise, batch.indices, epochs, x.sizes().slice(1));
  // The loader takes its memory back; the way to a GPU makes a copy anyhow.
  Inputs in{.x = device.is_cpu() ? x.clone() : model::to_device(x, device),
            .y = model::to_device(torch::tensor(batch.labels, torch::kInt64), device),
            .t = model::to_device(process_->times(t), device),
            .noise = model::to_device(noise, device),
            .images = batch.indices,
            .draws = epochs};
  in.x_t = model::joined(model::shares_of(n, device), [&](const model::Share& share) {
    return process_->noised(share.of(in.x), share.of(in.noise), share.of(in.t));
  });
  return in;
}

void Trainer::step(const Inputs& in) {
  Tensor means;
  try {
    means = objective_->backward(replicas_, in, step_);
  } catch (const NotFinite& error) {
    fail(error.what(), step_ + 1);
  }
  std::vector<Tensor> summed = optimiser_.gradients();
  summed.push_back(means);
  group_.sum(summed);
  optimiser_.step(learning_rate(options_, step_));
  ++step_;
  average_.update(ema_decay(options_, step_));
  sums_ += means.to(torch::kFloat64);
  ++summed_;
}

record::Record Trainer::record_of(std::int64_t step, const std::map<std::string, double>& values) const {
  record::Record record{.cell = cell(step), .study = "train", .axes = axes(step)};
  record.machine["processes"] = group_.size();
  for (const auto& [name, value] : values) record.metrics[name] = record::measured(name, value);
  return record;
}

void Trainer::record(double images_per_second) {
  auto values = objective_->metrics(sums_, step_ - summed_, step_);
  sums_.zero_();
  summed_ = 0;
  try {
    values.merge(objective_->judge(ema_, held_out_, step_));
  } catch (const NotFinite& error) {
    fail(error.what(), step_, values);
  }
  bool finite = true;
  for (const auto& [name, value] : values) finite = finite && std::isfinite(value);
  values["images_per_second"] = images_per_second;
  values["seconds"] = seconds_;
  if (!finite) fail(loss_not_finite, step_, values);
  if (run_ != nullptr && !run_->has_or_takes_back(cell(step_))) run_->append(record_of(step_, values));
}

// Records that the training failed at a step, and ends it.
void Trainer::fail(const std::string& what, std::int64_t step, const std::map<std::string, double>& values) {
  if (run_ != nullptr && !run_->has_or_takes_back(cell(step))) {
    record::Record record = record_of(step, values);
    record.status = record::Status::failed;
    record.error = what;
    run_->append(record);
  }
  throw RunError(what, fmt::format("{} at step {}", job_.model, step), "lower the learning rate");
}

void Trainer::run() {
  resume();
  if (run_ != nullptr) {
    // The records of the steps behind it are part of this training, also where --force set them aside.
    for (std::int64_t step = options_.record_every; step <= step_; step += options_.record_every)
      run_->has_or_takes_back(cell(step));
    if (step_ >= options_.steps && !run_->has_or_takes_back(cell(step_)))
      throw UsageError("the training was ended otherwise", checkpoint_path(run_->path(), job_.model, step_).string(),
                       "choose another --out, or more steps to go on from it");
    seconds_ = seconds_before();
  }
  if (step_ < options_.steps) train_on();
}

void Trainer::train_on() {
  const auto share = group_.share(options_.batch);
  std::function<void(const std::string&)> warn;  // where there is no run: the loader's own, on stderr
  if (run_ != nullptr) warn = [this](const std::string& message) { run_->warn(message); };
  data::Loader loader(job_.images, {.batch = share.count,
                                    .threads = job_.threads,
                                    .seed = job_.seed,
                                    .shuffle = true,
                                    .flip = options_.flip,
                                    .first = step_ * options_.batch + share.first,
                                    .skip = options_.batch - share.count,
                                    .warn = warn});
  Progress progress("train " + job_.model, "steps", options_.steps, job_.quiet || !group_.leads(), step_);
  data::Batch batch;
  auto begin = Clock::now();
  std::int64_t begin_step = step_;
  while (step_ < options_.steps) {
    if (!loader.next(batch)) throw RunError("the images ended", job_.model);
    step(inputs(batch));
    const bool last = step_ == options_.steps, stop = group_.any(interrupt_requested());
    const bool records = last || step_ % options_.record_every == 0;
    const bool saves = last || stop || step_ % options_.checkpoint_every == 0;
    if ((records || saves) && job_.device.is_cuda()) torch::cuda::synchronize();
    if (records) {
      const double spent = std::chrono::duration<double>(Clock::now() - begin).count();
      seconds_ += spent;
      record(static_cast<double>((step_ - begin_step) * options_.batch) / spent);
      begin = Clock::now();
      begin_step = step_;
    }
    if (saves) {
      const auto pause = Clock::now();
      save(seconds_ + std::chrono::duration<double>(pause - begin).count());
      begin += Clock::now() - pause;
    }
    progress.advance(1);
    if (stop && !last) {
      if (run_ != nullptr) run_->log(fmt::format("interrupted: {} at step {}", job_.model, step_));
      // Nobody says that it is saved before it is.
      const std::string path = group_.broadcast(run_ != nullptr ? run_->path().string() : "");
      throw Interrupted("interrupted",
                        fmt::format("{} at step {} of {}, saved in {}", job_.model, step_, options_.steps, path),
                        "give the same command again to go on");
    }
  }
}

}  // namespace

std::filesystem::path checkpoint_path(const std::filesystem::path& run, const std::string& model, std::int64_t step) {
  return run / "checkpoints" / fmt::format("{}-{:08}.safetensors", record::safe_name(model), step);
}

std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& run, const std::string& model) {
  const auto folder = run / "checkpoints";
  std::optional<std::filesystem::path> newest;
  if (!std::filesystem::is_directory(folder)) return newest;
  const std::string pattern = checkpoint_path("", model, 0).filename().string();
  const std::string_view prefix = std::string_view(pattern).substr(0, pattern.find_last_of('-') + 1);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.size() == pattern.size() && name.starts_with(prefix) && name.ends_with(".safetensors") &&
        (!newest || newest->filename() < entry.path().filename()))
      newest = entry.path();
  }
  return newest;
}

double time_of(const diffusion::Process& process, std::uint64_t seed, std::int64_t strata, std::int64_t position,
               std::int64_t image, std::int64_t epoch) {
  Random random(seed, Purpose::timestep, static_cast<std::uint64_t>(image), static_cast<std::uint64_t>(epoch));
  return process.drawn_time(random, position % strata, strata);
}

void train(const Job& job, record::RunDirectory* run) { Trainer(job, run).run(); }

}  // namespace dydit::train
