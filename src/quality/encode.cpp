// SPDX-License-Identifier: Apache-2.0
#include "quality/encode.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/progress.h"
#include "data/latents_file.h"
#include "data/loader.h"
#include "data/views.h"
#include "diffusion/draws.h"
#include "model/device.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

// Of a latent: (C,h,w). Throws UsageError where the images do not fit.
data::Shape latent_shape(const data::Shape& of_image, const VaeConfiguration& c) {
  const std::int64_t f = c.factor();
  if (of_image.channels != 3)
    throw UsageError("the data are no images", fmt::format("{} channels", of_image.channels), "give data of images");
  if (of_image.height % f != 0 || of_image.width % f != 0)
    throw UsageError("the images do not fit the autoencoder", fmt::format("{}x{}", of_image.height, of_image.width),
                     fmt::format("give an --image-size that is a multiple of {}", f));
  return {c.latent_channels, of_image.height / f, of_image.width / f};
}

// Latents of a batch, times the scaling factor.
Tensor latents_of(const data::Batch& batch, const data::Shape& of_image, const Vae& vae, const Encoding& encoding) {
  const Tensor images = torch::from_blob(const_cast<float*>(batch.images.data()),
                                         {batch.size(), 3, of_image.height, of_image.width}, torch::kFloat32);
  const Posterior posterior = vae->encode(images);
  Tensor latents = posterior.mean;
  if (encoding.sample) {
    const std::vector<std::int64_t> draws(batch.indices.size(), 0);
    const Tensor noise =
        diffusion::normal_rows(encoding.seed, Purpose::latent, batch.indices, draws, posterior.mean.sizes().slice(1));
    latents = latents + (0.5 * posterior.logvar).exp() * noise.to(latents.device());
  }
  return (vae->configuration.scaling_factor * latents).cpu().contiguous();
}

}  // namespace

void encode_dataset(const std::shared_ptr<const data::Dataset>& images, const Vae& vae,
                    const std::filesystem::path& path, const Encoding& encoding) {
  const auto set = encoding.mirrored ? std::make_shared<const data::WithMirrored>(images) : images;
  const data::Shape of_image = set->shape(), of_latent = latent_shape(of_image, vae->configuration);
  std::vector<std::int64_t> labels(static_cast<std::size_t>(set->size()));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = set->label(static_cast<std::int64_t>(i));
  write_atomically(path, [&](const Append& append) {
    const std::string begin = data::latents_file_begin(labels, set->classes(), of_latent);
    append(std::as_bytes(std::span(begin)));
    Progress progress("encode", "images", set->size(), encoding.quiet);
    // A latent of each label: the first broken image ends it.
    data::Loader loader(set, {.batch = encoding.batch, .threads = encoding.threads, .max_broken_share = 0});
    for (data::Batch batch; loader.next(batch); progress.advance(batch.size())) {
      stop_if_interrupted("nothing was written");
      const Tensor latents = latents_of(batch, of_image, vae, encoding);
      append(std::as_bytes(std::span(latents.const_data_ptr<float>(), static_cast<std::size_t>(latents.numel()))));
    }
  });
}

}  // namespace dydit::quality
