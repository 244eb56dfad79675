// SPDX-License-Identifier: Apache-2.0
// Files that several tests of this room read and write.
#pragma once

#include <zip.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "temporary_folder.h"
#include "test_folder.h"

namespace dydit::test {

inline const std::filesystem::path golden = dydit::test::test_folder() / "golden" / "data";
inline const std::filesystem::path cifar_sample =
    dydit::test::test_folder() / ".." / "profiles" / "data" / "cifar10-sample.zip";

/// The bytes (height, width, 3) of a binary PPM.
inline std::vector<int> read_ppm(const std::filesystem::path& path) {
  const std::string text = read_file(path);
  std::istringstream stream(text);
  std::string magic;
  std::size_t width = 0, height = 0, most = 0;
  stream >> magic >> width >> height >> most;
  const auto begin = static_cast<std::size_t>(stream.tellg()) + 1;
  if (magic != "P6" || most != 255 || text.size() != begin + 3 * width * height)
    throw std::runtime_error("not a PPM: " + path.string());
  std::vector<int> values;
  for (std::size_t i = begin; i < text.size(); ++i) values.push_back(static_cast<unsigned char>(text[i]));
  return values;
}

inline std::vector<float> read_sample(const data::Dataset& set, std::int64_t index, bool flip = false) {
  std::vector<float> values(static_cast<std::size_t>(set.shape().elements()));
  set.read(index, flip, values);
  return values;
}

/// The largest difference in levels of 1/255 between an image in [-1, 1], (3,H,W), and pixels (H,W,3).
inline double distance(const std::vector<float>& image, const std::vector<int>& pixels) {
  if (image.size() != pixels.size()) return INFINITY;
  double most = 0;
  const std::size_t plane = image.size() / 3;
  for (std::size_t i = 0; i < image.size(); ++i) {
    const double level = (image[i % 3 * plane + i / 3] + 1) * 127.5;
    if (!(std::abs(level - pixels[i]) <= most)) most = std::abs(level - pixels[i]);
  }
  return most;
}

inline void write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  write_atomically(path, text);
}

/// A NumPy file; `fortran` as Python writes it.
template <typename T>
std::string npy(const std::string& type, const std::string& shape, const std::vector<T>& values, int version = 1,
                const std::string& fortran = "False") {
  std::string header = "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }  \n";
  std::string text =
      std::string("\x93NUMPY") + static_cast<char>(version) + '\0' + static_cast<char>(header.size()) + '\0';
  if (version == 2) text += std::string(2, '\0');
  return text + header + std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// A name that ends with '/' is an empty folder.
inline void write_zip(const std::filesystem::path& path, const std::map<std::string, std::string>& entries) {
  int error = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (zip == nullptr) throw std::runtime_error("zip_open failed");
  for (const auto& [name, text] : entries) {
    if (name.ends_with('/'))
      zip_dir_add(zip, name.c_str(), 0);
    else
      zip_file_add(zip, name.c_str(), zip_source_buffer(zip, text.data(), text.size(), 0), 0);
  }
  if (zip_close(zip) != 0) throw std::runtime_error("zip_close failed");
}

/// Images become 24 x 24.
inline std::unique_ptr<data::Dataset> open(const std::filesystem::path& path) {
  return data::open_dataset(path.string(), {.size = 24});
}

/// An image of 24 x 24.
inline const std::string& picture() {
  static const std::string bytes = read_file(golden / "formats" / "images" / "png_rgb.png");
  return bytes;
}

/// The same files as a folder and as a zip.
inline std::vector<std::unique_ptr<data::Dataset>> open_both(const TemporaryFolder& place,
                                                             const std::map<std::string, std::string>& files) {
  const auto folder = place.path() / "set", zip = place.path() / "set.zip";
  for (const auto& [name, text] : files) {
    if (name.ends_with('/'))
      std::filesystem::create_directories(folder / name);
    else
      write(folder / name, text);
  }
  write_zip(zip, files);
  std::vector<std::unique_ptr<data::Dataset>> sets;
  sets.push_back(open(folder));
  sets.push_back(open(zip));
  return sets;
}

}  // namespace dydit::test
