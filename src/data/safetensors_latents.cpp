// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <stdexcept>

#include "base/bounds.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "checkpoint/safetensors.h"
#include "sets.h"

namespace dydit::data {

namespace {

std::int64_t stated_classes(const checkpoint::Metadata& metadata, const std::string& where) {
  const auto found = metadata.find("classes");
  if (found == metadata.end()) return 0;
  const auto classes = integer_of<std::int64_t>(found->second);
  if (!classes || *classes <= 0) throw InputError("'classes' in the metadata is not a positive number", where);
  return *classes;
}

class SafetensorsLatents final : public Labelled {
 public:
  explicit SafetensorsLatents(const std::filesystem::path& path) : file_(path) {
    const std::string where = path.string();
    const checkpoint::SafetensorsFile file = checkpoint::read_safetensors(path);
    const auto take = [&](const char* name) {
      const auto found = file.tensors.find(name);
      if (found == file.tensors.end()) throw InputError(fmt::format("no tensor '{}'", name), where);
      return found->second;
    };
    latents_ = take("latent");
    const checkpoint::Tensor label = take("label");
    const auto& shape = latents_.shape;
    if (shape.size() != 4 || label.shape != std::vector{shape[0]})
      throw InputError(fmt::format("'latent' has shape {} and 'label' {}, not (N, C, h, w) and (N)",
                                   checkpoint::to_string(shape), checkpoint::to_string(label.shape)),
                       where);
    if (latents_.elements() == 0) throw InputError("no latents", where);
    shape_ = {shape[1], shape[2], shape[3]};
    require_latents(latents_, where + ": tensor 'latent'");
    labels_ = labels_of(label, where + ": tensor 'label'");
    classes_ = count_classes(labels_, stated_classes(file.metadata, where), where + ": tensor 'label'");
  }

  std::string name(std::int64_t index) const override { return fmt::format("latent/{}", index); }

  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    if (index < 0 || index >= size()) throw std::out_of_range("no such latent");
    copy_latent(latents_, index, shape_, flip, name(index), out);
    file_.require_unchanged();  // no checksum would tell
  }

  std::string hash() const override { return hash_of(file_.text()); }

 private:
  MappedFile file_;  // as the latents are, too
  checkpoint::Tensor latents_;
};

}  // namespace

std::unique_ptr<Dataset> open_safetensors_latents(const std::filesystem::path& path) {
  return std::make_unique<SafetensorsLatents>(path);
}

}  // namespace dydit::data
