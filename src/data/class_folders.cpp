// SPDX-License-Identifier: Apache-2.0
#include "class_folders.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace dydit::data {

namespace {

constexpr std::string_view labels_name = "labels.json";

// The class folders are the first ones that are several, hold images or have a labels.json beside them.
std::string root_of(const std::vector<Entry>& entries) {
  std::vector<std::string_view> names(entries.size());
  std::ranges::transform(entries, names.begin(),
                         [](const Entry& entry) -> std::string_view { return entry.name; });
  std::string root;
  for (;;) {
    std::string_view only;
    std::vector<std::string_view> inside;
    bool deeper = false;
    for (const std::string_view name : names) {
      const std::size_t end = name.find('/');
      if (end == name.npos) {
        if (name == labels_name || is_image(name)) return root;
        continue;
      }
      const std::string_view folder = name.substr(0, end), rest = name.substr(end + 1);
      if (inside.empty()) only = folder;
      if (folder != only) return root;
      if (rest.find('/') != rest.npos)
        deeper = true;
      else if (is_image(rest))
        return root;
      inside.push_back(rest);
    }
    if (!deeper) return root;
    root.append(only) += '/';
    names = std::move(inside);
  }
}

// A folder named as an image is a broken one, unless there are images in it.
void drop_parents(std::vector<Entry>& images) {
  std::vector<Entry> kept;
  for (std::size_t i = 0; i < images.size(); ++i)
    if (!images[i].name.ends_with('/') || i + 1 == images.size() ||
        !images[i + 1].name.starts_with(images[i].name))
      kept.push_back(std::move(images[i]));
  images = std::move(kept);
}

// "train" and "val" instead of classes: two folders with a folder of the same name in each, and no image
// beside it.
void note_splits(ClassFolders& found) {
  std::map<std::string, std::string> holder;  // of each folder within a class folder
  std::string note;
  for (const Entry& image : found.images) {
    const std::string folder = found.folder_of(image), inside = found.folder_inside(image);
    if (inside.empty()) return;
    const auto [first, is_new] = holder.emplace(inside, folder);
    if (note.empty() && !is_new && first->second != folder)
      note = fmt::format(
          "'{0}' and '{1}' are taken as classes, and both hold a folder '{2}': if that is the class, "
          "name one of the two as the data",
          first->second, folder, first->first);
  }
  if (!note.empty()) found.notes.push_back(note);
}

// The only folder with images may be one around the classes, which beside other files or folders is not seen through.
void note_single(ClassFolders& found) {
  if (found.labels) return;  // which names the classes
  std::set<std::string> classes, inside;
  for (const Entry& image : found.images) {
    classes.insert(found.folder_of(image));
    inside.insert(found.folder_inside(image));
    if (classes.size() > 1 || inside.contains("")) return;
  }
  if (inside.size() > 1)
    found.notes.push_back(fmt::format("'{}' is taken as the one class that has images, and they are in {} folders of it: if "
                                      "those are the classes, name it as the data",
                                      *classes.begin(), inside.size()));
}

// A folder without an image is a class all the same.
void note_empty(ClassFolders& found) {
  std::set<std::string> empty = found.names;
  for (const Entry& image : found.images) empty.erase(found.folder_of(image));
  if (empty.empty() || found.images.empty()) return;
  found.notes.push_back(empty.size() == 1 ? fmt::format("class '{}' has no image", *empty.begin())
                                          : fmt::format("{} classes have no image, '{}' first", empty.size(), *empty.begin()));
}

}  // namespace

std::string ClassFolders::folder_of(const Entry& image) const {
  return image.name.substr(root.size(), image.name.find('/', root.size()) - root.size());
}

std::string ClassFolders::folder_inside(const Entry& image) const {
  const std::size_t begin = image.name.find('/', root.size()) + 1, end = image.name.find('/', begin);
  return end == image.name.npos ? "" : image.name.substr(begin, end - begin);
}

ClassFolders find_class_folders(std::vector<Entry> entries) {
  std::erase_if(entries, [](const Entry& entry) { return is_hidden(entry.name); });
  ClassFolders found;
  found.root = root_of(entries);
  LeftOut left_out;
  std::int64_t outside = 0;
  for (Entry& entry : entries) {
    const bool is_folder = entry.name.ends_with('/');
    const std::string_view name(entry.name.data(), entry.name.size() - (is_folder ? 1 : 0));
    if (!name.starts_with(found.root)) continue;  // what lies beside the folders around is no sample
    const std::string_view below = name.substr(found.root.size());
    const bool in_class = below.find('/') != below.npos;
    if (in_class || is_folder) found.names.insert(found.folder_of(entry));
    if (below == labels_name && !is_folder) found.labels = entry;
    if (!in_class && !is_folder && is_image(name)) ++outside;
    if (in_class && is_read_image(name))
      found.images.push_back(std::move(entry));
    else if (in_class && !is_folder)
      left_out.add(name);
  }
  std::ranges::sort(found.images, {},
                    [&](const Entry& image) { return std::pair(found.folder_of(image), image.name); });
  drop_parents(found.images);
  if (!left_out.empty()) found.notes.push_back(left_out.line());
  if (outside > 0)
    found.notes.push_back(fmt::format("{} left out: no class folder around",
                                      outside == 1 ? "1 image was" : fmt::format("{} images were", outside)));
  if (!found.root.empty())
    found.notes.push_back(fmt::format("the classes are the folders in '{}'", found.root));
  note_splits(found);
  note_single(found);
  note_empty(found);
  return found;
}

}  // namespace dydit::data
