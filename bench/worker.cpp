// SPDX-License-Identifier: Apache-2.0
// The model as a process that bench/peers times beside other implementations: it loads a checkpoint, then answers
// each line on stdin with the seconds that R repetitions of its work took, on stdout. The work, and its lines:
//   forward    `N R`: forward pass of N images, with weights of the given type
//   train      `N R`: training step (forward, mean of the squared output, backward, AdamW): float32 weights, under
//              bfloat16 autocast unless the type is float32
//   engines    `ENGINE INPUT R OUTPUT`: a pass of that engine on x, t and y of a .safetensors file, under its heads,
//              channels and tokens where it has them, with routers run; R are counted, behind one that is not. OUTPUT:
//              the file for what the last one puts out, or "-". What fails is answered with "error: " and a line.
#include <torch/cuda.h>
#include <torch/types.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/faults.h"
#include "base/memory.h"
#include "checkpoint/safetensors.h"
#include "dit/engines.h"
#include "dit/weights.h"
#include "model/device.h"
#include "model/tensors.h"
#include "run/runner.h"
#include "train/autocast.h"
#include "train/optimiser.h"

namespace {

using namespace dydit;
using torch::Tensor;

struct Batch {
  Tensor x, t, y;
};

Batch batch(const dit::Configuration& c, std::int64_t n, torch::Device device, torch::Dtype dtype) {
  return {.x = torch::randn({n, c.in_channels, c.input_size, c.input_size}).to(device, dtype),
          .t = torch::randint(0, 1000, {n}, torch::kInt64).to(device),
          .y = torch::randint(0, c.num_classes, {n}, torch::kInt64).to(device)};
}

template <typename Repeat>
double seconds_of(torch::Device device, std::int64_t repetitions, const Repeat& repeat) {
  const auto synchronise = [&] {
    if (device.is_cuda()) torch::cuda::synchronize();
  };
  synchronise();
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < repetitions; ++i) repeat();
  synchronise();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

using Work = std::function<double(std::int64_t n, std::int64_t repetitions)>;

Work forward(dit::DiT dit, torch::Device device, torch::Dtype dtype) {
  return [=](std::int64_t n, std::int64_t repetitions) mutable {
    torch::InferenceMode inference;
    const Batch in = batch(dit->configuration, n, device, dtype);
    return seconds_of(device, repetitions, [&] { dit->forward(in.x, in.t, in.y); });
  };
}

Work training(dit::DiT dit, torch::Device device, bool autocast) {
  auto optimiser = std::make_shared<train::AdamW>(*dit, /*weight_decay=*/0, /*gradient_clip=*/0);
  return [=](std::int64_t n, std::int64_t repetitions) mutable {
    const Batch in = batch(dit->configuration, n, device, torch::kFloat32);
    return seconds_of(device, repetitions, [&] {
      Tensor loss;
      {
        const train::Autocast scope(device, autocast);
        loss = dit->forward(in.x, in.t, in.y).to(torch::kFloat32).square().mean();
      }
      loss.backward();
      optimiser->step(1e-4);
    });
  };
}

// A model's engines, on inputs that are read once.
class Engines {
 public:
  Engines(dit::DiT dit, torch::Device device, torch::Dtype dtype)
      : dit_(std::move(dit)), device_(device), dtype_(dtype) {}

  double seconds(const std::string& name, const std::string& path, std::int64_t repetitions,
                 const std::string& output) {
    const torch::InferenceMode inference;
    engine::Engine& engine = this->engine(name);
    const Given& given = this->given(path);
    if (planned_.emplace(name, path).second) engine.plan(std::get<0>(at::_unique(given.in.t)));
    Tensor last;
    const auto pass = [&] { last = engine.forward(given.in, given.masks, engine::Overruled::run).output; };
    engine.checks_finite = output != "-";  // else the host would wait for a GPU
    pass();
    const double taken = seconds_of(device_, repetitions, pass);
    if (output != "-")
      checkpoint::write_safetensors(output, {{"output", model::from_torch(last.to(torch::kCPU, torch::kFloat32))}});
    return taken;
  }

 private:
  struct Given {
    model::Inputs in;
    engine::Masks masks;
  };

  engine::Engine& engine(const std::string& name) {
    auto& engine = engines_[name];
    if (engine == nullptr)
      engine = family_.engine(name).make(dit_.ptr(), {.packing_budget = std::numeric_limits<std::size_t>::max()});
    return *engine;
  }

  const Given& given(const std::string& path) {
    const auto found = given_.find(path);
    if (found != given_.end()) return found->second;
    const auto file = checkpoint::read_safetensors(path);
    const auto read = [&](const std::string& name) {
      const auto tensor = file.tensors.find(name);
      if (tensor == file.tensors.end()) throw InputError("a tensor is missing", path, name);
      return model::to_torch(tensor->second).to(device_, /*non_blocking=*/false, /*copy=*/true);
    };
    Given given{.in = {.x = read("x").to(dtype_), .t = read("t"), .y = read("y")}, .masks = {}};
    const auto first = given.in.t[0];
    if ((given.in.t == first).all().item<bool>()) given.in.time = first.item<double>();
    if (file.tensors.contains("tokens"))
      for (const char* axis : {"heads", "channels", "tokens"}) given.masks.push_back(read(axis) != 0);
    return given_.emplace(path, std::move(given)).first->second;
  }

  dit::DiT dit_;
  torch::Device device_;
  torch::Dtype dtype_;
  engine::Family family_ = dit::family();
  std::map<std::string, std::unique_ptr<engine::Engine>> engines_;
  std::map<std::string, Given> given_;
  std::set<std::pair<std::string, std::string>> planned_;
};

void answer_for_engines(Engines engines) {
  for (std::string line; std::getline(std::cin, line);) try {
      std::istringstream words(line);
      std::string name, input, output;
      std::int64_t repetitions = 0;
      if (!(words >> name >> input >> repetitions >> output))
        throw UsageError("no such request", line, "ENGINE INPUT R OUTPUT");
      std::cout << engines.seconds(name, input, repetitions, output) << std::endl;
    } catch (const std::exception& error) {
      std::cout << "error: " << one_line(error) << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() != 5 || (words[1] != "forward" && words[1] != "train" && words[1] != "engines"))
    throw UsageError("usage", "dydit_worker", "CHECKPOINT forward|train|engines DEVICE DTYPE THREADS");
  prepare_memory();
  at::set_num_threads(std::stoi(words[4]));
  const bool trains = words[1] == "train";
  const torch::Device device = run::device_named(words[2]);
  const torch::Dtype dtype = model::dtype_named(words[3]);
  const dit::DiT dit =
      dit::load_dit(words[0], checkpoint::Weights::automatic, std::nullopt, device, trains ? torch::kFloat32 : dtype);
  if (words[1] == "engines") {
    answer_for_engines({dit, device, dtype});
    return 0;
  }
  const Work work = trains ? training(dit, device, dtype != torch::kFloat32) : forward(dit, device, dtype);
  for (std::int64_t n = 0, repetitions = 0; std::cin >> n >> repetitions;)
    std::cout << work(n, repetitions) << std::endl;
  return std::cin.eof() ? 0 : 2;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
