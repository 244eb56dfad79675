// SPDX-License-Identifier: Apache-2.0
#include "data/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/random.h"

namespace dydit::data {

namespace {

using Permutation = std::vector<std::int64_t>;

Permutation permutation_of(std::int64_t size, std::uint64_t seed, std::int64_t epoch) {
  Permutation order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  Random(seed, Purpose::shuffle, 0, static_cast<std::uint64_t>(epoch)).shuffle(std::span(order));
  return order;
}

struct Slot {
  Batch batch;
  std::int64_t missing = 0;  // samples still to be decoded
  std::exception_ptr error;
};

struct Task {
  std::int64_t epoch, offset;  // position = epoch * size + offset
  Slot* slot;
  std::int64_t row;
  std::shared_ptr<const Permutation> order;  // none when not shuffled
};

void drop_broken(Batch& batch, std::int64_t elements) {
  std::int64_t kept = 0;
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    if (batch.indices[row] < 0) continue;
    if (kept != row) std::copy_n(&batch.images[row * elements], elements, &batch.images[kept * elements]);
    batch.labels[kept] = batch.labels[row];
    batch.indices[kept++] = batch.indices[row];
  }
  batch.images.resize(static_cast<std::size_t>(kept * elements));
  batch.labels.resize(static_cast<std::size_t>(kept));
  batch.indices.resize(static_cast<std::size_t>(kept));
}

}  // namespace

// Batch k covers the positions from first + k * (batch + skip) and is decoded into slot k modulo their number.
// Threads take one position at a time, in order, until the ring is full; next() takes the batches out
// in order. So their content depends on no timing.
struct Loader::State {
  State(std::shared_ptr<const Dataset> set, const LoaderOptions& given, std::int64_t last)
      : dataset(std::move(set)), options(given), size(dataset->size()) {
    if (size < 1 || options.threads < 1 || options.batch < 1 || options.skip < 0)
      throw UsageError("a loader needs at least one sample, one thread and a batch of one");
    end = options.shuffle ? std::numeric_limits<std::int64_t>::max() : last < 0 ? size : last;
    if (options.first < 0 || options.first > end || (!options.shuffle && end > size))
      throw UsageError(fmt::format("samples {} to {} of a set of {}", options.first, end, size));
    for (std::int64_t number = 0; number < std::ssize(slots); ++number) prepare(number);
    for (int i = 0; i < options.threads; ++i)
      threads.emplace_back([this](const std::stop_token& stop) { work_off(stop); });
  }

  Slot& slot_of(std::int64_t number) { return slots[static_cast<std::size_t>(number) % slots.size()]; }

  std::int64_t first_of(std::int64_t number) const { return options.first + number * (options.batch + options.skip); }

  // Gives a slot the size of the batch, 0 beyond the end.
  void prepare(std::int64_t number) {
    Slot& slot = slot_of(number);
    slot.missing = std::clamp<std::int64_t>(end - first_of(number), 0, options.batch);
    const auto rows = static_cast<std::size_t>(slot.missing);
    slot.batch.images.resize(rows * static_cast<std::size_t>(elements));
    slot.batch.labels.assign(rows, 0);
    slot.batch.indices.assign(rows, -1);
  }

  // Waits for room in the ring; nothing at the end.
  std::optional<Task> take(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    const auto number = [&] { return taken / options.batch; };
    const auto position = [&] { return first_of(number()) + taken % options.batch; };
    work.wait(lock, stop, [&] { return position() >= end || number() < delivered + std::ssize(slots); });
    if (stop.stop_requested() || position() >= end) return std::nullopt;
    const std::int64_t epoch = position() / size;
    if (options.shuffle && epoch != order_epoch) {
      order = std::make_shared<Permutation>(permutation_of(size, options.seed, epoch));
      order_epoch = epoch;
    }
    Task task{epoch, position() % size, &slot_of(number()), taken % options.batch, order};
    ++taken;
    return task;
  }

