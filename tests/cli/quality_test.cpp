// SPDX-License-Identifier: Apache-2.0
// dydit quality: what a user sees of it. The numbers are those of tests/quality.
#include <torch/script.h>
#include <torch/torch.h>

#include <cmath>
#include <csignal>

#include "base/file.h"
#include "base/json.h"
#include "base/random.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "data/data_files.h"
#include "data/png.h"
#include "golden.h"
#include "inception_weights.h"
#include "model/tensors.h"
#include "probe.h"
#include "process.h"

using namespace dydit;
using Catch::Matchers::Contains;
using test::run_dydit;

namespace {

// The published case's two sets, as users write them.
struct Sets {
  Sets() {
    const test::Golden golden("metrics");
    checkpoint::write_safetensors(real(), {{"features", golden.tensors.at("ref")}});
    checkpoint::write_safetensors(generated(),
                                  {{"features", golden.tensors.at("sample")}, {"logits", golden.tensors.at("logits")}});
  }
  std::string real() const { return folder.path() / "real.safetensors"; }
  std::string generated() const { return folder.path() / "generated.safetensors"; }
  test::TemporaryFolder folder;
};

}  // namespace

TEST_CASE("quality prints what both sets allow, as JSON under the names of the contract") {
  const Sets sets;
  const auto all = run_dydit({"quality", sets.real(), sets.generated(), "--json", "--quiet", "--resamples", "20"});
  REQUIRE(all.code == 0);
  const Json json = Json::parse(all.out);
  for (const char* name : {"frechet", "kernel", "inception_score", "precision", "recall"}) {
    CAPTURE(name);
    CHECK(json.at(name).is_number());
    CHECK(json.at("ci95").contains(name) == (std::string(name) == "frechet" || std::string(name) == "inception_score"));
  }
  CHECK_FALSE(json.contains("frechet_spatial"));
  CHECK(json["recall"] == 0.845);
  CHECK(all.err.empty());
  const auto words = run_dydit({"quality", sets.real(), sets.generated()});
  CHECK_THAT(words.out, Contains("recall                  0.845"));
  CHECK_THAT(words.err, Contains("frechet_spatial: there are no spatial features"));
  // The other way round precision and recall change places.
  const auto turned =
      run_dydit({"quality", sets.generated(), sets.real(), "--json", "--quiet", "--metric", "precision"});
  CHECK(Json::parse(turned.out) == Json{{"precision", 0.845}});
}

TEST_CASE("quality refuses what it cannot judge in one line") {
  const Sets sets;
  const auto refused = [&](const test::Arguments& arguments, int code, const char* why) {
    const auto outcome = run_dydit(arguments);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(why));
  };
  refused({"quality", sets.real()}, 2, "B is required");
  refused({"quality", sets.real(), sets.generated(), "--metric", "fid"}, 2, "fid");
  refused({"quality", sets.real(), sets.generated(), "--metric", "frechet_spatial"}, 2, "no spatial features");
  refused({"quality", sets.real(), sets.generated(), "--neighbours", "200", "--metric", "recall"}, 2,
          "fewer than 201 images");
  refused({"quality", sets.real(), sets.generated(), "--splits", "201", "--metric", "inception_score"}, 2, "--splits");
  refused({"quality", sets.real(), "missing.safetensors"}, 3, "missing.safetensors");
  refused({"quality", sets.real(), "picture.png"}, 3, "not a set of images or features");
}

TEST_CASE("probe features writes what the published network sees") {
  const test::Golden golden("inception_fid");
  const test::TemporaryFolder folder;
  const std::string weights = folder.path() / "inception.safetensors";
  checkpoint::write_safetensors(weights, test::inception_weights());
  const torch::Tensor j = torch::arange(2 * 3 * 299 * 299, torch::kFloat64);
  const torch::Tensor images =
      (0.5 + 0.5 * torch::sin(0.37 * j + 0.5 + 1e-6 * j * j)).to(torch::kFloat32).view({2, 3, 299, 299});
  const auto seen = test::run_probe("features", {{"image", images}}, {"--checkpoint", weights});
  INFO(seen.outcome.err);
  REQUIRE(seen.written.size() == 3);
  CHECK(test::rel_l2(seen.written.at("features"), golden["pool3"]) <= 1e-5);
  // A judge takes what was written.
  const std::string set = folder.path() / "set.safetensors";
  checkpoint::Tensors tensors;
  for (const auto& [name, tensor] : seen.written) tensors[name] = model::from_torch(tensor.contiguous());
  checkpoint::write_safetensors(set, tensors);
  const auto judged = run_dydit({"quality", set, set, "--metric", "frechet_spatial", "--json", "--quiet"});
  CHECK(Json::parse(judged.out)["frechet_spatial"].get<double>() == Approx(0).margin(1e-6));
  const auto refused = test::run_probe("features", {{"image", images}}, {"--checkpoint", set}).outcome;
  CHECK(refused.code == 3);
  CHECK_THAT(refused.err, Contains("no network that sees features"));
}

