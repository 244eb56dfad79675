// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/descriptor.h"
#include "base/error.h"

namespace dydit {

namespace {

std::string reason() {
  return std::strerror(errno);
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  MappedFile file(path);
  auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw InputError("cannot read file", path.string(), reason());
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw InputError("cannot read file", path.string(), reason());
  if (!S_ISREG(status.st_mode)) throw InputError("not a regular file", path.string());
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) throw InputError("cannot map file", path.string(), reason());
  data_ = static_cast<const std::byte*>(address);
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

void write_atomically(const std::filesystem::path& path, const std::function<void(const Append&)>& write) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::string temporary = fmt::format("{}.{}.part", path.string(), ::getpid());
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) throw RunError("cannot write", path.string(), reason());
  try {
    write([&](std::span<const std::byte> bytes) { write_all(file.get(), bytes, path); });
    if (::fsync(file.get()) != 0) throw RunError("cannot write", path.string(), reason());
    if (::close(file.release()) != 0) throw RunError("cannot write", path.string(), reason());
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      throw RunError("cannot write", path.string(), reason());
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
