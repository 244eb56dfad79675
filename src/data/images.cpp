// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "image.h"
#include "labels.h"
#include "sets.h"

namespace dydit::data {

namespace {

bool is_hidden(std::string_view name) {
  return name.starts_with('.') || name.find("/.") != name.npos || name.starts_with("__MACOSX/");
}

bool is_image(std::string_view name) {
  std::string ending(name.substr(std::min(name.rfind('.'), name.size())));
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

std::string folder_of(const std::string& name) {
  return name.substr(0, name.find('/'));
}

struct Sample {
  Entry entry;
  std::int64_t label;
};

class Images final : public Dataset {
 public:
  Images(std::unique_ptr<Store> store, const std::string& path, std::int64_t size)
      : store_(std::move(store)), size_(size) {
    std::set<std::string> folders;
    Entry json;
    for (Entry& entry : store_->list()) {
      if (entry.name == "labels.json") json = entry;
      if (is_hidden(entry.name) || entry.name.find('/') == std::string::npos) continue;
      folders.insert(folder_of(entry.name));  // one without images as well: it has its number
      if (is_image(entry.name)) samples_.push_back({std::move(entry), 0});
    }
    if (samples_.empty()) throw InputError("no images", path, "expected CLASS/IMAGE.jpg or .png below it");
    const Labels labels = json.name.empty()
                              ? number_folders(folders)
                              : parse_labels(store_->read(json), folders, path + "/" + json.name);
    classes_ = labels.classes;
    for (Sample& sample : samples_) sample.label = labels.of_folder.at(folder_of(sample.entry.name));
    std::ranges::sort(samples_, {},
                      [](const Sample& s) { return std::pair(folder_of(s.entry.name), s.entry.name); });
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(samples_.size()); }
  std::int64_t classes() const override { return classes_; }
  Shape shape() const override { return {3, size_, size_}; }
  std::int64_t label(std::int64_t index) const override { return at(index).label; }
  std::string name(std::int64_t index) const override { return at(index).entry.name; }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    const Entry& entry = at(index).entry;
    const std::string bytes = store_->read(entry);
    const Image image =
        centre_crop(decode_image(std::as_bytes(std::span(bytes)), entry.name), static_cast<int>(size_));
    float* next = out.data();
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < image.height; ++y)
        for (int x = 0; x < image.width; ++x)
          *next++ = static_cast<float>(image.row(y)[3 * (flip ? image.width - 1 - x : x) + c]) / 127.5F - 1;
  }

  std::string hash() const override {
    std::string text;
    for (const auto& [entry, label] : samples_)
      fmt::format_to(std::back_inserter(text), "{}\n{} {:08x} {}\n", entry.name, entry.size, entry.crc,
                     label);
    return hash_of(text);
  }

 private:
  const Sample& at(std::int64_t index) const { return samples_.at(static_cast<std::size_t>(index)); }

  std::unique_ptr<Store> store_;
  std::int64_t size_, classes_ = 0;
  std::vector<Sample> samples_;
};

}  // namespace

std::unique_ptr<Dataset> open_images(std::unique_ptr<Store> store, const std::string& path,
                                     std::int64_t size) {
  return std::make_unique<Images>(std::move(store), path, size);
}

}  // namespace dydit::data
