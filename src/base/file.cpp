// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "base/error.h"

namespace dydit {

namespace {

std::string reason() { return std::strerror(errno); }

Descriptor open_to_read(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe is refused below, not waited for.
  return Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

/// Of a file opened to be read.
struct stat status_of(const Descriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0)
    throw InputError("cannot read file", path.string(), reason());
  if (!S_ISREG(status.st_mode)) throw InputError("not a regular file", path.string());
  return status;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const Descriptor file = open_to_read(path);
  std::string text(static_cast<std::size_t>(status_of(file, path).st_size), '\0');
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::read(file.get(), text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError("cannot read file", path.string(), reason());
    if (count == 0) break;  // it has become shorter
    done += static_cast<std::size_t>(count);
  }
  text.resize(done);
  return text;
}

void create_folders(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw RunError("cannot make the folder", path.string(), error.message());
}

MappedFile::MappedFile(const std::filesystem::path& path)
    : path_(path),
      file_(open_to_read(path)),
      opened_(status_of(file_, path)),
      size_(static_cast<std::size_t>(opened_.st_size)) {
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (address == MAP_FAILED) throw InputError("cannot map file", path.string(), reason());
  data_ = static_cast<const std::byte*>(address);
}

void MappedFile::require_unchanged() const {
  const struct stat now = status_of(file_, path_);
  if (now.st_size == opened_.st_size && now.st_mtim.tv_sec == opened_.st_mtim.tv_sec &&
      now.st_mtim.tv_nsec == opened_.st_mtim.tv_nsec)
    return;
  throw Error(ExitCode::bad_input, "the file was changed while it was read", path_.string(),
              "give it back as it was, and the same command goes on");
}

void MappedFile::forget(std::span<const std::byte> part) const {
  const std::less_equal<> before;  // also of pointers into different arrays
  if (data_ == nullptr || !before(data_, part.data()) || !before(part.data() + part.size(), data_ + size_)) return;
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(part.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

static void write_all(int file, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw RunError("cannot write", path.string(), reason());
    }
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

/// The temporary file for `path`, of this process alone.
static Descriptor open_part(const std::string& part, const std::filesystem::path& path) {
  for (;;) {
    const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) throw RunError("cannot write", path.string(), reason());
    while (::flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
    // Whoever held the lock has renamed or removed the file meanwhile.
    struct stat locked {
    }, named{};
    if (::fstat(file, &locked) == 0 && ::stat(part.c_str(), &named) == 0 && locked.st_dev == named.st_dev &&
        locked.st_ino == named.st_ino)
      return Descriptor(file);
    ::close(file);
  }
}

// What a link leads to; the path itself where it is none. Throws RunError for what is there and no file: the renamed
// file would take the place of a device or a pipe.
static std::filesystem::path file_at(const std::filesystem::path& named) {
  std::error_code error;
  std::filesystem::path path = named;
  for (int links = 0; links < 40 && std::filesystem::is_symlink(path, error); ++links)
    path = path.parent_path() / std::filesystem::read_symlink(path, error);
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
    throw RunError("cannot write", named.string(), "it is no file: name another");
  return path;
}

void write_atomically(const std::filesystem::path& named, const std::function<void(const Append&)>& write) {
  const std::filesystem::path path = file_at(named);
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  const std::string temporary = path.string() + ".part";
  Descriptor file = open_part(temporary, path);
  try {
    if (::ftruncate(file.get(), 0) != 0) throw RunError("cannot write", path.string(), reason());
    write([&](std::span<const std::byte> bytes) { write_all(file.get(), bytes, path); });
    if (::fsync(file.get()) != 0) throw RunError("cannot write", path.string(), reason());
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw RunError("cannot write", path.string(), reason());
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) ::fsync(directory.get());
}

void write_atomically(const std::filesystem::path& path, std::string_view text) {
  write_atomically(path, [&](const Append& append) { append(std::as_bytes(std::span(text))); });
}

}  // namespace dydit