namespace {

// Pictures of two kinds: a folder of class folders and an .npz of other draws of them.
void write_pictures(const std::filesystem::path& folder, std::int64_t count, int side) {
  for (std::int64_t i = 0; i < count; ++i) {
    data::Image image{side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * side * side))};
    Random random(7, Purpose::synthetic, static_cast<std::uint64_t>(i));
    const auto level = random.below(200);
    for (std::uint8_t& pixel : image.pixels) pixel = static_cast<std::uint8_t>(level + random.below(50));
    const auto place = folder / (i % 2 == 0 ? "even" : "odd");
    std::filesystem::create_directories(place);
    write_atomically(place / (std::to_string(i) + ".png"), data::encode_png(image));
  }
}

// Mean and deviation of each channel of a picture, as any TorchScript module.
std::string write_script(const std::filesystem::path& path) {
  torch::jit::Module module("moments");
  module.define("def forward(self, x):\n    return torch.cat([x.mean([2, 3]), x.std([2, 3])], 1)\n");
  module.save(path.string());
  return path.string();
}

}  // namespace

TEST_CASE("quality sees features in images by a network that a user names") {
  const test::TemporaryFolder folder;
  const std::string real = folder.path() / "real", network = write_script(folder.path() / "network.pt");
  write_pictures(real, 40, 12);
  const auto judged = [&](const test::Arguments& more) {
    test::Arguments arguments{"quality", "--device", "cpu"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_dydit(arguments);
  };
  const auto own = judged({real, real, "--features", network, "--json", "--quiet"});
  INFO(own.err);
  REQUIRE(own.code == 0);
  const Json json = Json::parse(own.out);
  CHECK(json["frechet"].get<double>() == Approx(0).margin(1e-9));
  CHECK(json["precision"] == 1.0);
  CHECK_FALSE(json.contains("inception_score"));
  // The features in a file of their own are as good, and nobody mixes those of two networks.
  const std::string features = folder.path() / "features.safetensors";
  REQUIRE(run_dydit({"data", "features", real, "--features", network, "--out", features, "--device", "cpu"}).code == 0);
  CHECK(Json::parse(judged({features, real, "--features", network, "--json", "--quiet"}).out) == json);
  const std::string other = folder.path() / "other.pt";
  torch::jit::Module module("other");
  module.define("def forward(self, x):\n    return x.mean([2, 3])\n");
  module.save(other);
  const auto mixed = judged({features, real, "--features", other});
  CHECK(mixed.code == 2);
  CHECK_THAT(mixed.err, Contains("features of two networks are not comparable"));
  // Without a network, and with one that makes no features of images.
  const auto nameless = judged({real, real});
  CHECK(nameless.code == 2);
  CHECK_THAT(nameless.err, Contains("--features: name the network"));
  module = torch::jit::Module("words");
  module.define("def forward(self, x):\n    return 'words'\n");
  module.save(other);
  CHECK_THAT(judged({real, real, "--features", other}).err, Contains("makes no features"));
  module = torch::jit::Module("flat");
  module.define("def forward(self, x):\n    return torch.matmul(x, torch.ones(5, 5))\n");
  module.save(other);
  const auto unfit = judged({real, real, "--features", other});
  CHECK(unfit.code == 3);
  CHECK(test::is_one_error(unfit.err));
  CHECK_THAT(unfit.err, Contains("does not take these images"));
}

TEST_CASE("sets of images are taken as they are, or refused in one line") {
  const test::TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const std::string network = write_script(path("network.pt"));
  write_pictures(path("real"), 20, 12);
  const auto judged = [&](const std::string& set, test::Arguments more = {}) {
    more.insert(more.begin(),
                {"quality", path("real"), set, "--features", network, "--metric", "frechet", "--device", "cpu"});
    return run_dydit(more);
  };
  // The same pictures as the ADM evaluator takes them, in two orders.
  const std::vector<std::uint8_t> pixels = [&] {
    std::vector<std::uint8_t> all;
    const auto set = data::open_image_set(path("real"), std::nullopt);
    std::vector<float> image(static_cast<std::size_t>(set->shape().elements()));
    for (std::int64_t i = 0; i < set->size(); ++i) {
      set->read(i, false, image);
      for (std::size_t at = 0; at < image.size(); ++at)
        all.push_back(static_cast<std::uint8_t>(std::lround((image[at % 3 * image.size() / 3 + at / 3] + 1) * 127.5F)));
    }
    return all;
  }();
  test::write_zip(path("same.npz"), {{"arr_0.npy", test::npy("|u1", "(20, 12, 12, 3)", pixels)}});
  const auto same = judged(path("same.npz"), {"--json"});
  INFO(same.err);
  CHECK(Json::parse(same.out)["frechet"].get<double>() == Approx(0).margin(1e-6));

  const auto refused = [&](const std::string& set, const char* why, test::Arguments more = {}, int code = 3) {
    const auto outcome = judged(set, std::move(more));
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(why));
  };
  refused(path("same.npz"), "leave out --image-size", {"--image-size", "8"}, 2);
  const std::string whole = read_file(path("same.npz"));
  write_atomically(path("cut.npz"), whole.substr(0, whole.size() / 2));
  refused(path("cut.npz"), "cut.npz");
  test::write_zip(path("floats.npz"), {{"arr_0.npy", test::npy("<f4", "(1, 2, 2, 3)", std::vector<float>(12))}});
  refused(path("floats.npz"), "F32 (1, 2, 2, 3), give U8 (N, H, W, 3)");
  test::write_zip(path("short.npz"), {{"arr_0.npy", test::npy("|u1", "(30, 12, 12, 3)", pixels)}});
  refused(path("short.npz"), "arr_0");
  std::filesystem::create_directories(path("empty"));
  refused(path("empty"), "no images");
  // Sizes that differ, which a crop mends; and a picture that is none.
  write_pictures(path("mixed"), 4, 12);
  write_pictures(folder.path() / "mixed" / "larger", 4, 16);
  refused(path("mixed"), "images of several sizes: 16 x 16, the first one 12 x 12");
  CHECK(judged(path("mixed"), {"--image-size", "12"}).code == 0);
  write_atomically(folder.path() / "real" / "broken.png", "no picture");
  refused(path("real"), "broken.png");
}

