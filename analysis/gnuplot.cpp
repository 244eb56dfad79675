// SPDX-License-Identifier: Apache-2.0
#include "gnuplot.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/interrupt.h"

namespace dydit::analysis {

namespace {

struct Actions {
  Actions() { ::posix_spawn_file_actions_init(&value); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  posix_spawn_file_actions_t value;
};

/// Everything that can be read until the other end is closed.
std::string read_all(int file) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(file, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

/// The first line that says what is wrong: gnuplot puts the place, as in `"a.gp" line 3: `, before it.
std::string complaint(const std::string& messages) {
  const auto found = messages.find(" line ");
  const auto begin = found == std::string::npos ? 0 : messages.rfind('\n', found) + 1;
  return messages.substr(begin, messages.find('\n', found == std::string::npos ? 0 : found) - begin);
}

}  // namespace

void run_gnuplot(const std::string& program, const std::filesystem::path& script,
                 const std::filesystem::path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RunError("cannot start gnuplot", program, std::strerror(errno));
  Actions actions;
  ::posix_spawn_file_actions_addchdir_np(&actions.value, folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions.value, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.value, ends[1], STDERR_FILENO);
  std::string arguments[] = {program, "--default-settings", std::filesystem::absolute(script).string()};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  std::string settings[] = {"LC_ALL=C.UTF-8", "TZ=UTC"};
  char* environment[] = {settings[0].data(), settings[1].data(), nullptr};

  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program.c_str(), &actions.value, nullptr, argv, environment);
  ::close(ends[1]);
  const std::string messages = error == 0 ? read_all(ends[0]) : "";
  ::close(ends[0]);
  if (error == ENOENT)
    throw RunError("gnuplot is missing", program, "install gnuplot (Debian: gnuplot-nox) to draw figures");
  if (error != 0) throw RunError("cannot start gnuplot", program, std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  stop_if_interrupted("while a figure was drawn",
                      "give the same command again");  // Ctrl-C ends gnuplot as well
  throw RunError("gnuplot failed", script.string(), complaint(messages));
}

}  // namespace dydit::analysis
