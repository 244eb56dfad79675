// SPDX-License-Identifier: Apache-2.0
#include "process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include "base/file.h"

namespace dydit::test {

static void redirect(int descriptor, const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ::dup2(file, descriptor) < 0) ::_exit(125);
}

Process::Process(const Arguments& arguments, const std::filesystem::path& folder, const Before& before) {
  std::vector<const char*> argv{"dydit"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  argv.push_back(nullptr);
  const std::string out = captured_.path() / "out", err = captured_.path() / "err";
  child_ = ::fork();
  if (child_ < 0) throw std::runtime_error("fork failed");
  if (child_ > 0) return;
  redirect(STDOUT_FILENO, out);
  redirect(STDERR_FILENO, err);
  if (!folder.empty() && ::chdir(folder.c_str()) != 0) ::_exit(126);
  if (before) before();
  ::execv(DYDIT_PROGRAM, const_cast<char* const*>(argv.data()));
  ::_exit(127);
}

Process::~Process() {
  if (child_ < 0) return;
  send(SIGKILL);
  ::waitpid(child_, nullptr, 0);
}

void Process::send(int signal) const {
  if (child_ < 0) throw std::logic_error("a signal to a process that has ended");  // kill(-1) would reach all there are
  ::kill(child_, signal);
}

Outcome Process::wait() {
  int status = 0;
  if (::waitpid(child_, &status, 0) != child_) throw std::runtime_error("waitpid failed");
  child_ = -1;
  return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          .out = read_file(captured_.path() / "out"),
          .err = read_file(captured_.path() / "err")};
}

Outcome run_dydit(const Arguments& arguments, const std::filesystem::path& folder, const Before& before) {
  return Process(arguments, folder, before).wait();
}

bool appears(const std::filesystem::path& path) {
  for (int i = 0; i < 3000; ++i) {
    std::error_code missing;
    if (std::filesystem::is_directory(path, missing)) return true;
    if (std::filesystem::file_size(path, missing) > 0 && !missing) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

bool is_one_error(const std::string& text) {
  std::string_view error = text;
  while (error.starts_with("dydit: weights of ") || error.starts_with("dydit: process: "))
    error.remove_prefix(std::min(error.find('\n'), error.size() - 1) + 1);
  return error.starts_with("dydit: ") && error.ends_with('\n') && std::ranges::count(error, '\n') == 1;
}

}  // namespace dydit::test
