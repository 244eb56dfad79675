// SPDX-License-Identifier: Apache-2.0
#include "data/dataset.h"

#include <filesystem>

#include "base/bounds.h"
#include "base/error.h"
#include "sets.h"

namespace dydit::data {

constexpr Bounds<std::int64_t> synthetic_count{1, 100'000'000};  // a permutation of them takes 0.8 GB

namespace {

template <typename Open>
auto listed(const std::string& path, const Open& open) {
  try {
    return open();
  } catch (const std::filesystem::filesystem_error& error) {
    const std::filesystem::path& folder = error.path1();  // not always told
    throw InputError("cannot list folder", folder.empty() ? path : folder.string(), error.code().message());
  }
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const std::string& path, const ImageOptions& options, std::uint64_t seed) {
  constexpr std::string_view synthetic = "synthetic:";
  if (options.size < 1 || options.size > 1 << 14) throw UsageError("the image size must be between 1 and 16384");
  if (path.starts_with(synthetic))
    return make_synthetic(synthetic_count.parse(path.substr(synthetic.size()), "data synthetic:N"), options.size, seed);
  if (path.ends_with(".zip")) return open_images(open_zip(path), path, options.size);
  if (path.ends_with(".safetensors")) return open_safetensors_latents(path);
  return listed(path, [&]() -> std::unique_ptr<Dataset> {
    if (!std::filesystem::is_directory(path))
      throw InputError("not a data set", path,
                       "give a folder or zip of class folders, a .safetensors of latents, or synthetic:N");
    if (const auto folders = find_latent_folders(path)) return open_npy_latents(*folders, path);
    return open_images(open_folder(path), path, options.size);
  });
}

std::unique_ptr<Dataset> open_image_set(const std::string& path, std::optional<std::int64_t> size) {
  return listed(path, [&] {
    if (path.ends_with(".zip")) return open_image_set(open_zip(path), path, size);
    if (!std::filesystem::is_directory(path))
      throw InputError("not a set of images", path, "give a folder or a .zip of images");
    return open_image_set(open_folder(path), path, size);
  });
}

}  // namespace dydit::data
