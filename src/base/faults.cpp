// SPDX-License-Identifier: Apache-2.0
#include "base/faults.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <new>
#include <sstream>
#include <string>

#include "base/error.h"

namespace dydit {

/// The file mapped at `address`; empty when there is none.
static std::string mapped_file(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::string skipped, path;
    fields >> std::hex >> begin >> dash >> end >> skipped >> skipped >> skipped >> skipped >> std::ws;
    if (wanted < begin || wanted >= end) continue;
    std::getline(fields, path);
    return path;
  }
  return "";
}

// The signal comes from an instruction that reads the mapping, so it interrupts no allocation and no stream:
// what it calls need not be safe in a handler of signals that come at any time.
static void end_for_lost_page(int signal, siginfo_t* info, void*) {
  static std::atomic_flag met;  // several threads may read the file: one tells, the others wait for the end
  while (met.test_and_set()) ::pause();
  const std::string path = info->si_code == BUS_ADRERR ? mapped_file(info->si_addr) : "";
  if (path.empty()) {  // the default action, on return
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  fmt::print(stderr, "dydit: the file was cut short while it was read, or its disk fails: {}: {}\n", path,
             "give it back as it was, and the same command goes on");
  ::_exit(static_cast<int>(ExitCode::bad_input));
}

void handle_faults() {
  std::signal(SIGXFSZ, SIG_IGN);
  struct sigaction action {};
  action.sa_sigaction = end_for_lost_page;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

std::string one_line(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return "out of memory: use smaller batches";
  return first_line(error.what());
}

}  // namespace dydit
