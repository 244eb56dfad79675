// SPDX-License-Identifier: Apache-2.0
// The dydit program as its users start it.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
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

/// A running dydit; killed when the object goes before it was waited for.
class Process {
 public:
  /// Starts in `folder`, the current one where it is empty, with `variables` added to the environment.
  explicit Process(const Arguments& arguments, const std::filesystem::path& folder = {},
                   const std::map<std::string, std::string>& variables = {});
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send(int signal) const;
  Outcome wait();

 private:
  TemporaryFolder captured_;
  pid_t child_ = -1;
};

Outcome run_dydit(const Arguments& arguments, const std::filesystem::path& folder = {});

/// Waits until `path` is there and holds something; false after half a minute.
bool appears(const std::filesystem::path& path);

/// True for one line "dydit: ...".
bool is_one_error(const std::string& text);

}  // namespace dydit::test