  // What a thread throws ends the batch that it works for, in next(), and nothing is waited for any more.
  void work_off(const std::stop_token& stop) {
    for (;;) {
      std::optional<Task> task;
      std::exception_ptr error;
      try {
        task = take(stop);
        if (!task) return;
        fill(*task);
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard lock(mutex);
      Slot& slot = task ? *task->slot : slot_of(taken / options.batch);
      if (error != nullptr) slot.error = error;
      if (task) --slot.missing;
      if (slot.missing == 0 || error != nullptr) ready.notify_one();
      if (!task) return;
    }
  }

  // Shuffled, a broken sample gives its place to the next one of the permutation.
  void fill(const Task& task) {
    if (task.order == nullptr) {
      read(task.offset, task);
      return;
    }
    for (std::int64_t i = 0; i < size; ++i)
      if (read((*task.order)[(task.offset + i) % size], task)) return;
    throw InputError("all samples are broken");
  }

  // False when the sample is broken.
  bool read(std::int64_t sample, const Task& task) {
    const auto stream = static_cast<std::uint64_t>(sample), epoch = static_cast<std::uint64_t>(task.epoch);
    const bool flip = options.flip && Random(options.seed, Purpose::flip, stream, epoch).uniform() < 0.5F;
    Batch& batch = task.slot->batch;
    try {
      dataset->read(sample, flip, {&batch.images[task.row * elements], static_cast<std::size_t>(elements)});
    } catch (const InputError& error) {
      report(sample, error);
      return false;
    }
    batch.labels[task.row] = dataset->label(sample);
    batch.indices[task.row] = sample;
    return true;
  }

  void report(std::int64_t sample, const InputError& error) {
    const std::lock_guard lock(mutex);
    if (!broken.insert(sample).second) return;
    if (options.max_broken_share == 0) throw error;  // none is left out
    const std::string message = fmt::format("{}: left out", error.what());
    if (options.warn)
      options.warn(message);
    else
      fmt::print(stderr, "dydit: {}\n", message);
    if (static_cast<double>(broken.size()) > options.max_broken_share * static_cast<double>(size))
      throw InputError("too many broken samples", fmt::format("{} of {}", broken.size(), size),
                       "repair or remove them");
  }

  bool next(Batch& batch) {
    std::unique_lock lock(mutex);
    do {
      Slot& slot = slot_of(delivered);
      if (slot.batch.labels.empty()) return false;
      ready.wait(lock, [&] { return slot.missing == 0 || slot.error != nullptr; });
      if (slot.error != nullptr) std::rethrow_exception(slot.error);
      std::swap(batch, slot.batch);
      prepare(delivered++ + std::ssize(slots));
      work.notify_all();
      drop_broken(batch, elements);
    } while (batch.size() == 0);
    return true;
  }

  const std::shared_ptr<const Dataset> dataset;
  const LoaderOptions options;
  const std::int64_t size, elements = dataset->shape().elements();

  mutable std::mutex mutex;  // of everything below, but for the rows of a slot, each of one thread
  std::condition_variable_any work;
  std::condition_variable ready;
  std::array<Slot, 4> slots;
  std::int64_t taken = 0, end = 0;  // samples given to threads, and the position at which to stop
  std::int64_t delivered = 0;       // batches
  std::shared_ptr<const Permutation> order;
  std::int64_t order_epoch = -1;
  std::set<std::int64_t> broken;
  std::vector<std::jthread> threads;  // last: they stop before the rest goes
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, const LoaderOptions& options, std::int64_t last)
    : state_(std::make_unique<State>(std::move(dataset), options, last)) {}

Loader::~Loader() = default;

bool Loader::next(Batch& batch) { return state_->next(batch); }

std::int64_t Loader::broken() const {
  const std::lock_guard lock(state_->mutex);
  return static_cast<std::int64_t>(state_->broken.size());
}

}  // namespace dydit::data
