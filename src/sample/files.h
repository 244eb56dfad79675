// SPDX-License-Identifier: Apache-2.0
// The images of a run as files, each there whole or not at all.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dydit::sample {

/// Of three channels they are pictures: images/000012.png, and of all together grid.png and samples.npz as ADM's
/// sampler writes it. Of other numbers they are latents: latents/000012.npy (1,C,H,W), and latents.safetensors as
/// data::open_dataset reads it.
class Files {
 public:
  /// Of images of that shape: C, H, W.
  Files(std::filesystem::path run, std::vector<std::int64_t> shape);

  bool pictures() const { return shape_[0] == 3; }
  /// Of each of the first `count` images.
  std::vector<bool> present(std::int64_t count) const;
  /// `content` as encoded() gives it. Throws RunError where it cannot be written.
  void write(std::int64_t image, std::string_view content) const;

  /// What is made of all images when their files are there, and images.csv with the class of each. `columns` images lie
  /// in a row of the grid, which shows the first hundred; the model has so many classes. Throws InputError for a file
  /// that is broken.
  void assemble(const std::vector<std::int64_t>& labels, std::int64_t classes, std::int64_t columns, bool quiet) const;

  /// Moves what lies here of earlier settings to earlier/NAME.
  void set_aside(const std::string& name) const;
  /// Moves images back that lie there, unless there are others.
  void take_back(const std::string& name) const;

 private:
  std::filesystem::path file(std::int64_t image) const;
  void assemble_pictures(const std::vector<std::int64_t>& labels, std::int64_t columns, bool quiet) const;
  void assemble_latents(const std::vector<std::int64_t>& labels, std::int64_t classes, bool quiet) const;

  std::filesystem::path run_, folder_;
  std::vector<std::int64_t> shape_;
  std::string npy_header_;  // of a latent
};

/// The files of states (N,C,H,W) that are finite. Of pictures a number x becomes the level 127.5 x + 128, cut off to a
/// whole one from 0 to 255, as in DiT's sample_ddp.py.
std::vector<std::string> encoded(const torch::Tensor& states);

}  // namespace dydit::sample
