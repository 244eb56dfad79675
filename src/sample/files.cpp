// SPDX-License-Identifier: Apache-2.0
#include "files.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/bounds.h"
#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "data/latents_file.h"
#include "data/png.h"
#include "npz.h"
#include "record/record.h"

namespace fs = std::filesystem;

namespace dydit::sample {

using torch::Tensor;

namespace {

// The grid: images row by row with black lines between them.
class Grid {
 public:
  Grid(std::int64_t images, std::int64_t columns, int height, int width)
      : columns_(static_cast<int>(std::min(columns, images))), height_(height), width_(width) {
    const int rows = (static_cast<int>(images) + columns_ - 1) / columns_;
    image_ = {columns_ * (width + gap) + gap, rows * (height + gap) + gap, {}};
    image_.pixels.resize(std::size_t{3} * image_.width * image_.height);
  }

  void place(std::int64_t number, const data::Image& picture) {
    const int row = static_cast<int>(number) / columns_, column = static_cast<int>(number) % columns_;
    for (int y = 0; y < height_; ++y)
      std::copy_n(picture.row(y), 3 * width_,
                  image_.row(gap + row * (height_ + gap) + y) + 3 * (gap + column * (width_ + gap)));
  }
  const data::Image& image() const { return image_; }

 private:
  static constexpr int gap = 2;
  int columns_, height_, width_;
  data::Image image_;
};

constexpr std::int64_t shown = 100;  // by the grid

template <typename T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

}  // namespace

Files::Files(fs::path run, std::vector<std::int64_t> shape)
    : run_(std::move(run)),
      folder_(run_ / (shape.at(0) == 3 ? "images" : "latents")),
      shape_(std::move(shape)),
      npy_header_(npy_header("<f4", {1, shape_[0], shape_[1], shape_[2]})) {}

fs::path Files::file(std::int64_t image) const {
  return folder_ / fmt::format("{:06}.{}", image, pictures() ? "png" : "npy");
}

std::vector<bool> Files::present(std::int64_t count) const {
  std::vector<bool> there(static_cast<std::size_t>(count));
  if (!fs::is_directory(folder_)) return there;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const auto image = integer_of<std::int64_t>(entry.path().stem().string());
    if (image && *image >= 0 && *image < count && entry.path() == file(*image))
      there[static_cast<std::size_t>(*image)] = true;
  }
  return there;
}

void Files::write(std::int64_t image, std::string_view content) const {
  create_folders(folder_);
  write_atomically(file(image), content);
}

void Files::assemble(const std::vector<std::int64_t>& labels, std::int64_t classes, std::int64_t columns,
                     bool quiet) const {
  std::string csv = "index,class\n";
  for (std::size_t i = 0; i < labels.size(); ++i) csv += fmt::format("{},{}\n", i, labels[i]);
  write_atomically(run_ / "images.csv", csv);
  if (pictures())
    assemble_pictures(labels, columns, quiet);
  else
    assemble_latents(labels, classes, quiet);
}

void Files::assemble_pictures(const std::vector<std::int64_t>& labels, std::int64_t columns, bool quiet) const {
  const auto count = std::ssize(labels);
  const int height = static_cast<int>(shape_[1]), width = static_cast<int>(shape_[2]);
  Grid grid(std::min(count, shown), columns, height, width);
  write_atomically(run_ / "samples.npz", [&](const Append& append) {
    Progress progress("samples.npz", "images", count, quiet);
    Npz npz(append);
    npz.begin("arr_0", "|u1", {count, height, width, 3});
    for (std::int64_t i = 0; i < count; ++i, progress.advance(1)) {
      stop_if_interrupted();
      const std::string name = file(i).string(), bytes = read_file(name);
      const data::Image picture = data::decode_png(std::as_bytes(std::span(bytes)), name);
      if (picture.height != height || picture.width != width)
        throw InputError("an image of another size", name, "remove it, and the same command makes it again");
      if (i < shown) grid.place(i, picture);
      npz.write(bytes_of(picture.pixels));
    }
    npz.begin("arr_1", "<i8", {count});
    npz.write(bytes_of(labels));
    npz.finish();
  });
  write_atomically(run_ / "grid.png", data::encode_png(grid.image()));
}

void Files::assemble_latents(const std::vector<std::int64_t>& labels, std::int64_t classes, bool quiet) const {
  const auto count = std::ssize(labels), size = shape_[0] * shape_[1] * shape_[2] * 4;
  write_atomically(run_ / "latents.safetensors", [&](const Append& append) {
    Progress progress("latents.safetensors", "images", count, quiet);
    const std::string begin = data::latents_file_begin(labels, classes, {shape_[0], shape_[1], shape_[2]});
    append(std::as_bytes(std::span(begin)));
    for (std::int64_t i = 0; i < count; ++i, progress.advance(1)) {
      stop_if_interrupted();
      const std::string content = read_file(file(i));
      if (!content.starts_with(npy_header_) || std::ssize(content) != std::ssize(npy_header_) + size)
        throw InputError("a broken latent", file(i).string(), "remove it, and the same command makes it again");
      append(std::as_bytes(std::span(content)).subspan(npy_header_.size()));
    }
  });
}

void Files::set_aside(const std::string& name) const {
  const fs::path aside = run_ / "earlier" / name;
  create_folders(aside);
  for (const char* part : {"images", "latents", "images.csv", "grid.png", "samples.npz", "latents.safetensors"})
    if (fs::exists(run_ / part)) fs::rename(run_ / part, aside / part);
}

void Files::take_back(const std::string& name) const {
  const fs::path aside = run_ / "earlier" / name / folder_.filename();
  if (fs::exists(aside) && !fs::exists(folder_)) fs::rename(aside, folder_);
}

std::vector<std::string> encoded(const Tensor& states) {
  const bool pictures = states.size(1) == 3;
  const Tensor rows =
      pictures ? (127.5 * states + 128).clamp(0, 255).permute({0, 2, 3, 1}).to(torch::kUInt8).cpu().contiguous()
               : states.to(torch::kFloat32).cpu().contiguous();
  const auto size = static_cast<std::size_t>(rows.stride(0) * rows.element_size());
  const auto* const bytes = static_cast<const char*>(rows.const_data_ptr());
  const std::string header = npy_header("<f4", {1, states.size(1), states.size(2), states.size(3)});
  std::vector<std::string> files(static_cast<std::size_t>(rows.size(0)));
  at::parallel_for(0, rows.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const char* const row = bytes + i * size;
      files[i] = pictures ? data::encode_png({static_cast<int>(states.size(3)), static_cast<int>(states.size(2)),
                                              std::vector<std::uint8_t>(row, row + size)})
                          : header + std::string(row, size);
    }
  });
  return files;
}

}  // namespace dydit::sample
