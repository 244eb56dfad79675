// SPDX-License-Identifier: Apache-2.0
#include "record/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "record/manifest.h"
#include "run.h"

namespace fs = std::filesystem;

namespace dydit::record {

/// The text of manifest.json. Throws UsageError where read_manifest would not take it.
static std::string text_of(const fs::path& run, const Json& manifest) {
  std::string text = manifest.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (!parse_json<Json>(text))
    throw UsageError("the manifest could not be read back", run.string(),
                     fmt::format("{}: name fewer models, or give shorter options", json_limits));
  return text;
}

static void save(const fs::path& run, const Json& manifest) {
  write_atomically(run / "manifest.json", text_of(run, manifest));
}

static void log_to(const fs::path& run, std::string_view message) {
  std::ofstream(run / "log.txt", std::ios::app) << process_id() << " " << utc_now() << " " << message << "\n";
}

// For people; in the first moment the lock is held by somebody who has not said so yet.
static std::string holder_of(const fs::path& run) {
  const std::string holder = read_file(run / "lock");
  return holder.empty() ? "another process" : "process " + holder;
}

/// The lock of a run directory; the system gives it back when the process ends, however it ends. Throws RunError when
/// somebody else holds it or the file cannot be made.
static Descriptor locked(const fs::path& run) {
  Descriptor file(::open((run / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (file.get() < 0) throw RunError("cannot write", (run / "lock").string(), std::strerror(errno));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) == 0) {
    // Who holds it, for the message below; on a full disk it goes without.
    const std::string holder = process_id();
    if (::ftruncate(file.get(), 0) == 0) static_cast<void>(!::write(file.get(), holder.data(), holder.size()));
    return Descriptor(file.release());
  }
  if (errno == EWOULDBLOCK)
    throw RunError(fmt::format("{} is writing this run", holder_of(run)), run.string(),
                   "wait for it or choose another --out");
  throw RunError("cannot lock", (run / "lock").string(), std::strerror(errno));
}

static fs::path earlier_results(const fs::path& run) { return run / "earlier" / "results.jsonl"; }

/// Moves what an earlier identity recorded to earlier/, beside what is there. Returns how many records.
static std::size_t set_aside(const fs::path& run) {
  const std::vector<Record> records = read_results(run / "results.jsonl").records();
  if (records.empty()) return 0;
  Results earlier = read_results(earlier_results(run));
  for (const Record& record : records) earlier.add(record);
  std::string lines;
  for (const Record& record : earlier.records()) lines += to_line(readable(record));
  create_folders(run / "earlier");
  write_atomically(earlier_results(run), lines);
  fs::remove(run / "results.jsonl");
  return records.size();
}

static std::vector<std::string> other_identity(const Json& manifest, const Json& wanted) {
  return differences(manifest.value("identity", Json()), wanted.value("identity", Json()));
}

/// The manifest of the run that is there, or a new one.
static Json open_manifest(const fs::path& run, const Json& wanted, bool force) {
  if (!fs::exists(run / "manifest.json")) {
    Json manifest = {{"schema", schema_version}, {"start", utc_now()}, {"end", nullptr}};
    manifest.update(wanted);
    save(run, manifest);
    return manifest;
  }
  Json manifest = read_manifest(run);
  const auto different = other_identity(manifest, wanted);
  if (different.empty()) return manifest;
  if (!force)
    throw UsageError("the run was started otherwise (" + different.front() + ")", run.string(),
                     "choose another --out or go on with --force");
  manifest["identity"] = wanted.value("identity", Json());
  manifest["end"] = nullptr;
  for (const std::string& difference : different) manifest["forced"].push_back(difference);
  text_of(run, manifest);  // refused before anything is moved
  // Before the manifest: killed between them, either command takes back what is its own.
  const std::size_t records = set_aside(run);
  save(run, manifest);
  log_to(run, fmt::format("forced ({}): {} records set aside in earlier/, to be taken back where they are asked for",
                          fmt::join(different, "; "), records));
  return manifest;
}

/// Makes the folder; one that is there must hold a run, or nothing but what a run killed at its very
/// beginning leaves, or what another process that begins it at the same moment has made of it.
static void prepare(const fs::path& path) {
  create_folders(path);
  if (fs::exists(path / "manifest.json")) return;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name != "lock" && !name.starts_with("manifest.json") && !fs::exists(path / "manifest.json"))
      throw UsageError("the folder holds something else than a run", path.string(), "choose another --out");
  }
}

/// Removes the tensors and checkpoints that a killed process was writing (see write_atomically).
static void remove_torn(const fs::path& run) {
  std::vector<fs::path> torn;
  for (const char* folder : {"tensors", "checkpoints", "earlier"})
    if (fs::is_directory(run / folder))
      for (const auto& entry : fs::directory_iterator(run / folder))
        if (entry.path().extension() == ".part") torn.push_back(entry.path());
  for (const fs::path& path : torn) fs::remove(path);
}

