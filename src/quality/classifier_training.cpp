// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <span>

#include "base/bounds.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/json.h"
#include "base/progress.h"
#include "base/random.h"
#include "checkpoint/safetensors.h"
#include "classifier_layers.h"
#include "data/loader.h"
#include "model/device.h"
#include "model/tensors.h"
#include "train/autocast.h"
#include "train/optimiser.h"
#include "train/options.h"

namespace dydit::quality {

using torch::Tensor;

namespace {

constexpr Bounds<std::int64_t> class_bounds{1, 1'000'000}, size_bounds{8, 1024}, width_bounds{4, 1024};

const Schema<ClassifierConfiguration>& configuration_schema() {
  using C = ClassifierConfiguration;
  static const auto schema = Schema<C>()
                                 .add("classes", &C::classes, class_bounds, "that it tells")
                                 .add("size", &C::size, size_bounds, "side of its images")
                                 .add("width", &C::width, width_bounds, "channels of the first layer");
  return schema;
}

constexpr double norm_eps = 1e-5;

// With norms, which are folded into the convolutions of the file.
class Network final : public torch::nn::Module {
 public:
  Network(const ClassifierConfiguration& c, std::uint64_t seed) {
    std::uint64_t number = 0;
    const auto drawn = [&](std::vector<std::int64_t> shape, std::int64_t inputs) {
      const Tensor weight = torch::empty(shape);
      Random(seed, Purpose::initialisation, number++)
          .fill_normal({weight.data_ptr<float>(), static_cast<std::size_t>(weight.numel())});
      return weight * std::sqrt(2.0 / static_cast<double>(inputs));
    };
    for (const ClassifierLayer& layer : classifier_layers(c)) {
      const std::string name = layer.name;
      Norm norm;
      norm.convolution = register_parameter(key(name, "weight"), drawn({layer.out, layer.in, 3, 3}, 9 * layer.in));
      norm.gain = register_parameter(key(name, "gain"), torch::ones({layer.out}));
      norm.bias = register_parameter(key(name, "bias"), torch::zeros({layer.out}));
      norm.mean = register_buffer(key(name, "mean"), torch::zeros({layer.out}));
      norm.variance = register_buffer(key(name, "variance"), torch::ones({layer.out}));
      layers_[name] = norm;
    }
    head_ = register_parameter("head", drawn({c.classes, 8 * c.width}, 16 * c.width));
  }

  /// Logits (N,K) of images from -1 to 1.
  Tensor forward(const Tensor& images) {
    return classify(images, head_,
                    [this](const std::string& name, const Tensor& x) {
                      const Norm& of = layers_.at(name);
                      const Tensor convolved = at::conv2d(x, of.convolution, {}, {1, 1}, {1, 1});
                      return at::batch_norm(convolved, of.gain, of.bias, of.mean, of.variance, /*training=*/true,
                                            /*momentum=*/0.1, norm_eps, /*cudnn_enabled=*/true)
                          .relu();
                    })
        .logits;
  }

  checkpoint::Tensors folded() const {
    torch::NoGradGuard no_grad;
    checkpoint::Tensors tensors;
    const auto put = [&](const std::string& name, const Tensor& tensor) {
      tensors[name] = model::from_torch(tensor.to(torch::kFloat16).cpu());
    };
    for (const auto& [name, of] : layers_) {
      const Tensor gain = of.gain / (of.variance + norm_eps).sqrt();
      put(name + ".weight", of.convolution * gain.view({-1, 1, 1, 1}));
      put(name + ".bias", of.bias - of.mean * gain);
    }
    put("head.weight", head_);
    return tensors;
  }

  checkpoint::Tensors all() const {
    checkpoint::Tensors tensors = model::parameters_of(*this, prefix);
    for (const auto& item : named_buffers()) tensors[prefix + item.key()] = model::from_torch(item.value());
    return tensors;
  }
  void load(const checkpoint::Tensors& tensors, const std::string& where) {
    torch::NoGradGuard no_grad;
    const auto copy = [&](const auto& items) {
      for (const auto& item : items) {
        const auto found = tensors.find(prefix + item.key());
        if (found == tensors.end() || found->second.shape != item.value().sizes().vec())
          throw InputError("not the state of this training", where, item.key());
        item.value().set_data(model::to_torch(found->second).to(item.value().device()).clone());
      }
    };
    copy(named_parameters());
    copy(named_buffers());
  }

 private:
  struct Norm {
    Tensor convolution, gain, bias, mean, variance;
  };
  static constexpr const char* prefix = "network.";
  // Names of a module's own tensors have no dots.
  static std::string key(std::string name, const char* what) {
    std::ranges::replace(name, '.', '_');
    return name + "_" + what;
  }

