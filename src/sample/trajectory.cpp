// SPDX-License-Identifier: Apache-2.0
#include "sample/trajectory.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/range.h"
#include "diffusion/draws.h"
#include "model/device.h"
#include "model/finite.h"

namespace dydit::sample {

using torch::Tensor;

namespace {

// "image 3", "images 3, 5 and 2 more"; nothing where all are finite.
std::string not_finite_images(const Tensor& x, std::int64_t first) {
  const Tensor rows = x.flatten(1).isfinite().all(1).logical_not().nonzero().flatten().cpu();
  constexpr std::int64_t most = 5;
  std::string names;
  for (std::int64_t i = 0; i < std::min(most, rows.numel()); ++i)
    names += fmt::format("{}{}", i == 0 ? "" : ", ", first + rows[i].item<std::int64_t>());
  if (names.empty()) return names;
  if (rows.numel() > most) names += fmt::format(" and {} more", rows.numel() - most);
  return (rows.numel() == 1 ? "image " : "images ") + names;
}

// Where a trajectory that went wrong first did: the same once more, looked at step by step. `fallback` where no image
// shows it.
std::string fault_of(const Setting& setting, const Tensor& x, diffusion::Trajectory along, std::int64_t first,
                     const std::string& fallback) {
  std::string fault;
  const auto look = [&](const Tensor& at, const std::string& when) {
    if (fault = not_finite_images(at, first); fault.empty()) return;
    fault += when;
    throw NotFinite(fault);
  };
  along.model = [&, ask = std::move(along.model)](const Tensor& at, double time) {
    const std::string when = fmt::format(" at time {:.6g}", time);
    look(at, when);
    const Tensor output = ask(at, time);
    look(output, when);
    return output;
  };
  setting.model.begin();
  const bool checks = std::exchange(setting.model.engine->checks_finite, false);  // it would not say which image
  try {
    look(setting.sampler->sample(x, along), " at the end");
  } catch (const NotFinite& error) {
    if (fault.empty()) fault = error.what();
  }
  setting.model.engine->checks_finite = checks;
  return fault.empty() ? fallback : fault;
}

}  // namespace

std::vector<std::int64_t> labels_of(const Setting& setting, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> labels;
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto image = static_cast<std::uint64_t>(i);
    labels.push_back(setting.classes.empty()
                         ? static_cast<std::int64_t>(Random(setting.seed, Purpose::sampling_label, image)
                                                         .below(static_cast<std::uint64_t>(setting.model.classes)))
                         : setting.classes[image % setting.classes.size()]);
  }
  return labels;
}

Tensor images_of(const Setting& setting, std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> images(static_cast<std::size_t>(count));
  std::iota(images.begin(), images.end(), first);
  const auto normals = [&](std::int64_t draw) {
    const std::vector<std::int64_t> draws(images.size(), draw);
    return model::to_device(diffusion::normal_rows(setting.seed, Purpose::sampling, images, draws, setting.shape),
                            setting.device);
  };
  const Tensor y = model::to_device(torch::tensor(labels_of(setting, first, count), torch::kInt64), setting.device);
  const Tensor x = normals(0);
  const diffusion::Trajectory along{.model = denoiser_of(setting.model, setting.guidance, y),
                                    .noise = [&](std::int64_t step) { return normals(1 + step); }};
  std::string why = fmt::format("images {} to {}", first, first + count - 1);
  try {
    Tensor made = in_range("trajectory", [&] { return setting.sampler->sample(x, along); });
    if (model::not_finite({made}).empty()) return made;
  } catch (const NotFinite& error) {
    why += std::string(": ") + error.what();
  }
  throw NotFinite("a sample is not finite", fault_of(setting, x, along, first, why), model::not_finite_reason);
}

}  // namespace dydit::sample
