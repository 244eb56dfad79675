// SPDX-License-Identifier: Apache-2.0
#include "quality/images.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
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

// A reader has several batches at hand.
std::int64_t batch_of(const Seeing& seeing, std::int64_t height, std::int64_t width) {
  constexpr std::int64_t most_bytes = std::int64_t{64} << 20;
  const std::int64_t of_image = 3 * height * width * static_cast<std::int64_t>(sizeof(float));
  return std::clamp<std::int64_t>(most_bytes / of_image, 1, seeing.batch);
}

class Files final : public Source {
 public:
  Files(const std::string& path, const Seeing& seeing)
      : set_(data::open_image_set(path, seeing.size)),
        // Of every image its features: the first broken one ends it.
        loader_(set_, {.batch = batch_of(seeing, set_->shape().height, set_->shape().width),
                       .threads = seeing.threads,
                       .max_broken_share = 0}) {
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
  Array(const std::filesystem::path& path, const Seeing& seeing) : npz_(path), array_(npz_.open(array_name)) {
    const std::vector<std::int64_t>& shape = array_.shape();
    if (array_.type() != checkpoint::DType::u8 || shape.size() != 4 || shape[3] != 3 || shape[0] < 1 || shape[1] < 1 ||
        shape[2] < 1)
      throw InputError("no images", path.string() + ": " + array_name,
                       fmt::format("it is {} {}, give U8 (N, H, W, 3)", checkpoint::name_of(array_.type()),
                                   checkpoint::to_string(shape)));
    images = shape[0];
    height = shape[1];
    width = shape[2];
    batch_ = batch_of(seeing, height, width);
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
  std::int64_t batch_ = 1, done_ = 0;
};

// Rows of all images, or their moments.
class Rows {
 public:
  void add(const Tensor& rows, std::int64_t images, bool moments, const std::string& where) {
    if (!rows.defined()) return;
    const Tensor host = rows.to(torch::kCPU);
    if (host.size(1) > most_dimensions)
      throw InputError(
          "too many features", where,
          fmt::format("{} of each image, {} at most: give a network of fewer", host.size(1), most_dimensions));
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
  if (seeing.moments && source->images < 2)
    throw InputError("one image has no covariance", path.string(), "give two at least");
  Rows features, spatial, logits;
  {
    Progress progress("features of " + path.filename().string(), "images", source->images, seeing.quiet);
    for (Tensor images; (images = source->next()).defined(); progress.advance(images.size(0))) {
      Features seen;
      try {
        seen = network(images);
      } catch (const NotFinite&) {
        throw NotFinite("features are not finite", path.string(), "the network overflows, or has other weights");
      }
      features.add(seen.pooled, source->images, seeing.moments, path.string());
      if (seeing.spatial) spatial.add(seen.spatial, source->images, seeing.moments, path.string());
      if (seeing.logits && !seeing.moments) logits.add(seen.logits, source->images, false, path.string());
    }
  }
  return {.set = {.where = path.string(),
                  .features = features.all(),
                  .spatial = spatial.all(),
                  .logits = logits.all(),
                  .gaussian = features.gaussian(),
                  .spatial_gaussian = spatial.gaussian()},
          .height = source->height,
          .width = source->width,
          .notes = source->notes};
}

}  // namespace dydit::quality
