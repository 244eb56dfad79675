// SPDX-License-Identifier: Apache-2.0
#include "quality/set.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "data/npz.h"
#include "model/tensors.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

void require_finite(const Tensor& rows, std::int64_t first, const std::string& where, const std::string& name) {
  const Tensor broken = rows.isfinite().logical_not();
  if (broken.any().item<bool>())
    throw InputError("a value is not finite, or too large", where,
                     fmt::format("{}, row {}", name, first + broken.nonzero()[0][0].item<std::int64_t>()));
}

constexpr const char* network_key = "network";  // of a file's metadata

// What a file of features holds by one name: rows, or their moments alone.
struct Rows {
  Tensor rows;
  std::optional<Gaussian> gaussian;
  std::int64_t count = 0;
};

Rows rows_of(const checkpoint::SafetensorsFile& file, const std::string& name, const std::string& where, bool moments) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) return {};
  Tensor tensor = model::to_torch(found->second);
  if (tensor.dim() != 2 || tensor.numel() == 0 || !tensor.is_floating_point())
    throw InputError("features do not fit", where,
                     fmt::format("{} is {} {}, give one row of numbers for each image", name,
                                 checkpoint::name_of(found->second.type), checkpoint::to_string(found->second.shape)));
  if (tensor.size(1) > most_dimensions)
    throw InputError("too many features", where,
                     fmt::format("{} of each image, {} at most", tensor.size(1), most_dimensions));
  if (moments && tensor.size(0) < 2) throw InputError("one image has no covariance", where, "give two at least");
  Moments sums(moments ? tensor.size(1) : 0);
  constexpr std::int64_t part = 1024;  // of a mapped file that many rows are in memory at once
  for (std::int64_t first = 0; first < tensor.size(0); first += part) {
    const Tensor rows = tensor.narrow(0, first, std::min(part, tensor.size(0) - first));
    const Tensor numbers = rows.to(torch::kFloat32);
    require_finite(numbers, first, where, name);
    if (moments) sums.add(numbers);
    file.mapped->forget({static_cast<const std::byte*>(rows.const_data_ptr()), rows.nbytes()});
  }
  if (moments) return {.rows = {}, .gaussian = sums.gaussian(), .count = tensor.size(0)};
  const std::int64_t count = tensor.size(0);
  return {.rows = tensor.to(torch::kFloat32), .gaussian = {}, .count = count};
}

Set of_features(const std::filesystem::path& path, bool moments) {
  const checkpoint::SafetensorsFile file = checkpoint::read_safetensors(path);
  Set set{.where = path.string()};
  if (const auto network = file.metadata.find(network_key); network != file.metadata.end())
    set.network = network->second;
  Rows features = rows_of(file, "features", set.where, moments), spatial = rows_of(file, "spatial", set.where, moments),
       logits = rows_of(file, "logits", set.where, /*moments=*/false);
  if (features.count == 0) throw InputError("a tensor is missing", set.where, "features");
  for (const Rows* other : {&spatial, &logits})
    if (other->count > 0 && other->count != features.count)
      throw InputError("features do not fit", set.where,
                       fmt::format("{} images have features, {} others", features.count, other->count));
  set.features = std::move(features.rows), set.gaussian = std::move(features.gaussian);
  set.spatial = std::move(spatial.rows), set.spatial_gaussian = std::move(spatial.gaussian);
  set.logits = std::move(logits.rows);
  return set;
}

// Throws InputError unless it can be one.
void require_covariance(const Tensor& covariance, const std::string& where, const std::string& name) {
  constexpr double alike = 1e-6, most = 1e100;
  const auto size = covariance.abs().max().item<double>();
  const auto refuse = [&](const char* why) { throw InputError("not a covariance", where + ": " + name, why); };
  if (size > most) refuse("its numbers are too large");
  if ((covariance - covariance.t()).abs().max().item<double>() > alike * size) refuse("it is not symmetric");
  const Tensor values = torch::linalg_eigvalsh(covariance);
  if (values.min().item<double>() < -alike * values.abs().max().item<double>()) refuse("it has an eigenvalue below 0");
}

Gaussian gaussian_of(const data::Npz& npz, const std::string& suffix, const std::string& where) {
  const auto read = [&](const std::string& name, std::int64_t rank) {
    const Tensor tensor = model::to_torch(npz.read(name + suffix));
    if (!tensor.is_floating_point() || tensor.dim() != rank || tensor.numel() == 0)
      throw InputError("a mean and its covariance do not fit", where + ": " + name + suffix,
                       "give floating numbers, mu (d) and sigma (d, d)");
    Tensor numbers = tensor.to(torch::kFloat64);
    require_finite(numbers, 0, where, name + suffix);
    return numbers;
  };
  Gaussian of{.mean = read("mu", 1), .covariance = read("sigma", 2)};
  const std::int64_t d = of.mean.size(0);
  if (of.covariance.size(0) != d || of.covariance.size(1) != d)
    throw InputError("a mean and its covariance do not fit", where, "give mu (d) and sigma (d, d)");
  require_covariance(of.covariance, where, "sigma" + suffix);
  return of;
}

Set of_moments(const std::filesystem::path& path) {
  const data::Npz npz(path);
  Set set{.where = path.string()};
  if (!npz.has("mu")) throw InputError("neither images nor moments", set.where, "give arr_0, or mu and sigma");
  set.gaussian = gaussian_of(npz, "", set.where);
  if (npz.has("mu_s")) set.spatial_gaussian = gaussian_of(npz, "_s", set.where);
  return set;
}

}  // namespace

void write_set(const std::filesystem::path& path, const Set& set) {
  checkpoint::Tensors tensors{{"features", model::from_torch(set.features)}};
  if (set.spatial.defined()) tensors["spatial"] = model::from_torch(set.spatial);
  if (set.logits.defined()) tensors["logits"] = model::from_torch(set.logits);
  checkpoint::write_safetensors(path, tensors, {{network_key, set.network}});
}

Set read_set(const std::filesystem::path& path, bool moments) {
  if (path.extension() == ".safetensors") return of_features(path, moments);
  if (path.extension() == ".npz") return of_moments(path);
  throw InputError("not a set of images or features", path.string(),
                   "give a folder, .zip or .npz of images, a .safetensors of features, or an .npz with mu and sigma");
}

}  // namespace dydit::quality
