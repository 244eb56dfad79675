// SPDX-License-Identifier: Apache-2.0
#include "quality/set.h"

#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"
#include "checkpoint/safetensors.h"
#include "data/npz.h"
#include "model/tensors.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

// Calls `look` with a tensor (n,...) that may be a mapped file, some rows at a time: of these alone there are pages.
template <typename Look>
void in_parts(const Tensor& tensor, const Look& look) {
  constexpr std::int64_t part = 1024;
  for (std::int64_t first = 0; first < tensor.size(0); first += part) {
    const Tensor rows = tensor.narrow(0, first, std::min(part, tensor.size(0) - first));
    look(rows, first);
    if (rows.is_contiguous()) page_out(rows.const_data_ptr(), rows.nbytes());
  }
}

// Of at least one dimension.
Tensor finite(const Tensor& tensor, const std::string& where, const std::string& name) {
  in_parts(tensor, [&](const Tensor& rows, std::int64_t first) {
    const Tensor broken = rows.isfinite().logical_not();
    if (broken.any().item<bool>())
      throw InputError("a value is not finite, or too large", where,
                       fmt::format("{}, row {}", name, first + broken.nonzero()[0][0].item<std::int64_t>()));
  });
  return tensor;
}

constexpr const char* network_key = "network";  // of a file's metadata

Tensor rows_of(const checkpoint::Tensors& tensors, const std::string& name, const std::string& where) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return {};
  const Tensor tensor = model::to_torch(found->second);
  if (tensor.dim() != 2 || tensor.numel() == 0 || !tensor.is_floating_point())
    throw InputError("features do not fit", where,
                     fmt::format("{} is {} {}, give one row of numbers for each image", name,
                                 checkpoint::name_of(found->second.type), checkpoint::to_string(found->second.shape)));
  if (tensor.size(1) > most_dimensions)
    throw InputError("too many features", where,
                     fmt::format("{} of each image, {} at most", tensor.size(1), most_dimensions));
  return finite(tensor.to(torch::kFloat32), where, name);
}

Set of_features(const std::filesystem::path& path) {
  const checkpoint::SafetensorsFile file = checkpoint::read_safetensors(path);
  Set set{.where = path.string()};
  if (const auto network = file.metadata.find(network_key); network != file.metadata.end())
    set.network = network->second;
  set.features = rows_of(file.tensors, "features", set.where);
  if (!set.features.defined()) throw InputError("a tensor is missing", set.where, "features");
  set.spatial = rows_of(file.tensors, "spatial", set.where);
  set.logits = rows_of(file.tensors, "logits", set.where);
  for (const Tensor* other : {&set.spatial, &set.logits})
    if (other->defined() && other->size(0) != set.features.size(0))
      throw InputError("features do not fit", set.where,
                       fmt::format("{} images have features, {} others", set.features.size(0), other->size(0)));
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
    return finite(tensor.to(torch::kFloat64), where, name + suffix);
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

Set moments_of(Set set) {
  const auto condense = [&where = set.where](Tensor& features, std::optional<Gaussian>& gaussian) {
    if (!features.defined()) return;
    if (features.size(0) < 2) throw InputError("one image has no covariance", where, "give two at least");
    Moments moments(features.size(1));
    in_parts(features, [&](const Tensor& rows, std::int64_t) { moments.add(rows); });
    gaussian = moments.gaussian();
    features = Tensor();
  };
  condense(set.features, set.gaussian);
  condense(set.spatial, set.spatial_gaussian);
  return set;
}

void write_set(const std::filesystem::path& path, const Set& set) {
  checkpoint::Tensors tensors{{"features", model::from_torch(set.features)}};
  if (set.spatial.defined()) tensors["spatial"] = model::from_torch(set.spatial);
  if (set.logits.defined()) tensors["logits"] = model::from_torch(set.logits);
  checkpoint::write_safetensors(path, tensors, {{network_key, set.network}});
}

Set read_set(const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") return of_features(path);
  if (path.extension() == ".npz") return of_moments(path);
  throw InputError("not a set of images or features", path.string(),
                   "give a folder, .zip or .npz of images, a .safetensors of features, or an .npz with mu and sigma");
}

}  // namespace dydit::quality
