// SPDX-License-Identifier: Apache-2.0
// A run directory: manifest.json, results.jsonl, tensors/, log.txt. The only thing that passes
// from measuring to analysis. A run killed at any point goes on with the first cell that has no record.
#pragma once

#include <filesystem>
#include <memory>

#include "checkpoint/tensor.h"
#include "record/record.h"

namespace dydit::record {

/// Read-only view of a run: what analysis works on.
struct Run {
  std::filesystem::path path;
  Json manifest;
  std::vector<Record> records;  ///< one for each cell: the last line wins; a torn last line is dropped

  checkpoint::Tensors tensors(const std::string& name) const;  ///< tensors/NAME.safetensors
};

/// Throws InputError when `path` holds no run or a record cannot be read.
Run read_run(const std::filesystem::path& path);

/// "/profile/steps: 100 where the run has 50" for every leaf of two JSON values that differs.
std::vector<std::string> differences(const Json& old_value, const Json& new_value);

struct OpenOptions {
  bool force = false;         ///< go on although the identity differs
  bool retry_failed = false;  ///< failed cells count as missing
};

/// A run directory being written; holds a lock on it. `manifest["identity"]` is what must agree when an
/// existing directory is resumed; "schema", "start" and "end" are written by this class.
class RunDirectory {
 public:
  /// Creates `path` with the manifest, or resumes it with the manifest that is there. Throws UsageError
  /// naming the first difference (key path, old and new value) when the identity is another one, when
  /// `path` is a folder of something else, or when the manifest could not be read back; RunError when another
  /// process writes it or it cannot be written.
  /// With `force` the new identity replaces the old one, "forced" lists what differed, and the records are
  /// set aside in earlier/: has_or_takes_back() takes back those that it is asked for, whenever that is.
  RunDirectory(std::filesystem::path path, Json manifest, const OpenOptions& options = {});
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::filesystem::path& path() const;
  const Json& manifest() const;
  /// Replaces one entry of the manifest: what is known only after a while (how long a model was trained). Throws
  /// UsageError where the manifest could not be read back then.
  void describe(const std::string& key, Json value);
  /// Whether the cell has a record; that of an earlier identity is taken back from earlier/ first.
  bool has_or_takes_back(const std::string& cell);
  const std::vector<Record>& records() const;  ///< one for each cell

  /// Tensors of a cell, written (atomically) before its record. `name` is a safe_name.
  void write_tensors(const std::string& name, const checkpoint::Tensors& tensors);
  /// Appends one line with this process and the machine's state (see stamp), and flushes it to the disk; a record
  /// of the same cell is replaced. One that could not be read back becomes a failed one (see readable).
  void append(Record record);
  /// The same for a record that another run measured: as it is.
  void copy(const Record& record);
  /// Adds a line to log.txt, with the time and this process: what happened, for people. Best effort.
  void log(std::string_view message) const;
  /// The same, and on stderr.
  void warn(std::string_view message) const;
  /// Writes the end time into the manifest, unless nothing was added to a finished run.
  void finish();
  bool finished() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `runs/<name>-<n>`: the highest n whose identity agrees (a finished run costs nothing to run again), else
/// the next free n.
std::filesystem::path default_run_path(const std::string& name, const Json& manifest);

}  // namespace dydit::record
