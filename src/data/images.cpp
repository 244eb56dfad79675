// SPDX-License-Identifier: Apache-2.0
// Images in class folders: which of the files below a root are samples, and of which class.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "image.h"
#include "sets.h"

namespace dydit::data {

namespace {

struct ClassFolders {
  std::string root;                // where they lie: "", or "set/" where all are in one folder
  std::set<std::string> names;     // a folder without images has its number, too
  std::vector<Entry> images;       // by folder, then name
  std::optional<Entry> labels;     // the labels.json beside the folders
  std::vector<std::string> notes;  // see Dataset::notes

  std::string folder_of(const Entry& image) const {
    return image.name.substr(root.size(), image.name.find('/', root.size()) - root.size());
  }
  // The folder within that one that holds the image; empty where none does.
  std::string folder_inside(const Entry& image) const {
    const std::size_t begin = image.name.find('/', root.size()) + 1, end = image.name.find('/', begin);
    return end == image.name.npos ? "" : image.name.substr(begin, end - begin);
  }
};

constexpr std::string_view labels_name = "labels.json";

// The class folders are the first ones that are several, hold images or have a labels.json beside them.
std::string root_of(const std::vector<Entry>& entries) {
  std::vector<std::string_view> names(entries.size());
  std::ranges::transform(entries, names.begin(), [](const Entry& entry) -> std::string_view { return entry.name; });
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
    if (!images[i].name.ends_with('/') || i + 1 == images.size() || !images[i + 1].name.starts_with(images[i].name))
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
    found.notes.push_back(
        fmt::format("'{}' is taken as the one class that has images, and they are in {} folders of it: if "
                    "those are the classes, name it as the data",
                    *classes.begin(), inside.size()));
}

// A folder without an image is a class all the same.
void note_empty(ClassFolders& found) {
  std::set<std::string> empty = found.names;
  for (const Entry& image : found.images) empty.erase(found.folder_of(image));
  if (empty.empty() || found.images.empty()) return;
  found.notes.push_back(empty.size() == 1
                            ? fmt::format("class '{}' has no image", *empty.begin())
                            : fmt::format("{} classes have no image, '{}' first", empty.size(), *empty.begin()));
}

// Of a listing of CLASS/.../IMAGE; a folder that holds nothing but one folder of this kind is seen through.
ClassFolders find_class_folders(std::vector<Entry> entries) {
  std::erase_if(entries, [](const Entry& entry) { return is_hidden(entry.name); });
  ClassFolders found;
  found.root = root_of(entries);
  std::vector<std::string> left_out;
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
      left_out.emplace_back(name);
  }
  std::ranges::sort(found.images, {},
                    [&](const Entry& image) { return std::pair(found.folder_of(image), image.name); });
  drop_parents(found.images);
  if (!left_out.empty()) found.notes.push_back(left_out_line(left_out));
  if (outside > 0)
    found.notes.push_back(fmt::format("{} left out: no class folder around",
                                      outside == 1 ? "1 image was" : fmt::format("{} images were", outside)));
  if (!found.root.empty()) found.notes.push_back(fmt::format("the classes are the folders in '{}'", found.root));
  note_splits(found);
  note_single(found);
  note_empty(found);
  return found;
}

std::string remedy(const ClassFolders& folders) {
  const std::string expected = "expected CLASS/IMAGE.jpg, .png or .webp below it";
  return folders.notes.empty() ? expected : fmt::format("{} ({})", expected, fmt::join(folders.notes, "; "));
}

class Images final : public Labelled {
 public:
  Images(std::unique_ptr<Store> store, const std::string& path, std::int64_t size) : store_(std::move(store)) {
    shape_ = {3, size, size};
    ClassFolders folders = find_class_folders(store_->list());
    for (const std::string& note : folders.notes) notes_.push_back(path + ": " + note);
    if (folders.images.empty()) throw InputError("no images", path, remedy(folders));
    const Labels labels =
        folders.labels ? parse_labels(store_->read(*folders.labels), folders.names, path + "/" + folders.labels->name)
                       : number_folders(folders.names, path);
    classes_ = labels.classes;
    for (const Entry& image : folders.images) labels_.push_back(labels.of_folder.at(folders.folder_of(image)));
    entries_ = std::move(folders.images);
  }

  std::string name(std::int64_t index) const override { return at(index).name; }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    const Entry& entry = at(index);
    const std::string bytes = store_->read(entry);
    to_planes(centre_crop(decode_image(std::as_bytes(std::span(bytes)), entry.name), static_cast<int>(shape_.width)),
              flip, out);
  }

  std::string hash() const override { return hash_of_entries(entries_, labels_); }

 private:
  const Entry& at(std::int64_t index) const { return entries_.at(static_cast<std::size_t>(index)); }

  std::unique_ptr<Store> store_;
  std::vector<Entry> entries_;
};

}  // namespace

void to_planes(const Image& image, bool flip, std::span<float> out) {
  float* next = out.data();
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x)
        *next++ = static_cast<float>(image.row(y)[3 * (flip ? image.width - 1 - x : x) + c]) / 127.5F - 1;
}

std::string hash_of_entries(const std::vector<Entry>& entries, const std::vector<std::int64_t>& labels) {
  std::string text;
  for (std::size_t i = 0; i < entries.size(); ++i)
    fmt::format_to(std::back_inserter(text), "{}\n{} {:08x} {}\n", entries[i].name, entries[i].size, entries[i].crc,
                   labels[i]);
  return hash_of(text);
}

std::unique_ptr<Dataset> open_images(std::unique_ptr<Store> store, const std::string& path, std::int64_t size) {
  return std::make_unique<Images>(std::move(store), path, size);
}

}  // namespace dydit::data
