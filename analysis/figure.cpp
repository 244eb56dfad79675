// SPDX-License-Identifier: Apache-2.0
#include "analysis/figure.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "svg.h"

namespace fs = std::filesystem;

namespace dydit::analysis {

// Text is never "enhanced": names of models may hold underscores and braces. The scales make 14 the same size
// in all three: 14 pixels of 96 to the inch.
static constexpr const char* script_form =
    R"(# Draws {name}.svg, {name}.pdf and {name}.png from {name}.csv: gnuplot {name}.gp
set encoding utf8
set datafile separator comma
data = '{name}.csv'
{settings}
do for [format in 'svg pdf png'] {{
if (format eq 'svg') {{ set terminal svg size {width},{height} dynamic noenhanced font 'Helvetica,14' }}
if (format eq 'pdf') {{ set terminal pdfcairo size {inches_wide},{inches_high} noenhanced font 'Helvetica,14' fontscale 0.5625 }}
if (format eq 'png') {{ set terminal pngcairo size {twice_wide},{twice_high} noenhanced font 'Helvetica,14' fontscale 1.5 linewidth 2 pointscale 2 }}
set output '{name}.'.format
{plot}
unset output
}}
)";

// What stands at the end of a picture that is whole: gnuplot does not mind a full disk.
static constexpr std::array<std::pair<const char*, const char*>, 3> pictures{
    {{".svg", "</svg>"}, {".pdf", "%%EOF"}, {".png", "IEND"}}};

/// Opens and locks the folder `path`, made empty. What a killed process left goes: its gnuplot, which draws
/// on for a moment, can make no file in a folder that was removed.
static Descriptor open_empty(const fs::path& path) {
  for (;;) {
    create_folders(path);
    const int folder = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 && errno != ENOENT) throw RunError("cannot open the folder", path.string(), std::strerror(errno));
    while (::flock(folder, LOCK_EX) != 0 && errno == EINTR) {
    }
    // Whoever held the lock has removed the folder meanwhile.
    struct stat locked {
    }, named{};
    std::error_code error;
    if (::fstat(folder, &locked) == 0 && ::stat(path.c_str(), &named) == 0 && locked.st_ino == named.st_ino) {
      if (fs::is_empty(path, error)) return Descriptor(folder);
      fs::remove_all(path, error);
    }
    ::close(folder);
    if (error && error != std::errc::directory_not_empty)  // then a file was made meanwhile
      throw RunError("cannot remove", path.string(), error.message());
  }
}

/// A folder in which one process alone draws; it goes with the object.
class Drawing {
 public:
  explicit Drawing(const fs::path& path) : path_(path), lock_(open_empty(path)) {}
  ~Drawing() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Drawing(const Drawing&) = delete;
  Drawing& operator=(const Drawing&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  Descriptor lock_;
};

/// Sets the creation date in a PDF made with time zone UTC, where cairo writes "(D:20260131120000Z)".
static void date_pdf(std::string& pdf, const std::string& date, const fs::path& path) {
  std::string digits;
  for (const char c : date)
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  digits.resize(14, '0');
  const std::string before = "/CreationDate (D:";
  const auto found = pdf.find(before);
  if (found == std::string::npos || pdf.compare(found + before.size() + digits.size(), 2, "Z)") != 0)
    throw RunError("a PDF without the creation date that cairo writes", path.string());
  pdf.replace(found + before.size(), digits.size(), digits);
}

struct Actions {
  Actions() { ::posix_spawn_file_actions_init(&value); }
  ~Actions() { ::posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  posix_spawn_file_actions_t value;
};

/// Everything that can be read until the other end is closed.
static std::string read_all(int file) {
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
static std::string complaint(const std::string& messages) {
  const auto found = messages.find(" line ");
  const auto begin = found == std::string::npos ? 0 : messages.rfind('\n', found) + 1;
  return messages.substr(begin, messages.find('\n', found == std::string::npos ? 0 : found) - begin);
}

/// Runs `program` on `script` in `folder`, with an environment of its own so that the user's settings,
/// language and time zone change nothing. Throws RunError with its first complaint when it fails.
static void run_gnuplot(const std::string& program, const fs::path& script, const fs::path& folder) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw RunError("cannot start gnuplot", program, std::strerror(errno));
  const Descriptor from_gnuplot(ends[0]);
  Actions actions;
  ::posix_spawn_file_actions_addchdir_np(&actions.value, folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions.value, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.value, ends[1], STDERR_FILENO);
  std::string arguments[] = {program, "--default-settings", fs::absolute(script).string()};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  std::string settings[] = {"LC_ALL=C.UTF-8", "TZ=UTC"};
  char* environment[] = {settings[0].data(), settings[1].data(), nullptr};

  pid_t child = 0;
  const int error = ::posix_spawnp(&child, program.c_str(), &actions.value, nullptr, argv, environment);
  ::close(ends[1]);
  const std::string messages = error == 0 ? read_all(from_gnuplot.get()) : "";
  if (error == ENOENT)
    throw RunError("gnuplot is missing", program, "install gnuplot (Debian: gnuplot-nox) to draw figures");
  if (error != 0) throw RunError("cannot start gnuplot", program, std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  stop_if_interrupted("while a figure was drawn", "give the same command again");  // Ctrl-C ends gnuplot as well
  throw RunError("gnuplot failed", script.string(), complaint(messages));
}

void draw(const Figure& figure, const fs::path& folder, const std::string& date, const std::string& gnuplot) {
  create_folders(folder);
  const auto file = [&](const char* extension) { return folder / (figure.name + extension); };
  write_atomically(file(".csv"), figure.csv);
  write_atomically(
      file(".gp"),
      fmt::format(script_form, fmt::arg("name", figure.name), fmt::arg("settings", figure.settings),
                  fmt::arg("plot", figure.plot), fmt::arg("width", figure.width), fmt::arg("height", figure.height),
                  fmt::arg("inches_wide", figure.width / 96.0), fmt::arg("inches_high", figure.height / 96.0),
                  fmt::arg("twice_wide", 2 * figure.width), fmt::arg("twice_high", 2 * figure.height)));
  const Drawing drawn(file(".part"));
  fs::copy_file(file(".csv"), drawn.path() / (figure.name + ".csv"));
  run_gnuplot(gnuplot, file(".gp"), drawn.path());
  for (const auto& [extension, end] : pictures) {
    std::string picture = read_file(drawn.path() / (figure.name + extension));
    if (picture.rfind(end) == std::string::npos || picture.size() - picture.rfind(end) > 16)
      throw RunError("gnuplot left a picture unfinished", file(extension).string(),
                     "is " + drawn.path().parent_path().string() + " full?");
    if (extension == std::string_view(".pdf")) date_pdf(picture, date, file(extension));
    if (extension == std::string_view(".svg")) picture = compact_svg(std::move(picture));
    write_atomically(file(extension), picture);
  }
}

}  // namespace dydit::analysis
