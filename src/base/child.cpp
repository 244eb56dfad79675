// SPDX-License-Identifier: Apache-2.0
#include "base/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/interrupt.h"

namespace dydit {

namespace {

// In the child, where only what is safe between fork and exec may be called.
void redirect(int descriptor, const char* path, int flags) {
  const int file = ::open(path, flags, 0644);
  if (file < 0 || ::dup2(file, descriptor) < 0) ::_exit(126);
}

// Sleeps longer and longer: a measuring child is not to be disturbed, a short one not to be waited for.
int wait_for(pid_t child) {
  bool told = false;
  for (auto pause = std::chrono::milliseconds(1);; pause = std::min(2 * pause, std::chrono::milliseconds(64))) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR) throw RunError("cannot wait for a process", "", std::strerror(errno));
    if (interrupt_requested() && !told) {
      told = true;
      ::kill(-child, SIGINT);
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

int run_child(const std::vector<std::string>& arguments, const ChildOutput& output) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // A signal between fork and exec would be lost in this process's handler.
  sigset_t stops, before;
  sigemptyset(&stops);
  for (const int signal : {SIGINT, SIGTERM}) sigaddset(&stops, signal);
  ::sigprocmask(SIG_BLOCK, &stops, &before);
  const pid_t child = ::fork();
  if (child == 0)
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) throw RunError("cannot start a process", arguments.front(), std::strerror(errno));
  if (child > 0) {
    ::setpgid(child, child);  // here too: whoever comes first
    const ChildGroup ends_with_us(child);
    return wait_for(child);
  }
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
  if (!output.out.empty()) redirect(STDOUT_FILENO, output.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  if (output.err == output.out && !output.out.empty())
    ::dup2(STDOUT_FILENO, STDERR_FILENO);
  else if (!output.err.empty())
    redirect(STDERR_FILENO, output.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  ::execvp(argv.front(), argv.data());
  ::_exit(127);
}

std::string end_of_child(int code) {
  return code > 128 ? "signal " + std::to_string(code - 128) : "exit code " + std::to_string(code);
}

}  // namespace dydit
