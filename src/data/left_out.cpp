// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>
#include <vector>

namespace dydit::data {

namespace {

constexpr std::array<std::string_view, 6> read_endings{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"};
constexpr std::array<std::string_view, 21> other_endings{
    ".apng", ".avif", ".bmp", ".dds", ".exr", ".gif", ".heic", ".heif", ".ico", ".j2k", ".jp2",
    ".jxl",  ".pbm",  ".pgm", ".pnm", ".ppm", ".psd", ".svg",  ".tga",  ".tif", ".tiff"};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string after_last_dot(std::string_view name) {
  return lower_case(name.substr(std::min(name.rfind('.'), name.size())));
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

// What looks like no ending could be anything, a line break included.
std::string LeftOut::ending_of(std::string_view name) {
  constexpr std::size_t longest = 12;
  const std::string ending = after_last_dot(name.substr(name.rfind('/') + 1));
  const bool plain =
      ending.size() >= 2 && ending.size() <= longest &&
      std::all_of(ending.begin() + 1, ending.end(), [](unsigned char c) { return std::isalnum(c); });
  return plain ? ending : "without an ending";
}

std::string LeftOut::line() const {
  constexpr std::size_t most_kinds = 8;
  std::vector<std::pair<std::string, std::int64_t>> kinds(kinds_.begin(), kinds_.end());
  std::ranges::stable_sort(kinds, std::greater{}, [](const auto& kind) { return kind.second; });
  std::int64_t count = 0;
  std::vector<std::string> parts;
  for (const auto& [ending, files] : kinds) {
    count += files;
    if (parts.size() < most_kinds) parts.push_back(fmt::format("{} {}", files, ending));
  }
  if (kinds.size() > most_kinds) parts.push_back(fmt::format("{} more kinds", kinds.size() - most_kinds));
  return fmt::format("{} left out: {}",
                     count == 1 ? "1 file of a kind that is not read was"
                                : fmt::format("{} files of kinds that are not read were", count),
                     fmt::join(parts, ", "));
}

}  // namespace dydit::data
