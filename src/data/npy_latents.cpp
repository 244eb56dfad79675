// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/bounds.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "npy.h"
#include "sets.h"

namespace dydit::data {

namespace {

namespace fs = std::filesystem;

// The i of every i.npy, ascending.
std::vector<std::int64_t> list_numbers(const fs::path& folder, std::vector<std::string>& left_out) {
  std::vector<std::int64_t> numbers;
  for (const auto& item : fs::directory_iterator(folder)) {
    const std::string stem = item.path().stem().string();
    const auto number = integer_of<std::int64_t>(stem);
    if (item.path().extension() == ".npy" && number &&
        stem == std::to_string(*number))  // "007" would not be found again
      numbers.push_back(*number);
    else if (const std::string name = item.path().filename().string(); !is_hidden(name))
      left_out.push_back(name);
  }
  std::ranges::sort(numbers);
  return numbers;
}

Shape shape_of(const std::vector<std::int64_t>& shape, const std::string& where) {
  if (shape.size() != 4 || shape[0] != 1) throw InputError("the latent's shape is not (1, C, h, w)", where);
  return {shape[1], shape[2], shape[3]};
}

class NpyLatents final : public Labelled {
 public:
  NpyLatents(LatentFolders folders, const fs::path& path) : folders_(std::move(folders)) {
    std::vector<std::string> left_out, no_labels;
    numbers_ = list_numbers(folders_.features, left_out);
    const auto labelled = list_numbers(folders_.labels, no_labels);
    if (!left_out.empty()) notes_.push_back(folders_.features.string() + ": " + left_out_line(left_out));
    if (numbers_.empty()) throw InputError("no latents", folders_.features.string(), "expected 0.npy, 1.npy, ...");
    const auto first = read_npy(feature(0));
    require_latents(first, feature(0).string());
    shape_ = shape_of(first.shape, feature(0).string());
    if (shape_.elements() == 0) throw InputError("empty latents", feature(0).string());
    const fs::path json = path / "labels.json";
    const std::int64_t stated = fs::exists(json) ? parse_labels(read_file(json), {}, json.string()).classes : 0;
    for (const std::int64_t number : numbers_) {
      const fs::path file = folders_.labels / fmt::format("{}.npy", number);
      const auto label = labels_of(read_npy(file), file.string());
      if (label.size() != 1) throw InputError("not one label", file.string());
      count_classes(label, stated, file.string());  // refuses one that is out of range, by its file
      labels_.push_back(label[0]);
    }
    if (labelled.size() > numbers_.size())
      notes_.push_back(
          fmt::format("{}: labels without a latent: {}", path.string(), labelled.size() - numbers_.size()));
    classes_ = count_classes(labels_, stated, path.string());
  }

  std::string name(std::int64_t index) const override {
    return fmt::format("{}/{}.npy", folders_.features.filename().string(),
                       numbers_.at(static_cast<std::size_t>(index)));
  }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    const auto latent = read_npy(feature(index));
    require_latents(latent, name(index));
    if (shape_of(latent.shape, name(index)) != shape_)
      throw InputError("broken latent", name(index), "another shape than the first one's");
    copy_latent(latent, 0, shape_, flip, name(index), out);
  }

  std::string hash() const override {
    std::string text;
    for (std::int64_t i = 0; i < size(); ++i) {
      std::error_code error;
      const auto bytes = fs::file_size(feature(i), error);  // one that cannot be opened is broken
      fmt::format_to(std::back_inserter(text), "{}\n{} {}\n", name(i), error ? 0 : bytes, label(i));
    }
    return hash_of(text);
  }

 private:
  fs::path feature(std::int64_t index) const {
    return folders_.features / fmt::format("{}.npy", numbers_.at(static_cast<std::size_t>(index)));
  }

  LatentFolders folders_;
  std::vector<std::int64_t> numbers_;
};

}  // namespace

std::optional<LatentFolders> find_latent_folders(const fs::path& path) {
  LatentFolders folders;
  for (const auto& item : fs::directory_iterator(path)) {
    const std::string name = item.path().filename().string();
    for (const auto& [ending, folder] :
         {std::pair("_features", &folders.features), std::pair("_labels", &folders.labels)}) {
      if (!name.ends_with(ending) || !item.is_directory()) continue;
      if (!folder->empty()) throw InputError(fmt::format("several folders *{}", ending), path.string(), "keep one");
      *folder = item.path();
    }
  }
  if (folders.features.empty() && folders.labels.empty()) return std::nullopt;
  if (folders.features.empty() || folders.labels.empty())
    throw InputError("needs both *_features and *_labels", path.string());
  return folders;
}

std::unique_ptr<Dataset> open_npy_latents(const LatentFolders& folders, const fs::path& path) {
  return std::make_unique<NpyLatents>(folders, path);
}

}  // namespace dydit::data
