// SPDX-License-Identifier: Apache-2.0
#include "setup.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <fmt/format.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <iostream>
#include <limits>
#include <optional>

#include "base/bounds.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "cost/cost.h"
#include "data/views.h"
#include "record/manifest.h"

namespace dydit::run {

// The index after "cuda:", 0 for "cuda"; nothing for other devices. Throws UsageError for what is no name of one.
static std::optional<c10::DeviceIndex> gpu_index(const std::string& name) {
  if (name == "cpu" || name == "auto") return std::nullopt;
  if (name == "cuda") return 0;
  constexpr int most = std::numeric_limits<c10::DeviceIndex>::max();
  const std::string prefix = "cuda:";
  const auto index = integer_of<int>(name.starts_with(prefix) ? name.substr(prefix.size()) : "");
  if (!index || *index < 0 || *index > most)
    throw UsageError("no such device", "--device " + shortened(name),
                     fmt::format("give cpu, auto, cuda, or cuda:0 to cuda:{}", most));
  return static_cast<c10::DeviceIndex>(*index);
}

void require_device_name(const std::string& name) { gpu_index(name); }

torch::Device device_named(const std::string& name) {
  const auto index = gpu_index(name);
  const bool available = torch::cuda::is_available();
  if (!index) return name == "auto" && available ? torch::Device(torch::kCUDA, 0) : torch::Device(torch::kCPU);
  if (!available)
    throw RunError("no GPU", name,
                   "run on a machine with an NVIDIA GPU and driver, with a build that has CUDA, or use --device cpu");
  if (*index >= static_cast<int>(torch::cuda::device_count()))
    throw RunError("no such GPU", name, fmt::format("there are {}", torch::cuda::device_count()));
  return {torch::kCUDA, *index};
}

std::shared_ptr<const data::Dataset> open_data(const DataSpec& spec, std::uint64_t seed) {
  if (spec.path.empty()) throw UsageError("no data", "", "give --data or data.path in the profile");
  std::shared_ptr<const data::Dataset> dataset = data::open_dataset(spec.path, {.size = spec.size}, seed);
  return spec.grain == 0 ? dataset : std::make_shared<data::Grained>(dataset, spec.grain, seed);
}

void require_fit(const data::Dataset& dataset, const DataSpec& spec, const model::Architecture& c,
                 const std::string& model) {
  const data::Shape shape = dataset.shape(), wanted{c.channels, c.side, c.side};
  if (shape != wanted)
    throw UsageError("the data do not fit the model", fmt::format("{} and {}", spec.path, model),
                     fmt::format("samples are {}x{}x{}, the model takes {}x{}x{}", shape.channels, shape.height,
                                 shape.width, wanted.channels, wanted.height, wanted.width));
  if (dataset.classes() == c.classes) return;
  std::string remedy =
      fmt::format("the data have {}, the model {}; a labels.json can state the mapping", dataset.classes(), c.classes);
  // Which folders were taken as classes may tell why.
  for (const std::string& note : dataset.notes()) remedy += "; " + note;
  throw UsageError("the classes do not fit the model", fmt::format("{} and {}", spec.path, model), remedy);
}

// "13.0 with cuDNN 9.15.1"
static std::string cuda_versions() {
  const auto& hooks = at::detail::getCUDAHooks();
  const long cuda = hooks.versionCUDART(), cudnn = hooks.hasCuDNN() ? hooks.versionCuDNN() : 0;
  return fmt::format("{}.{} with cuDNN {}.{}.{}", cuda / 1000, cuda % 1000 / 10, cudnn / 10000, cudnn / 100 % 100,
                     cudnn % 100);
}

Json base_manifest(const Json& asked, std::uint64_t seed, const diffusion::ProcessSpec& process,
                   const RunSettings& settings, const Json& identity) {
  const Json build = record::build_description();
  Json numbers = asked;
  numbers.update(Json{{"seed", seed},
                      {"device", torch::DeviceTypeName(settings.device.type(), /*lower_case=*/true)},
                      {"dtype", torch::toString(settings.dtype)},
                      {"revision", build["revision"]},
                      {"tree", build["tree"]}});
  numbers.update(identity);
  Json engines = Json::array();
  for (const engine::Row& row : engine::engines_of(settings.catalog->families))
    engines.push_back({{"name", row.name}, {"executes", engine::to_string(row.executes)}});
  Json manifest{{"identity", numbers}, {"argv", settings.argv}, {"reproduce", settings.reproduce}};
  manifest.update(asked);
  manifest.update(Json{{"process", diffusion::to_json(process)},
                       {"engines", engines},
                       {"build", build},
                       {"machine", record::machine_description()},
                       {"libtorch", TORCH_VERSION},
                       {"cuda", torch::cuda::is_available() ? Json(cuda_versions()) : Json()},
                       {"device", settings.device.str()},
                       {"dtype", torch::toString(settings.dtype)},
                       {"threads", settings.all_threads},
                       {"seed", seed}});
  return manifest;
}

Json base_manifest(const Profile& profile, const RunSettings& settings, const Json& identity) {
  return base_manifest(Json{{"profile", to_json(profile)}}, profile.seed,
                       profile.process.value_or(diffusion::ProcessSpec()), settings, identity);
}

void require_same_everywhere(const Json& identity, const distributed::ProcessGroup& group) {
  if (group.size() == 1) return;
  const Json first = Json::parse(group.broadcast(identity.dump(-1, ' ', false, Json::error_handler_t::replace)));
  if (const auto different = record::differences(first, identity); !different.empty())
    throw UsageError("the processes were started otherwise (" + different.front() + ")",
                     fmt::format("rank {} beside rank 0", group.rank()),
                     "give all the same command, build, weights and data");
  group.any(false);
}

std::unique_ptr<record::RunDirectory> open_run(const std::string& name, const RunSettings& settings,
                                               const Json& manifest) {
  require_same_everywhere(manifest["identity"], settings.group);
  if (!settings.group.leads()) return nullptr;
  stop_if_interrupted("before anything was begun");
  const auto path = settings.out.empty() ? record::default_run_path(record::safe_name(name), manifest) : settings.out;
  (settings.json ? std::cerr : std::cout) << path.string() << std::endl;
  return std::make_unique<record::RunDirectory>(path, manifest, settings.open);
}

Json describe_data(const data::Dataset& dataset, const DataSpec& spec) {
  return {{"path", std::filesystem::path(spec.path).filename().string()},
          {"images", dataset.size()},
          {"classes", dataset.classes()},
          {"size", dataset.shape().height},
          {"grain", spec.grain},
          {"hash", dataset.hash()}};
}

Json describe_model(const std::string& name, const model::Architecture& architecture) {
  Json described{{"name", name},
                 {"configuration", architecture.configuration},
                 {"dense", architecture.dense},
                 {"summary", architecture.summary},
                 {"parameters", architecture.parameters},
                 {"gmacs", cost::macs_of(architecture) * 1e-9}};
  if (architecture.dynamic()) described["units"] = model::to_json(architecture.units);
  return described;
}

}  // namespace dydit::run