TEST_CASE("a classifier of the data at hand judges images, and its training goes on where it was stopped") {
  const test::TemporaryFolder folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const auto training = [&](const char* out) {
    return test::Arguments{"classifier", "synthetic:400",
                           "--held-out", "synthetic:200",
                           "--out",      path(out),
                           "--size",     "16",
                           "--width",    "4",
                           "--epochs",   "24",
                           "--batch",    "40",
                           "--device",   "cpu",
                           "--threads",  "1"};
  };
  const auto whole = run_dydit(training("whole.safetensors"));
  INFO(whole.err);
  REQUIRE(whole.code == 0);
  CHECK_THAT(whole.out, Contains("of 200 held-out images are classified rightly"));
  CHECK_FALSE(std::filesystem::exists(path("whole.safetensors.training")));
  test::Process process(training("stopped.safetensors"));
  REQUIRE(test::appears(path("stopped.safetensors.training")));
  process.send(SIGINT);
  const auto stopped = process.wait();
  CHECK(stopped.code == 130);
  CHECK_THAT(stopped.err, Contains("the same command goes on"));
  CHECK_FALSE(std::filesystem::exists(path("stopped.safetensors")));
  auto another = training("stopped.safetensors");
  another.insert(another.end(), {"--seed", "5"});
  CHECK_THAT(run_dydit(another).err, Contains("another training was begun there"));
  REQUIRE(run_dydit(training("stopped.safetensors")).code == 0);
  CHECK((read_file(path("stopped.safetensors")) == read_file(path("whole.safetensors"))));

  const auto refused = [&](test::Arguments arguments, std::size_t at, const char* value, const char* why) {
    arguments[at] = value;
    const auto outcome = run_dydit(arguments);
    INFO(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(test::is_one_error(outcome.err));
    CHECK_THAT(outcome.err, Contains(why));
  };
  const auto arguments = training("new.safetensors");
  refused(arguments, 7, "4", "--size");
  write_pictures(path("some"), 20, 16);
  write_pictures(path("others"), 10, 16);
  std::filesystem::rename(folder.path() / "others" / "even", folder.path() / "others" / "zero");
  auto of_folders = arguments;
  of_folders[1] = path("some");
  refused(of_folders, 3, path("some").c_str(), "are those that are trained on");
  refused(of_folders, 3, path("others").c_str(), "class 0 is 'odd', and was 'even'");

  // Far better than chance, and its features see that pictures of two classes are others than all.
  const double accuracy = std::stod(whole.out.substr(whole.out.find(": ") + 2));
  CHECK(accuracy > 60);
  write_pictures(path("real"), 40, 16);
  write_pictures(path("larger"), 40, 24);
  const auto judged =
      run_dydit({"quality", path("real"), path("larger"), "--features", path("whole.safetensors"), "--device", "cpu"});
  INFO(judged.err);
  CHECK(judged.code == 0);
  CHECK_THAT(judged.out, Contains("frechet_spatial") && Contains("inception_score"));
  CHECK_THAT(judged.err, Contains("images of A are 16 x 16, of B 24 x 24: --image-size crops both alike"));
}
