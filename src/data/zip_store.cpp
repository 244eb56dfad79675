// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "store.h"
#include "zip_handle.h"

namespace dydit::data {

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{256} << 20U;  // of one image

// Names made on Windows may have backslashes, others "./" or "../" before them. (Those that are not UTF-8, libzip
// reads in code page 437, as the format says.)
std::string normal_name(std::string name) {
  std::ranges::replace(name, '\\', '/');
  name = std::filesystem::path(name).relative_path().lexically_normal().generic_string();
  while (name.starts_with("../")) name.erase(0, 3);
  return name;
}

class ZipStore final : public Store {
 public:
  explicit ZipStore(const std::filesystem::path& path) : file_(path) { idle_.push_back(open()); }

  std::vector<Entry> list() const override {
    Zip zip = take();
    std::vector<Entry> entries;
    std::set<std::string> names;
    const auto count = static_cast<std::uint64_t>(zip_get_num_entries(zip.get(), 0));
    for (std::uint64_t number = 0; number < count; ++number) {
      zip_stat_t stat;
      if (zip_stat_index(zip.get(), number, 0, &stat) != 0)
        throw InputError("broken zip", file_.path().string(), zip_strerror(zip.get()));
      entries.push_back({normal_name(stat.name), stat.size, stat.crc, number});
      const std::string& name = entries.back().name;
      if (!name.ends_with('/') && !names.insert(name).second)
        throw InputError("the zip holds a file twice", file_.path().string() + ": " + name, "keep one");
    }
    put_back(std::move(zip));
    return entries;
  }

  std::string read(const Entry& entry) const override {
    Zip zip = take();
    std::string bytes;
    const std::string reason = read(zip.get(), entry, bytes);
    put_back(std::move(zip));
    // Without a fault in it the file is what it was: every entry has its checksum.
    if (!reason.empty()) file_.require_unchanged();
    if (!reason.empty()) throw InputError("broken zip entry", entry.name, reason);
    return bytes;
  }

 private:
  // Returns the reason for a failure.
  static std::string read(zip_t* zip, const Entry& entry, std::string& bytes) {
    zip_stat_t stat;
    if (zip_stat_index(zip, entry.number, 0, &stat) != 0) return zip_strerror(zip);
    if (stat.crc != entry.crc) return "its checksum is not the one listed";  // by a handle opened later
    if (entry.size > most_bytes || entry.size / most_expansion > stat.comp_size)
      return fmt::format("claims {} bytes", entry.size);
    const ZipFile file(zip_fopen_index(zip, entry.number, 0));
    if (file == nullptr) return zip_strerror(zip);
    bytes.resize(entry.size);
    const auto count = zip_fread(file.get(), bytes.data(), entry.size);
    char beyond;  // the checksum is compared when the end is met
    const auto rest = count < 0 ? count : zip_fread(file.get(), &beyond, 1);
    if (rest < 0) return zip_file_strerror(file.get());
    if (rest > 0 || static_cast<std::uint64_t>(count) != entry.size) return "its size is not the one listed";
    return "";
  }

  Zip open() const { return open_handle(file_); }

  // A handle serves one thread at a time; there come to be as many as threads have read at once.
  Zip take() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Zip zip = std::move(idle_.back());
        idle_.pop_back();
        return zip;
      }
    }
    return open();
  }

  void put_back(Zip zip) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(zip));
  }

  MappedFile file_;
  mutable std::mutex mutex_;
  mutable std::vector<Zip> idle_;
};

}  // namespace

std::unique_ptr<Store> open_zip(const std::filesystem::path& path) { return std::make_unique<ZipStore>(path); }

}  // namespace dydit::data
