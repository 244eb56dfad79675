// SPDX-License-Identifier: Apache-2.0
// Opening a file in a child process with little time and memory.
#pragma once

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/error.h"
#include "checkpoint/checkpoint.h"

namespace dydit::test {

struct Limits {
  unsigned seconds;
  std::int64_t memory;  ///< bytes of address space beyond the file; not checked under a sanitizer, which
                        ///< takes terabytes
};

enum class Outcome { opened, refused, failed };

inline Outcome outcome_within(const std::filesystem::path& path, Limits limits) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(limits.seconds);
#ifndef __SANITIZE_ADDRESS__
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const auto now = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const rlim_t bytes = now + std::filesystem::file_size(path) + static_cast<rlim_t>(limits.memory);
    const rlimit limit{bytes, bytes};
    if (::setrlimit(RLIMIT_AS, &limit) != 0) ::_exit(static_cast<int>(Outcome::failed));
#endif
    Outcome outcome = Outcome::failed;
    try {
      checkpoint::open_checkpoint(path);
      outcome = Outcome::opened;
    } catch (const InputError&) {
      outcome = Outcome::refused;
    } catch (...) {
    }
    ::_exit(static_cast<int>(outcome));
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return Outcome::failed;
  return static_cast<Outcome>(WEXITSTATUS(status));
}

}  // namespace dydit::test
