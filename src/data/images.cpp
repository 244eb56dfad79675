// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/hash.h"
#include "class_folders.h"
#include "image.h"
#include "labels.h"
#include "sets.h"

namespace dydit::data {

namespace {

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
    const Labels labels = folders.labels ? parse_labels(store_->read(*folders.labels), folders.names,
                                                        path + "/" + folders.labels->name)
                                         : number_folders(folders.names, path);
    classes_ = labels.classes;
    for (const Entry& image : folders.images) labels_.push_back(labels.of_folder.at(folders.folder_of(image)));
    entries_ = std::move(folders.images);
  }

  std::string name(std::int64_t index) const override { return at(index).name; }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    const Entry& entry = at(index);
    const std::string bytes = store_->read(entry);
    const Image image =
        centre_crop(decode_image(std::as_bytes(std::span(bytes)), entry.name), static_cast<int>(shape_.width));
    float* next = out.data();
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
          *next++ = static_cast<float>(image.row(y)[3 * (flip ? image.width - 1 - x : x) + c]) / 127.5F - 1;
  }

  std::string hash() const override {
    std::string text;
    for (std::size_t i = 0; i < entries_.size(); ++i)
      fmt::format_to(std::back_inserter(text), "{}\n{} {:08x} {}\n", entries_[i].name, entries_[i].size, entries_[i].crc,
                     labels_[i]);
    return hash_of(text);
  }

 private:
  const Entry& at(std::int64_t index) const { return entries_.at(static_cast<std::size_t>(index)); }

  std::unique_ptr<Store> store_;
  std::vector<Entry> entries_;
};

}  // namespace

std::unique_ptr<Dataset> open_images(std::unique_ptr<Store> store, const std::string& path,
                                     std::int64_t size) {
  return std::make_unique<Images>(std::move(store), path, size);
}

}  // namespace dydit::data
