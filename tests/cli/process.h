// SPDX-License-Identifier: Apache-2.0
// The dydit program as its users start it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "temporary_folder.h"

namespace dydit::test {

struct Outcome {
  int code = -1;   ///< -1 where a signal ended the process
  int signal = 0;  ///< that ended it
  std::string out, err;
};

using Arguments = std::vector<std::string>;

/// What a child does before it becomes dydit: limits, mounts, variables of the environment.
using Before = std::function<void()>;

/// A running dydit; killed when the object goes before it was waited for.
class Process {
 public:
  /// Starts in `folder`, the current one where it is empty.
  explicit Process(const Arguments& arguments, const std::filesystem::path& folder = {}, const Before& before = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  Outcome wait();

 private:
  TemporaryFolder captured_;
  pid_t child_ = -1;
};

Outcome run_dydit(const Arguments& arguments, const std::filesystem::path& folder = {}, const Before& before = {});

/// Waits until `path` is there, a file with something in it; false after half a minute.
bool appears(const std::filesystem::path& path);

/// True for one line "dydit: ...", which those that say which weights were taken may precede.
bool is_one_error(const std::string& text);

}  // namespace dydit::test