  std::map<std::string, Norm> layers_;
  Tensor head_;
};

Tensor images_of(const data::Batch& batch, const data::Shape& shape) {
  return torch::from_blob(const_cast<float*>(batch.images.data()),
                          {batch.size(), shape.channels, shape.height, shape.width}, torch::kFloat32);
}

// Each image shifted by up to an eighth of its side, what comes in being its mirror image, and without a square of a
// quarter of its side (DeVries and Taylor, arXiv 1708.04552).
Tensor shifted(const Tensor& images, const data::Batch& batch, std::uint64_t seed, std::int64_t epoch) {
  const std::int64_t height = images.size(2), width = images.size(3), most = height / 8;
  const Tensor padded = at::reflection_pad2d(images, {most, most, most, most});
  const Tensor out = torch::empty_like(images);
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    Random random(seed, Purpose::shift, static_cast<std::uint64_t>(batch.indices[static_cast<std::size_t>(i)]),
                  static_cast<std::uint64_t>(epoch));
    const auto upto = [&](std::int64_t last) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(last) + 1));
    };
    const std::int64_t down = upto(2 * most), right = upto(2 * most);
    out[i].copy_(padded[i].narrow(1, down, height).narrow(2, right, width));
    const std::int64_t top = upto(height - 2 * most), left = upto(width - 2 * most);
    out[i].narrow(1, top, 2 * most).narrow(2, left, 2 * most).zero_();
  }
  return out;
}

Trained judged(const std::shared_ptr<const data::Dataset>& held_out, const Classifier& classifier, int threads,
               std::int64_t batch_size) {
  data::Loader loader(held_out, {.batch = batch_size, .threads = threads});
  std::int64_t right = 0, all = 0;
  for (data::Batch batch; loader.next(batch); all += batch.size()) {
    const Tensor told = classifier((images_of(batch, held_out->shape()) + 1) / 2).logits.argmax(1).cpu();
    right += told.eq(torch::tensor(batch.labels)).sum().item<std::int64_t>();
  }
  return {static_cast<double>(right) / static_cast<double>(all), all};
}

// Of sets whose classes are folders: the folder of each class, where its images lie in one.
std::map<std::int64_t, std::string> folders_of(const data::Dataset& set) {
  std::map<std::int64_t, std::string> folders;
  for (std::int64_t i = 0; i < set.size(); ++i) {
    const std::string folder = std::filesystem::path(set.name(i)).parent_path().filename().string();
    const auto [found, is_new] = folders.emplace(set.label(i), folder);
    if (!is_new && found->second != folder) found->second.clear();
  }
  return folders;
}

void require_fit(const data::Dataset& images, const data::Dataset& held_out) {
  const data::Shape shape = images.shape();
  if (shape.channels != 3 || shape.height != shape.width || !(shape == held_out.shape()))
    throw UsageError("a classifier takes square images of three channels", "", "give images for both sets");
  if (images.classes() < 2) throw UsageError("a classifier tells classes apart", "one class", "give several folders");
  if (images.hash() == held_out.hash())
    throw UsageError("the held-out images are those that are trained on", "--held-out", "give other ones");
  const auto known = folders_of(images);
  for (const auto& [label, folder] : folders_of(held_out)) {
    const auto found = known.find(label);
    if (label >= images.classes() ||
        (found != known.end() && !found->second.empty() && !folder.empty() && found->second != folder))
      throw UsageError(
          "the held-out images have other classes",
          fmt::format("class {} is '{}', and was '{}'", label, folder, found == known.end() ? "" : found->second),
          "give both the same folders, or a labels.json");
  }
}

}  // namespace

ClassifierConfiguration classifier_configuration(const checkpoint::Metadata& metadata, const std::string& where) {
  const std::optional<Json> json = parse_json<Json>(metadata.at("classifier"));
  if (!json) throw InputError("not a classifier", where, "its metadata are no JSON");
  try {
    return configuration_schema().from_json(*json, "classifier");
  } catch (const UsageError& error) {
    throw InputError("not a classifier", where, error.what());
  }
}

