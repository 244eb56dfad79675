// SPDX-License-Identifier: Apache-2.0
// Signals, each met by a process of its own.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <barrier>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/faults.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "catch.h"
#include "temporary_folder.h"

using namespace dydit;

namespace {

struct End {
  int code = -1, signal = 0;
  std::string err;
};

/// Of a child that does `work`, and exits with 0 should it come to its end.
End end_of(const std::function<void()>& work) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "err";
  const pid_t child = ::fork();
  if (child == 0) {
    if (::dup2(::open(path.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO) < 0) ::_exit(126);
    work();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          .err = read_file(path)};
}

}  // namespace

TEST_CASE("a mapped file that is cut short below several threads ends the process with one line") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "mapped";
  for (int i = 0; i < 20; ++i) {
    write_atomically(path, std::string(1 << 16, 'x'));
    const End end = end_of([&] {
      handle_faults();
      const MappedFile file(path);
      std::filesystem::resize_file(path, 0);
      constexpr int threads = 8;
      std::barrier together(threads);
      std::vector<std::jthread> readers;
      for (int thread = 0; thread < threads; ++thread)
        readers.emplace_back([&, thread] {
          together.arrive_and_wait();
          static_cast<void>(*static_cast<const volatile std::byte*>(&file.bytes()[thread * 4096]));
        });
    });
    CAPTURE(i, end.signal, end.err);
    CHECK(end.code == 3);
    CHECK_THAT(end.err, Catch::Contains("cut short while it was read") && Catch::Contains(path.string()));
    CHECK(std::ranges::count(end.err, '\n') == 1);
  }
}

TEST_CASE("a bus error that no file explains ends the process as ever") {
  CHECK(end_of([] {
          handle_faults();
          std::raise(SIGBUS);
        }).signal == SIGBUS);
}

TEST_CASE("the first Ctrl-C or SIGTERM is a request, the second one of either kind ends the process") {
  for (const int first : {SIGINT, SIGTERM})
    for (const int second : {SIGINT, SIGTERM}) {
      CAPTURE(first, second);
      const End end = end_of([=] {
        handle_interrupts();
        std::raise(first);
        if (!interrupt_requested()) ::_exit(1);
        std::raise(second);
      });
      CHECK(end.code == -1);
      CHECK(end.signal == second);
    }
}
