// SPDX-License-Identifier: Apache-2.0
// The kinds of data sets that open_dataset chooses from.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "store.h"

namespace dydit::data {

/// A set that keeps its labels.
class Labelled : public Dataset {
 public:
  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t classes() const override { return classes_; }
  Shape shape() const override { return shape_; }
  std::int64_t label(std::int64_t index) const override { return labels_.at(static_cast<std::size_t>(index)); }
  std::vector<std::string> notes() const override { return notes_; }

 protected:
  std::vector<std::int64_t> labels_;
  std::int64_t classes_ = 0;
  Shape shape_;
  std::vector<std::string> notes_;
};

/// Images `CLASS/.../IMAGE`. `path` is what messages call the set.
std::unique_ptr<Dataset> open_images(std::unique_ptr<Store> store, const std::string& path,
                                     std::int64_t size);

/// Made up: on a flat background of random colour, at a random place, waves whose colour, direction and
/// frequency tell the class.
std::unique_ptr<Dataset> make_synthetic(std::int64_t count, std::int64_t size, std::uint64_t seed);

/// `latent` (N,C,h,w), f32, f16 or bf16, and integers `label` (N); the metadata may state `classes`.
std::unique_ptr<Dataset> open_safetensors_latents(const std::filesystem::path& path);

struct LatentFolders {
  std::filesystem::path features, labels;
};

/// The `*_features` and `*_labels` below `path`, or nothing. Throws InputError when there are several or
/// one without the other.
std::optional<LatentFolders> find_latent_folders(const std::filesystem::path& path);

/// `features/i.npy` (1,C,h,w), f32 or f16, with integers `labels/i.npy`; `path` may hold a labels.json that
/// states `classes`.
std::unique_ptr<Dataset> open_npy_latents(const LatentFolders& folders, const std::filesystem::path& path);

}  // namespace dydit::data
