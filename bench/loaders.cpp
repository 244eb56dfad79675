// SPDX-License-Identifier: Apache-2.0
// Whole epochs of each format of data, from a temporary folder: the embedded CIFAR-10 images in their zip and as
// files, and latents. Files lie in the system's cache. bytes/s and items/s are of what comes out, float32.
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "data/loader.h"
#include "instrument/interleaved.h"
#include "model/tensors.h"
#include "npz.h"
#include "store.h"
#include "suite.h"
#include "suites.h"
#include "temporary_folder.h"

namespace dydit::bench {

namespace {

namespace fs = std::filesystem;
using torch::Tensor;

constexpr const char* images = DYDIT_PROFILES "/data/cifar10-sample.zip";
constexpr std::int64_t latents = 1000;

// Not flushed to the disk, as files that are to last are.
void put(const fs::path& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes << std::flush;
  if (!file) throw RunError("cannot write", path.string(), "make room in the temporary folder");
}

fs::path unpacked(const fs::path& place) {
  const auto zip = data::open_zip(images);
  for (const data::Entry& entry : zip->list()) {
    if (!data::is_read_image(entry.name)) continue;
    create_folders((place / entry.name).parent_path());
    put(place / entry.name, zip->read(entry));
  }
  return place;
}

Tensor some_latents() { return instrument::operand({latents, 4, 32, 32}, 0, torch::kFloat32); }

std::string npy_of(const std::string& type, const Tensor& values) {
  return sample::npy_header(type, values.sizes().vec()) +
         std::string(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
}

fs::path npy_folders(const fs::path& place) {
  for (const char* folder : {"bench_features", "bench_labels"}) create_folders(place / folder);
  const Tensor values = some_latents(), label = torch::zeros({1}, torch::kInt64);
  for (std::int64_t i = 0; i < latents; ++i) {
    const std::string name = fmt::format("{}.npy", i);
    put(place / "bench_features" / name, npy_of("<f4", values.narrow(0, i, 1)));
    put(place / "bench_labels" / name, npy_of("<i8", label));
  }
  return place;
}

fs::path safetensors(const fs::path& place) {
  checkpoint::write_safetensors(place / "latents.safetensors",
                                {{"latent", model::from_torch(some_latents())},
                                 {"label", model::from_torch(torch::zeros({latents}, torch::kInt64))}});
  return place / "latents.safetensors";
}

void load(State& state, fs::path (*make)(const fs::path& place), int threads) {
  const test::TemporaryFolder folder;
  const std::shared_ptr<const data::Dataset> set = data::open_dataset(make(folder.path()).string(), {.size = 32});
  time(state, torch::kCPU, [&] {
    data::Loader loader(set, {.batch = 100, .threads = threads});
    for (data::Batch batch; loader.next(batch);) benchmark::DoNotOptimize(batch.images.data());
  });
  count_items(state, set->size());
  count_bytes(state, static_cast<double>(set->size() * set->shape().elements()) * sizeof(float));
}

}  // namespace

void add_loaders() {
  static const std::pair<const char*, fs::path (*)(const fs::path& place)> formats[] = {
      {"zip", [](const fs::path&) { return fs::path(images); }},
      {"folder", unpacked},
      {"npy", npy_folders},
      {"safetensors", safetensors}};
  for (const auto& [format, make] : formats)
    for (const int threads : {1, 2, 4})
      add("loader", {device_axis(torch::kCPU), {"format", format}, {"threads", threads}},
          [=, make = make](State& state) { load(state, make, threads); });
}

}  // namespace dydit::bench
