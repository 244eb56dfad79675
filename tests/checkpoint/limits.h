// SPDX-License-Identifier: Apache-2.0
// Opening a file, and reading what it gives, in a child process with little time and memory.
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
  std::int64_t memory;        ///< bytes of address space beyond the file; not checked under a sanitizer, which
                              ///< takes terabytes
  std::int64_t resident = 0;  ///< bytes of memory, those of the mapped file included; 0: as many as it likes
};

enum class Outcome { opened, refused, failed };

/// Largest resident memory of this process, in bytes.
inline std::int64_t peak_resident() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

/// Opens the file, and reads every byte of its tensors.
inline void open_and_read(const std::filesystem::path& path) {
  const auto opened = checkpoint::open_checkpoint(path);
  volatile unsigned char sink = 0;
  for (const auto& [name, tensor] : opened.tensors)
    for (const std::byte byte : tensor.bytes) sink = static_cast<unsigned char>(byte);
  static_cast<void>(sink);
}

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
    const std::int64_t before = peak_resident();
    try {
      open_and_read(path);
      const bool modest = limits.resident == 0 || peak_resident() - before <= limits.resident;
      outcome = modest ? Outcome::opened : Outcome::failed;
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
