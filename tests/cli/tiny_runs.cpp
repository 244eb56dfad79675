// SPDX-License-Identifier: Apache-2.0
#include "tiny_runs.h"

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