const Schema<ClassifierTraining>& classifier_training_schema() {
  using T = ClassifierTraining;
  static const auto schema =
      Schema<T>()
          .add("epochs", &T::epochs, Bounds<std::int64_t>{1, 10'000}, "times that each image is seen")
          .add("batch", &T::batch, Bounds<std::int64_t>{2, 65'536}, "images of a step")
          .add("learning_rate", &T::learning_rate, Bounds<double>{1e-6, 1}, "of AdamW, its highest")
          .add("weight_decay", &T::weight_decay, Bounds<double>{0, 10}, "of AdamW")
          .add("width", &T::width, width_bounds, "channels of the first layer; an eighth of its features");
  return schema;
}

Trained train_classifier(const std::shared_ptr<const data::Dataset>& images,
                         const std::shared_ptr<const data::Dataset>& held_out, const std::filesystem::path& path,
                         const ClassifierTraining& training, torch::Device device, int threads, bool quiet) {
  require_fit(*images, *held_out);
  const data::Shape shape = images->shape();
  if (const auto folder = path.parent_path(); !folder.empty() && !std::filesystem::is_directory(folder))
    throw UsageError("no such folder", folder.string(), "make it");
  const ClassifierConfiguration configuration{
      .classes = images->classes(), .size = shape.height, .width = training.width};
  const std::int64_t steps_of_epoch = std::max<std::int64_t>(1, images->size() / training.batch);
  const train::TrainOptions schedule{.steps = training.epochs * steps_of_epoch,
                                     .learning_rate = training.learning_rate,
                                     .warmup_steps = training.epochs * steps_of_epoch / 5,
                                     .decay = "cosine"};
  const std::filesystem::path state = path.string() + ".training";
  Json identity = classifier_training_schema().to_json(training);
  identity["seed"] = training.seed;
  identity["configuration"] = configuration_schema().to_json(configuration);
  identity["data"] = images->hash();

  Network network(configuration, training.seed);
  network.to(device);
  train::AdamW optimiser(network, training.weight_decay, /*gradient_clip=*/1);
  std::int64_t step = 0;
  if (std::filesystem::exists(state)) {
    const checkpoint::SafetensorsFile file = checkpoint::read_safetensors(state);
    const auto of = [&](const char* key) { return file.metadata.contains(key) ? file.metadata.at(key) : ""; };
    if (of("training") != identity.dump())
      throw UsageError("another training was begun there", state.string(), "delete it, or give another --out");
    network.load(file.tensors, state.string());
    optimiser.load(file.tensors, state.string());
    step = Bounds<std::int64_t>{0, schedule.steps}.parse(of("step"), state.string());
  }
  Progress progress("classifier", "steps", schedule.steps, quiet, step);
  data::Loader loader(images, {.batch = training.batch,
                               .threads = threads,
                               .seed = training.seed,
                               .shuffle = true,
                               .flip = true,
                               .first = step * training.batch});
  for (data::Batch batch; step < schedule.steps; ++step) {
    stop_if_interrupted(std::filesystem::exists(state) ? state.string() : "nothing is saved before the first epoch",
                        "the same command goes on");
    loader.next(batch);
    const std::int64_t epoch = step * training.batch / images->size();
    const Tensor x = model::to_device(shifted(images_of(batch, shape), batch, training.seed, epoch), device)
                         .contiguous(at::MemoryFormat::ChannelsLast);
    const Tensor labels = model::to_device(torch::tensor(batch.labels), device);
    Tensor logits;
    {
      const train::Autocast autocast(device, /*enabled=*/true);
      logits = network.forward(x);
    }
    constexpr double smoothing = 0.1;
    const Tensor loss = at::cross_entropy_loss(logits.to(torch::kFloat32), labels, {}, at::Reduction::Mean,
                                               /*ignore_index=*/-100, smoothing);
    loss.backward();
    optimiser.step(train::learning_rate(schedule, step));
    progress.advance(1);
    if ((step + 1) % steps_of_epoch != 0) continue;
    if (!loss.isfinite().item<bool>())
      throw RunError("the classifier's loss is not finite", fmt::format("step {}", step),
                     "take a lower --learning-rate");
    checkpoint::Tensors tensors = network.all();
    optimiser.save(tensors);
    checkpoint::write_safetensors(state, tensors, {{"training", identity.dump()}, {"step", std::to_string(step + 1)}});
  }
  const checkpoint::Tensors weights = network.folded();
  checkpoint::Metadata metadata{{"classifier", configuration_schema().to_json(configuration).dump()}};
  const Trained trained =
      judged(held_out, Classifier(weights, metadata, path.string(), device), threads, training.batch);
  metadata["accuracy"] = fmt::format("{:.4f} of {} held-out images", trained.accuracy, trained.images);
  checkpoint::write_safetensors(path, weights, metadata);
  std::filesystem::remove(state);
  return trained;
}

}  // namespace dydit::quality
