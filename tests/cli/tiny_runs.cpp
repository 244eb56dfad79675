// SPDX-License-Identifier: Apache-2.0
#include "tiny_runs.h"

#include <cstdlib>
#include <stdexcept>

#include "base/file.h"
#include "record/run_directory.h"

namespace dydit::test {

Arguments training(const Arguments& more, const std::string& data) {
  Arguments arguments{"train", "--hidden-size", "16", "--depth",      "1", "--num-heads",       "2",  "--in-channels",
                      "3",     "--input-size",  "8",  "--patch-size", "4", "--num-classes",     "10", "--data",
                      data,    "--batch",       "8",  "--threads",    "1", "--held-out-images", "10", "--device",
                      "cpu"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::filesystem::path study_profile(const std::filesystem::path& folder) {
  const auto run = folder / "trained";
  if (run_dydit(training({"--steps", "6", "--checkpoint-every", "3", "--out", run})).code != 0)
    throw std::runtime_error("the training failed");
  const auto path = folder / "tiny.toml";
  write_atomically(path, R"(
data = { path = "synthetic:40", size = 8 }
loss-gap = { timesteps = 25, chunk = 2 }
loss-map = { images = 6, draws = 4 }
[[models]]
name = "small"
checkpoint = "trained/checkpoints/DiT-00000003.safetensors"
[[models]]
name = "large"
checkpoint = "trained/checkpoints/DiT-00000006.safetensors"
)");
  return path;
}

Arguments sampling(const std::filesystem::path& folder) {
  const auto run = folder / "model";
  if (run_dydit(training({"--steps", "60", "--learning-rate", "1e-2", "--out", run})).code != 0)
    throw std::runtime_error("the training failed");
  return {"sample",   "--checkpoint", run / "checkpoints" / "DiT-00000060.safetensors", "--threads", "1",
          "--device", "cpu"};
}

std::map<std::string, std::string> images_of(const std::filesystem::path& run) {
  auto files = files_in(run);
  for (const char* name : {"lock", "log.txt", "manifest.json", "results.jsonl"}) files.erase(name);
  return files;
}

std::vector<std::uint8_t> pixels_of(const std::filesystem::path& run) {
  const std::string zip = read_file(run / "samples.npz"), shape = "'shape': (";
  const std::size_t images = std::stoul(zip.substr(zip.find(shape) + shape.size())), begin = zip.find('\n') + 1;
  return {zip.begin() + static_cast<std::ptrdiff_t>(begin),
          zip.begin() + static_cast<std::ptrdiff_t>(begin + images * 192)};
}

int largest_difference(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) return 256;
  int largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(int{a[i]} - int{b[i]}));
  return largest;
}

Result result_of(const std::filesystem::path& run) {
  Result result;
  for (record::Record record : record::read_run(run).records) {
    for (const char* metric : {"images_per_second", "forward_images_per_second", "seconds"})
      record.metrics.erase(metric);
    record.process.clear();
    record.machine.clear();
    result.records[record.cell] = record::to_line(record);
  }
  for (const char* folder : {"tensors", "checkpoints"})
    if (std::filesystem::is_directory(run / folder))
      for (const auto& entry : std::filesystem::directory_iterator(run / folder))
        result.files[entry.path().filename()] = read_file(entry.path());
  return result;
}

std::map<std::string, std::string> files_in(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) files[entry.path().lexically_relative(folder)] = read_file(entry.path());
  return files;
}

}  // namespace dydit::test
