// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "base/error.h"
#include "image.h"
#include "sets.h"

namespace dydit::data {

namespace {

class ImageSet final : public Labelled {
 public:
  ImageSet(std::unique_ptr<Store> store, const std::string& path, std::optional<std::int64_t> size)
      : store_(std::move(store)), path_(path), cropped_(size.has_value()) {
    std::vector<std::string> left_out;
    for (Entry& entry : store_->list()) {
      if (is_hidden(entry.name) || entry.name.ends_with('/')) continue;
      if (is_read_image(entry.name))
        entries_.push_back(std::move(entry));
      else
        left_out.push_back(entry.name);
    }
    if (!left_out.empty()) notes_.push_back(path + ": " + left_out_line(left_out));
    if (entries_.empty()) throw InputError("no images", path, "expected .jpg, .png or .webp files below it");
    std::ranges::sort(entries_, {}, &Entry::name);
    labels_.resize(entries_.size());
    classes_ = 1;
    if (size) {
      shape_ = {3, *size, *size};
    } else {
      const Image first = decoded(entries_.front());
      shape_ = {3, first.height, first.width};
    }
  }

  std::string name(std::int64_t index) const override { return named(at(index)); }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    Image image = decoded(at(index));
    if (cropped_)
      image = centre_crop(std::move(image), static_cast<int>(shape_.width));
    else if (image.width != shape_.width || image.height != shape_.height)
      throw InputError(fmt::format("images of several sizes: {} x {}, the first one {} x {}", image.width, image.height,
                                   shape_.width, shape_.height),
                       named(at(index)), "give --image-size, to which all are cropped");
    to_planes(image, flip, out);
  }

  std::string hash() const override { return hash_of_entries(entries_, labels_); }

 private:
  const Entry& at(std::int64_t index) const { return entries_.at(static_cast<std::size_t>(index)); }
  std::string named(const Entry& entry) const { return path_ + "/" + entry.name; }  // of several sets that are read
  Image decoded(const Entry& entry) const {
    const std::string bytes = store_->read(entry);
    return decode_image(std::as_bytes(std::span(bytes)), named(entry));
  }

  std::unique_ptr<Store> store_;
  std::string path_;
  bool cropped_;
  std::vector<Entry> entries_;
};

}  // namespace

std::unique_ptr<Dataset> open_image_set(std::unique_ptr<Store> store, const std::string& path,
                                        std::optional<std::int64_t> size) {
  return std::make_unique<ImageSet>(std::move(store), path, size);
}

}  // namespace dydit::data
