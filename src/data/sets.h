// SPDX-License-Identifier: Apache-2.0
// The kinds of data sets that open_dataset chooses from (what they hold is told there), and what they have in common.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor.h"
#include "data/dataset.h"
#include "data/png.h"
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

/// UTF-8 in normalisation form D: equal for names that look the same. (macOS decomposes the letters of file names, NFD,
/// that others write composed, NFC.) A name that is not UTF-8 stays as it is.
std::string decomposed(const std::string& name);

struct Labels {
  std::map<std::string, std::int64_t> of_folder;
  std::int64_t classes = 0;
};

/// 0, 1, ... in the order of the names' bytes. Throws InputError naming `where` for two names that look the
/// same, in two Unicode forms.
Labels number_folders(const std::set<std::string>& folders, const std::string& where);

/// From a labels.json, {"folder": label, ..., "classes": number of classes, optional}. A name may be in
/// another Unicode form than its folder's. Throws InputError naming `where` when it is malformed or lacks one
/// of the folders.
Labels parse_labels(const std::string& json, const std::set<std::string>& folders, const std::string& where);

/// One more than the largest label, or `stated` if that is not 0. Throws InputError naming `where` for a
/// negative label or one beyond the classes stated, and for more than a million classes.
std::int64_t count_classes(const std::vector<std::int64_t>& labels, std::int64_t stated, const std::string& where);

/// Throws InputError naming `name` unless the latents are f32, f16 or bf16.
void require_latents(const checkpoint::Tensor& latents, const std::string& name);

/// Sample `index` of latents (N,C,h,w), of which `shape` is (C,h,w), as float32 (exactly), mirrored
/// left-right for `flip`. Throws InputError naming the sample when a value is not finite.
void copy_latent(const checkpoint::Tensor& latents, std::int64_t index, const Shape& shape, bool flip,
                 const std::string& name, std::span<float> out);

/// The elements. Throws InputError naming `name` unless they are integers.
std::vector<std::int64_t> labels_of(const checkpoint::Tensor& labels, const std::string& name);

/// Pixels as float32 (3,H,W), x / 127.5 - 1, mirrored left-right for `flip`.
void to_planes(const Image& image, bool flip, std::span<float> out);
/// See Dataset::hash.
std::string hash_of_entries(const std::vector<Entry>& entries, const std::vector<std::int64_t>& labels);

/// See open_image_set. `path` is what messages call the set.
std::unique_ptr<Dataset> open_image_set(std::unique_ptr<Store> store, const std::string& path,
                                        std::optional<std::int64_t> size);

/// Images `CLASS/.../IMAGE`. `path` is what messages call the set.
std::unique_ptr<Dataset> open_images(std::unique_ptr<Store> store, const std::string& path, std::int64_t size);

/// Made up: on a flat background of random colour, at a random place, waves whose colour, direction and
/// frequency tell the class.
std::unique_ptr<Dataset> make_synthetic(std::int64_t count, std::int64_t size, std::uint64_t seed);

std::unique_ptr<Dataset> open_safetensors_latents(const std::filesystem::path& path);

struct LatentFolders {
  std::filesystem::path features, labels;
};

/// The `*_features` and `*_labels` below `path`, or nothing. Throws InputError when there are several or
/// one without the other.
std::optional<LatentFolders> find_latent_folders(const std::filesystem::path& path);

/// Those of two folders; `path` may hold a labels.json.
std::unique_ptr<Dataset> open_npy_latents(const LatentFolders& folders, const std::filesystem::path& path);

}  // namespace dydit::data
