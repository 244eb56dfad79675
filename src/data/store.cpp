// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>

#include "base/error.h"
#include "base/file.h"

namespace dydit::data {

namespace {

constexpr std::array<std::string_view, 6> read_endings{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"};
constexpr std::array<std::string_view, 21> other_endings{".apng", ".avif", ".bmp", ".dds", ".exr", ".gif", ".heic",
                                                         ".heif", ".ico",  ".j2k", ".jp2", ".jxl", ".pbm", ".pgm",
                                                         ".pnm",  ".ppm",  ".psd", ".svg", ".tga", ".tif", ".tiff"};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string after_last_dot(std::string_view name) {
  return lower_case(name.substr(std::min(name.rfind('.'), name.size())));
}

// What looks like no ending could be anything, a line break included.
std::string ending_of(std::string_view name) {
  constexpr std::size_t longest = 12;
  const std::string ending = after_last_dot(name.substr(name.rfind('/') + 1));
  const bool plain = ending.size() >= 2 && ending.size() <= longest &&
                     std::all_of(ending.begin() + 1, ending.end(), [](unsigned char c) { return std::isalnum(c); });
  return plain ? ending : "without an ending";
}

}  // namespace

bool is_hidden(std::string_view name) {
  const std::string file = lower_case(name.substr(name.rfind('/') + 1));
  return name.starts_with('.') || name.find("/.") != name.npos || name.starts_with("__MACOSX/") ||
         name.find("/__MACOSX/") != name.npos || file == "thumbs.db" || file == "desktop.ini";
}

bool is_read_image(std::string_view name) {
  return std::ranges::find(read_endings, after_last_dot(name)) != read_endings.end();
}

bool is_image(std::string_view name) {
  return is_read_image(name) || std::ranges::find(other_endings, after_last_dot(name)) != other_endings.end();
}

std::string left_out_line(const std::vector<std::string>& names) {
  constexpr std::size_t most_kinds = 8;
  std::map<std::string, std::int64_t> by_ending;
  for (const std::string& name : names) ++by_ending[ending_of(name)];
  std::vector<std::pair<std::string, std::int64_t>> kinds(by_ending.begin(), by_ending.end());
  std::ranges::stable_sort(kinds, std::greater{}, [](const auto& kind) { return kind.second; });
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < std::min(kinds.size(), most_kinds); ++i)
    parts.push_back(fmt::format("{} {}", kinds[i].second, kinds[i].first));
  if (kinds.size() > most_kinds) parts.push_back(fmt::format("{} more kinds", kinds.size() - most_kinds));
  return fmt::format("{} left out: {}",
                     names.size() == 1 ? "1 file of a kind that is not read was"
                                       : fmt::format("{} files of kinds that are not read were", names.size()),
                     fmt::join(parts, ", "));
}

namespace {

namespace fs = std::filesystem;

class FolderStore final : public Store {
 public:
  explicit FolderStore(fs::path root) : root_(std::move(root)) {}

  std::vector<Entry> list() const override {
    std::vector<Entry> entries;
    fs::recursive_directory_iterator next(root_, fs::directory_options::follow_directory_symlink);
    for (; next != fs::recursive_directory_iterator(); ++next) {
      std::error_code error;
      const std::string name = next->path().lexically_relative(root_).generic_string();
      if (next->is_directory(error)) {
        require_outside(*next, next.depth());
        entries.push_back({.name = name + "/"});
        continue;
      }
      next.disable_recursion_pending();  // it would follow a broken link
      // An image that cannot be opened counts as broken when it is read.
      const auto size = next->file_size(error);
      if (error && next->is_symlink() && !is_image(name) && !is_hidden(name))
        throw InputError("cannot open what may be a folder", next->path().string(), "mend the link, or remove it");
      entries.push_back({.name = name, .size = error ? 0 : size});
    }
    return entries;
  }

  std::string read(const Entry& entry) const override { return read_file(root_ / entry.name); }

 private:
  // A link to one of the `depth` + 1 folders around it would be followed without end.
  static void require_outside(const fs::directory_entry& folder, int depth) {
    if (!folder.is_symlink()) return;
    fs::path around = folder.path();
    for (int i = 0; i <= depth; ++i) {
      around = around.parent_path();
      if (fs::equivalent(around, folder.path()))
        throw InputError("the folder contains itself", folder.path().string(), "remove the link");
    }
  }

  fs::path root_;
};

}  // namespace

std::unique_ptr<Store> open_folder(const fs::path& path) { return std::make_unique<FolderStore>(path); }

}  // namespace dydit::data
