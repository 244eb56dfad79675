// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace dydit {

struct ChildOutput {
  std::filesystem::path out = {};  ///< gets its standard output; empty: this process's
  std::filesystem::path err = {};  ///< the same of its standard error
};

/// Runs a program and waits for its end. Its exit code; 128 and the signal's number where one ended it, 127 where there
/// is no such program. It reads nothing and is in a process group of its own, which gets one SIGINT once the user has
/// asked to stop (interrupt.h) and is ended when they ask again. Where this process is killed the program gets SIGTERM,
/// but not what it has started itself. Throws RunError when it cannot be started.
int run_child(const std::vector<std::string>& arguments, const ChildOutput& output = {});

/// "exit code 3", "signal 9": what run_child gave, in words.
std::string end_of_child(int code);

}  // namespace dydit