struct RunDirectory::State {
  State(fs::path run, const Json& wanted, const OpenOptions& given)
      : path(std::move(run)),
        options(given),
        lock(locked(path)),
        manifest(open_manifest(path, wanted, options.force)),
        earlier(read_results(earlier_results(path))),
        results(read_results(path / "results.jsonl")),
        file(::open((path / "results.jsonl").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    check(file.get() >= 0);
    check(::ftruncate(file.get(), static_cast<off_t>(results.whole_bytes)) == 0);
    if (!results.ends_with_newline) write("\n");
    remove_torn(path);
  }

  void check(bool fine) const {
    if (!fine) throw RunError("cannot write", (path / "results.jsonl").string(), std::strerror(errno));
  }

  /// One write, so that a line is never mixed with another; what a full disk cuts short is taken back.
  void write(const std::string& line) {
    errno = ENOSPC;  // a short write sets none
    const bool whole = ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size());
    if (!whole || ::fsync(file.get()) != 0) {
      const int reason = errno;
      check(::ftruncate(file.get(), static_cast<off_t>(results.whole_bytes)) == 0);
      errno = reason;
      check(false);
    }
    results.whole_bytes += line.size();
  }

  /// What was written: see readable.
  Record add(Record record) {
    record = readable(std::move(record));
    if (finished()) {
      manifest["end"] = nullptr;
      save(path, manifest);
    }
    write(to_line(record));
    results.add(record);
    return record;
  }

  bool finished() const { return !manifest.value("end", Json()).is_null(); }

  /// A failed record counts as none when failed cells are to run again.
  const Record* find(const Results& among, const std::string& cell) const {
    const Record* record = among.find(cell);
    return record != nullptr && options.retry_failed && record->status == Status::failed ? nullptr : record;
  }

  fs::path path;
  OpenOptions options;
  Descriptor lock;
  Json manifest;
  Results earlier;  // of identities before a forced one
  Results results;
  Descriptor file;  // results.jsonl
};

RunDirectory::RunDirectory(fs::path path, Json manifest, const OpenOptions& options) {
  text_of(path, manifest);  // refused before anything is made
  prepare(path);
  const bool there = fs::exists(path / "manifest.json");
  state_ = std::make_unique<State>(std::move(path), manifest, options);
  const std::string what = finished() ? "opened, finished, by " : there ? "resumed by " : "started by ";
  log(what + manifest.value("argv", Json::array()).dump());
}

RunDirectory::~RunDirectory() = default;

const fs::path& RunDirectory::path() const { return state_->path; }
const Json& RunDirectory::manifest() const { return state_->manifest; }
const std::vector<Record>& RunDirectory::records() const { return state_->results.records(); }
bool RunDirectory::finished() const { return state_->finished(); }

void RunDirectory::describe(const std::string& key, Json value) {
  Json manifest = state_->manifest;
  manifest[key] = std::move(value);
  save(state_->path, manifest);
  state_->manifest = std::move(manifest);
}

bool RunDirectory::has_or_takes_back(const std::string& cell) {
  if (state_->find(state_->results, cell) != nullptr) return true;
  const Record* earlier = state_->find(state_->earlier, cell);
  if (earlier != nullptr) state_->add(*earlier);
  return earlier != nullptr;
}

void RunDirectory::write_tensors(const std::string& name, const checkpoint::Tensors& tensors) {
  const fs::path path = tensor_file(state_->path, name);
  create_folders(path.parent_path());
  checkpoint::write_safetensors(path, tensors);
}

void RunDirectory::append(Record record) {
  stamp(record);
  record = state_->add(std::move(record));
  if (record.status == Status::failed) log("failed: " + record.axes.dump() + ": " + record.error);
}

void RunDirectory::log(std::string_view message) const { log_to(state_->path, message); }

void RunDirectory::warn(std::string_view message) const {
  fmt::print(stderr, "dydit: {}\n", message);
  log(message);
}

void RunDirectory::copy(const Record& record) { state_->add(record); }

void RunDirectory::finish() {
  if (finished()) return;
  describe("end", utc_now());
  log("finished");
}

/// The n of "<name>-<n>", or nothing.
static std::optional<int> number_of(const std::string& file, const std::string& name) {
  if (file.rfind(name + "-", 0) != 0) return std::nullopt;
  int number = 0;
  const char* end = file.data() + file.size();
  const auto [stop, error] = std::from_chars(file.data() + name.size() + 1, end, number);
  return error == std::errc() && stop == end && number > 0 ? std::optional(number) : std::nullopt;
}

static bool can_resume(const fs::path& path, const Json& manifest) {
  try {
    return other_identity(read_manifest(path), manifest).empty();
  } catch (const InputError&) {
    return false;
  } catch (const fs::filesystem_error&) {  // a folder that cannot be looked into
    return false;
  }
}

fs::path default_run_path(const std::string& name, const Json& manifest) {
  const std::string stem = safe_name(name);
  int last = 0, same = 0;
  const fs::path runs = "runs";
  if (fs::is_directory(runs))
    for (const auto& entry : fs::directory_iterator(runs))
      if (const auto number = number_of(entry.path().filename().string(), stem)) {
        last = std::max(last, *number);
        if (*number > same && can_resume(entry.path(), manifest)) same = *number;
      }
  return runs / (stem + "-" + std::to_string(same > 0 ? same : last + 1));
}

}  // namespace dydit::record
