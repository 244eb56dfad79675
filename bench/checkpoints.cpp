// SPDX-License-Identifier: Apache-2.0
// Checkpoints of a small model, written to a temporary folder, in each form that is read: opened, which maps the file
// and reads its description alone, and loaded into a model, which reads all of it. Files lie in the system's cache.
#include <caffe2/serialize/inline_container.h>

#include "base/error.h"
#include "base/file.h"
#include "dit/weights.h"
#include "suite.h"
#include "suites.h"
#include "temporary_folder.h"

namespace dydit::bench {

namespace {

namespace fs = std::filesystem;
using torch::Tensor;

dit::DiT small_model() {
  dit::DiT dit(dit::from_json({{"input_size", 32},
                               {"patch_size", 2},
                               {"in_channels", 4},
                               {"hidden_size", 384},
                               {"depth", 4},
                               {"num_heads", 6},
                               {"num_classes", 1000}}));
  dit->randomise(/*seed=*/0);
  return dit;
}

void write_safetensors(const fs::path& path, const dit::DiT& dit) { dit::save_dit(path, dit, torch::kFloat32); }

// Pieces of pickles, little-endian numbers in them.
std::string little(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}
std::string text(const std::string& value) { return fmt::format("X{}{}", little(value.size(), 4), value); }
std::string integer(std::int64_t value) { return "\x8a\x08" + little(static_cast<std::uint64_t>(value), 8); }
std::string integers(at::IntArrayRef values) {
  std::string tuple = "(";
  for (const std::int64_t value : values) tuple += integer(value);
  return tuple + "t";
}

const std::string protocol = "\x80\x02";

// A state dict whose storages are numbered as its tensors are. `view` is what the form from before PyTorch 1.6 adds.
std::string pickle_of(const dit::DiT& dit, const std::string& view = "") {
  std::string items;
  int number = 0;
  for (const auto& item : dit->named_parameters()) {
    const Tensor& value = item.value();
    const std::string storage = fmt::format("({}ctorch\nFloatStorage\n{}{}{}{}tQ", text("storage"),
                                            text(std::to_string(number++)), text("cpu"), integer(value.numel()), view);
    items += fmt::format("{}ctorch._utils\n_rebuild_tensor_v2\n({}{}{}{}\x89NtR", text(item.key()), storage, integer(0),
                         integers(value.sizes()), integers(value.strides()));
  }
  return fmt::format("{}}}({}u.", protocol, items);
}

// As torch.save writes it: a zip of the pickle and the storages.
void write_zip(const fs::path& path, const dit::DiT& dit) {
  caffe2::serialize::PyTorchStreamWriter writer(path.string());
  const std::string pickle = pickle_of(dit);
  writer.writeRecord("data.pkl", pickle.data(), pickle.size());
  int number = 0;
  for (const Tensor& value : dit->parameters())
    writer.writeRecord(fmt::format("data/{}", number++), value.const_data_ptr(), value.nbytes());
  writer.writeEndOfFile();
}

// As torch.save wrote it before PyTorch 1.6: magic number, version, machine, state dict and the storages' keys, all
// pickles; then the storages, each its number of elements and its bytes.
void write_legacy(const fs::path& path, const dit::DiT& dit) {
  const std::string magic = "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", version = "M\xe9\x03.";
  std::string keys;
  for (std::size_t i = 0; i < dit->parameters().size(); ++i) keys += text(std::to_string(i));
  const std::string front = fmt::format("{0}{1}{0}{2}{0}}}({3}\x88u.{4}{0}]({5}e.", protocol, magic, version,
                                        text("little_endian"), pickle_of(dit, "N"), keys);
  write_atomically(path, [&](const Append& append) {
    append(std::as_bytes(std::span(front)));
    for (const Tensor& value : dit->parameters()) {
      const std::string count = little(static_cast<std::uint64_t>(value.numel()), 8);
      append(std::as_bytes(std::span(count)));
      append({static_cast<const std::byte*>(value.const_data_ptr()), value.nbytes()});
    }
  });
}

// What reads something else is not timed.
void require_equal(const dit::DiT& loaded, const dit::DiT& written, const fs::path& path) {
  const auto expected = written->named_parameters();
  for (const auto& item : loaded->named_parameters())
    if (!torch::equal(item.value(), expected[item.key()]))
      throw RunError("a tensor was not read as it was written", path.string(), item.key());
}

void read(State& state, void (*write)(const fs::path& path, const dit::DiT& dit), bool load) {
  const test::TemporaryFolder folder;
  const fs::path path = folder.path() / "checkpoint";
  const dit::DiT model = small_model();
  write(path, model);
  if (load) {
    require_equal(dit::load_dit(path), model, path);
    time(state, torch::kCPU, [&] { benchmark::DoNotOptimize(dit::load_dit(path)); });
    count_bytes(state, static_cast<double>(fs::file_size(path)));
  } else {
    time(state, torch::kCPU, [&] { benchmark::DoNotOptimize(checkpoint::open_checkpoint(path)); });
  }
}

}  // namespace

void add_checkpoints() {
  static const std::pair<const char*, void (*)(const fs::path& path, const dit::DiT& dit)> formats[] = {
      {"safetensors", write_safetensors}, {"pt_zip", write_zip}, {"pt_legacy", write_legacy}};
  for (const auto& [format, write] : formats)
    for (const char* work : {"open", "load"})
      add("checkpoint", {device_axis(torch::kCPU), {"format", format}, {"work", work}},
          [write = write, loads = work == std::string("load")](State& state) { read(state, write, loads); });
}

}  // namespace dydit::bench
