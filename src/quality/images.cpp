// SPDX-License-Identifier: Apache-2.0
#include "quality/images.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <memory>

#include "base/error.h"
#include "base/progress.h"
#include "data/loader.h"
#include "data/npz.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

// Images (n,3,H,W) from 0 to 1, in turn.
class Source {
 public:
  virtual ~Source() = default;
  virtual Tensor next() = 0;  // undefined at the end
  std::int64_t images = 0, height = 0, width = 0;
  std::vector<std::string> notes = {};
};

class Files final : public Source {
 public:
  Files(const std::string& path, const Seeing& seeing)
      : set_(data::open_image_set(path, seeing.size)),
        // Of every image its features: the first broken one ends it.
        loader_(set_, {.batch = seeing.batch, .threads = seeing.threads, .max_broken_share = 0}) {
    images = set_->size();
    height = set_->shape().height;
    width = set_->shape().width;
    notes = set_->notes();
  }

  Tensor next() override {
    if (!loader_.next(batch_)) return {};
    const Tensor read = torch::from_blob(batch_.images.data(), {batch_.size(), 3, height, width}, torch::kFloat32);
    return ((read + 1) / 2).clamp(0, 1);
  }

 private:
  std::shared_ptr<const data::Dataset> set_;
  data::Loader loader_;
  data::Batch batch_;
};

constexpr const char* array_name = "arr_0";

class Array final : public Source {
 public:
  Array(const std::filesystem::path& path, const Seeing& seeing)
      : npz_(path), array_(npz_.open(array_name)), batch_(seeing.batch) {
    const std::vector<std::int64_t>& shape = array_.shape();
    if (array_.type() != checkpoint::DType::u8 || shape.size() != 4 || shape[3] != 3 || shape[0] < 1 || shape[1] < 1 ||
        shape[2] < 1)
      throw InputError("no images", path.string() + ": " + array_name,
                       fmt::format("it is {} {}, give U8 (N, H, W, 3)", checkpoint::name_of(array_.type()),
                                   checkpoint::to_string(shape)));
    images = shape[0];
    height = shape[1];
    width = shape[2];
    if (seeing.size && (*seeing.size != height || *seeing.size != width))
      throw UsageError("an .npz's images are taken as they are", path.string(),
                       fmt::format("they are {} x {}: leave out --image-size", height, width));
  }

  Tensor next() override {
    const std::int64_t count = std::min(batch_, images - done_);
    if (count == 0) return {};
    const Tensor pixels = torch::empty({count, height, width, 3}, torch::kUInt8);
    array_.read(
        std::as_writable_bytes(std::span(pixels.data_ptr<std::uint8_t>(), static_cast<std::size_t>(pixels.numel()))));
    done_ += count;
    return pixels.permute({0, 3, 1, 2}).to(torch::kFloat32) / 255;
  }

 private:
  data::Npz npz_;
  data::NpzArray array_;
  std::int64_t batch_, done_ = 0;
};

// Rows of all images, or their moments.
class Rows {
 public:
  void add(const Tensor& rows, std::int64_t images, bool moments) {
    if (!rows.defined()) return;
    const Tensor host = rows.to(torch::kCPU);
    if (moments) {
      if (!moments_) moments_.emplace(host.size(1));
      return moments_->add(host);
    }
    if (!all_.defined()) all_ = torch::empty({images, host.size(1)}, torch::kFloat32);
    all_.narrow(0, filled_, host.size(0)).copy_(host);
    filled_ += host.size(0);
  }
  const Tensor& all() const { return all_; }
  std::optional<Gaussian> gaussian() const { return moments_ ? std::optional(moments_->gaussian()) : std::nullopt; }

 private:
  Tensor all_;
  std::int64_t filled_ = 0;
  std::optional<Moments> moments_;
};

std::unique_ptr<Source> open_source(const std::filesystem::path& path, const Seeing& seeing) {
  if (path.extension() == ".npz") return std::make_unique<Array>(path, seeing);
  return std::make_unique<Files>(path.string(), seeing);
}

}  // namespace

bool has_images(const std::filesystem::path& path) {
  if (path.extension() == ".npz") return data::Npz(path).has(array_name);
  return path.extension() == ".zip" || std::filesystem::is_directory(path);
}

bool has_moments(const std::filesystem::path& path) { return path.extension() == ".npz" && data::Npz(path).has("mu"); }

Seen see(const std::filesystem::path& path, const FeatureNetwork& network, const Seeing& seeing) {
  const std::unique_ptr<Source> source = open_source(path, seeing);
  Rows features, spatial, logits;
  {
    Progress progress("features of " + path.filename().string(), "images", source->images, seeing.quiet);
    for (Tensor images; (images = source->next()).defined(); progress.advance(images.size(0))) {
      const Features seen = network(images);
      features.add(seen.pooled, source->images, seeing.moments);
      spatial.add(seen.spatial, source->images, seeing.moments);
      if (!seeing.moments) logits.add(seen.logits, source->images, false);
    }
  }
  return {.set = {.where = path.string(),
                  .features = features.all(),
                  .spatial = spatial.all(),
                  .logits = logits.all(),
                  .gaussian = features.gaussian(),
                  .spatial_gaussian = spatial.gaussian()},
          .images = source->images,
          .height = source->height,
          .width = source->width,
          .notes = source->notes};
}

}  // namespace dydit::quality
