// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "data_files.h"
#include "npy.h"
#include "sets.h"
#include "temporary_folder.h"

using namespace dydit::data;
using namespace dydit::test;
using Catch::Matchers::Contains;
using Integers = std::vector<std::int64_t>;

static std::vector<float> counted(std::size_t count, float first) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), first);
  return values;
}

TEST_CASE(".npy files of versions 1 and 2 are read") {
  const TemporaryFolder place;
  for (const int version : {1, 2}) {
    write(place.path() / "a.npy", npy<float>("<f4", "(2, 3)", counted(6, 0), version));
    const auto array = read_npy(place.path() / "a.npy");
    CHECK(array.shape == Integers{2, 3});
    CHECK(std::ranges::equal(array.as<float>(), counted(6, 0)));
  }
  write(place.path() / "b.npy", npy<std::int64_t>("<i8", "(1,)", {42}));
  CHECK(std::ranges::equal(read_npy(place.path() / "b.npy").as<std::int64_t>(), Integers{42}));
  write(place.path() / "c.npy", npy<double>("<f8", "()", {0.1}));
  CHECK(std::ranges::equal(read_npy(place.path() / "c.npy").as<double>(), std::vector{0.1}));
}

TEST_CASE("any other .npy is refused") {
  const TemporaryFolder place;
  const auto values = counted(6, 0);
  const std::string good = npy<float>("<f4", "(2, 3)", values);
  std::string huge = npy<float>("<f4", "(2, 3)", values, 2);
  std::fill_n(&huge[8], 4, '\x7F');
  std::string no_magic = good;
  no_magic[0] = 'x';
  for (const std::string& text :
       {std::string(), good.substr(0, 9), good.substr(0, 30), good.substr(0, good.size() - 1), good + "x", no_magic,
        huge, npy<float>("<f4", "(2, 3)", values, 3), npy<float>(">f4", "(2, 3)", values),
        npy<float>("<c8", "(3,)", values), npy<float>("|O", "(2, 3)", values), npy<float>("<f4", "(-2, -3)", values),
        npy<float>("<f4", "(4294967296, 4294967296, 4294967296)", values),
        npy<float>("<f4", "(99999999999999999999,)", values), npy<float>("<f4", "(2, 3)", values, 1, "True")}) {
    INFO(text);
    write(place.path() / "a.npy", text);
    CHECK_THROWS_AS(read_npy(place.path() / "a.npy"), dydit::InputError);
  }
}

TEST_CASE("latents of halves and labels of any integer in .npy files are read exactly") {
  const TemporaryFolder place;
  const auto features = place.path() / "x_features", labels = place.path() / "x_labels";
  write(features / "0.npy", npy<std::uint16_t>("<f2", "(1, 1, 1, 3)", {0x3C00, 0xC100, 0x0001}));
  write(features / "1.npy", npy<float>("<f4", "(1, 1, 1, 3)", {1, 2, 3}));
  write(labels / "0.npy", npy<std::int32_t>("<i4", "(1,)", {2}));
  write(labels / "1.npy", npy<std::uint8_t>("|u1", "()", {200}));
  const auto set = open_dataset(place.path().string(), {});
  CHECK(read_sample(*set, 0) == std::vector{1.0F, -2.5F, std::ldexp(1.0F, -24)});
  CHECK(read_sample(*set, 1) == std::vector{1.0F, 2.0F, 3.0F});
  CHECK(set->label(0) == 2);
  CHECK(set->label(1) == 200);
  CHECK(set->notes().empty());

  write(labels / "1.npy", npy<float>("<f4", "(1,)", {3}));
  CHECK_THROWS_WITH(open_dataset(place.path().string(), {}),
                    Contains("x_labels/1.npy") && Contains("labels of type F32"));
  write(features / "0.npy", npy<std::int32_t>("<i4", "(1, 1, 1, 3)", {1, 2, 3}));
  CHECK_THROWS_WITH(open_dataset(place.path().string(), {}),
                    Contains("x_features/0.npy") && Contains("latents of type I32"));
}

static void write_npy_set(const std::filesystem::path& root) {
  for (int i = 0; i < 12; ++i) {
    const std::string name = std::to_string(i) + ".npy";
    write(root / "imagenet_features" / name, npy<float>("<f4", "(1, 4, 2, 3)", counted(24, 100.0F * i)));
    write(root / "imagenet_labels" / name, npy<std::int64_t>("<i8", "(1,)", {i % 5}));
  }
}

TEST_CASE("latents in .npy files come in the order of their numbers") {
  const TemporaryFolder place;
  write_npy_set(place.path());
  const auto set = open_dataset(place.path().string(), {});
  CHECK(set->size() == 12);
  CHECK(set->classes() == 5);
  CHECK(set->shape() == Shape{4, 2, 3});
  CHECK(set->label(11) == 1);
  CHECK(set->name(11) == "imagenet_features/11.npy");
  CHECK(read_sample(*set, 11) == counted(24, 1100));
  const auto mirrored = read_sample(*set, 11, true);
  CHECK(std::vector(mirrored.begin(), mirrored.begin() + 6) == std::vector<float>{1102, 1101, 1100, 1105, 1104, 1103});

  write(place.path() / "labels.json", R"({"classes": 1000})");
  CHECK(open_dataset(place.path().string(), {})->classes() == 1000);
  write(place.path() / "labels.json", R"({"classes": 3})");
  CHECK_THROWS_WITH(open_dataset(place.path().string(), {}),
                    Contains("label 3 in a set of 3 classes") && Contains("imagenet_labels/3.npy"));
}

TEST_CASE("in a folder of latents what cannot be opened is broken, and what is not read is counted") {
  const TemporaryFolder place;
  write_npy_set(place.path());
  const auto features = place.path() / "imagenet_features";
  std::filesystem::remove(features / "3.npy");
  std::filesystem::create_symlink("nowhere.npy", features / "3.npy");
  std::filesystem::remove(features / "11.npy");
  write(features / "0.pt", "");
  write(features / "first.npy", "");
  write(features / "007.npy", "");
  write(features / ".nfs0", "");
  const auto set = open_dataset(place.path().string(), {});
  CHECK(set->size() == 11);
  CHECK_THROWS_AS(read_sample(*set, 3), dydit::InputError);
  CHECK(!set->hash().empty());
  REQUIRE(set->notes().size() == 2);
  CHECK_THAT(set->notes()[0],
             Contains("imagenet_features: 3 files of kinds that are not read were left out: 2 .npy, 1 .pt"));
  CHECK_THAT(set->notes()[1], Contains("labels without a latent: 1"));
}

TEST_CASE("incomplete .npy sets are refused") {
  const TemporaryFolder one, two, three;
  write_npy_set(one.path());
  std::filesystem::remove(one.path() / "imagenet_labels" / "3.npy");
  CHECK_THROWS_WITH(open_dataset(one.path().string(), {}), Contains("3.npy"));

  write_npy_set(two.path());
  std::filesystem::remove_all(two.path() / "imagenet_labels");
  CHECK_THROWS_AS(open_dataset(two.path().string(), {}), dydit::InputError);

  write_npy_set(three.path());
  const auto file = three.path() / "imagenet_features" / "3.npy";
  write(file, npy<float>("<f4", "(1, 4, 3, 2)", counted(24, 0)));
  const auto set = open_dataset(three.path().string(), {});
  CHECK_THROWS_WITH(read_sample(*set, 3), Contains("imagenet_features/3.npy"));
  write(file, npy<float>("<f4", "(1, 4, 2, 3)", std::vector<float>(24, NAN)));
  CHECK_THROWS_WITH(read_sample(*set, 3), Contains("imagenet_features/3.npy") && Contains("finite"));
}

using dydit::checkpoint::Tensor;

static Tensor latents(std::vector<std::int64_t> shape) { return Tensor::of<float>(counted(48, 0), std::move(shape)); }

TEST_CASE("latents in a safetensors file are read as stored") {
  const TemporaryFolder place;
  const auto path = place.path() / "a.safetensors";
  const auto label = Tensor::of<std::int64_t>(Integers{7, 2}, {2});
  dydit::checkpoint::write_safetensors(path, {{"latent", latents({2, 4, 2, 3})}, {"label", label}});
  const auto set = open_dataset(path.string(), {});
  CHECK(set->size() == 2);
  CHECK(set->classes() == 8);
  CHECK(set->label(1) == 2);
  CHECK(set->shape() == Shape{4, 2, 3});
  CHECK(read_sample(*set, 1) == counted(24, 24));
  CHECK(read_sample(*set, 1, true)[0] == 26);

  dydit::checkpoint::write_safetensors(path, {{"latent", latents({2, 4, 2, 3})}, {"label", label}},
                                       {{"classes", "1000"}});
  CHECK(open_dataset(path.string(), {})->classes() == 1000);
}

static Tensor typed(dydit::checkpoint::DType type, std::vector<std::int64_t> shape,
                    const std::vector<std::uint16_t>& bits) {
  const auto owner = std::make_shared<const std::vector<std::uint16_t>>(bits);
  return {type, std::move(shape), std::as_bytes(std::span(*owner)), owner};
}

TEST_CASE("latents of float16 and bfloat16 are converted exactly, every value of them") {
  using dydit::checkpoint::DType;
  const TemporaryFolder place;
  const auto path = place.path() / "a.safetensors";
  std::vector<std::uint16_t> bits(1 << 16);
  std::iota(bits.begin(), bits.end(), std::uint16_t{0});
  const auto label = Tensor::of<std::int32_t>(std::vector<std::int32_t>(1 << 16, 3), {1 << 16});
  for (const auto& [type, fraction_bits, bias] : {std::tuple(DType::f16, 10, 15), {DType::bf16, 7, 127}}) {
    dydit::checkpoint::write_safetensors(path, {{"latent", typed(type, {1 << 16, 1, 1, 1}, bits)}, {"label", label}});
    const auto set = open_dataset(path.string(), {});
    CHECK(set->label(5) == 3);
    const int most = (1 << (15 - fraction_bits)) - 1;
    for (const std::uint16_t each : bits) {
      const int exponent = each >> fraction_bits & most, fraction = each & ((1 << fraction_bits) - 1);
      if (exponent == most) {
        REQUIRE_THROWS_WITH(read_sample(*set, each), Contains("not finite"));
        continue;
      }
      const double size = exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                                        : std::ldexp((1 << fraction_bits) + fraction, exponent - bias - fraction_bits);
      const float value = read_sample(*set, each)[0];
      REQUIRE(value == static_cast<float>(each >> 15 != 0 ? -size : size));
      REQUIRE(std::signbit(value) == (each >> 15 != 0));
    }
  }
}

TEST_CASE("safetensors of another layout are refused") {
  const TemporaryFolder place;
  const auto path = place.path() / "a.safetensors";
  const auto refused = [&](const dydit::checkpoint::Tensors& tensors, const dydit::checkpoint::Metadata& metadata = {},
                           const std::string& naming = "") {
    dydit::checkpoint::write_safetensors(path, tensors, metadata);
    CHECK_THROWS_AS(open_dataset(path.string(), {}), dydit::InputError);
    CHECK_THROWS_WITH(open_dataset(path.string(), {}), Contains("a.safetensors") && Contains(naming));
  };
  const auto label = Tensor::of<std::int64_t>(Integers{7, 2}, {2});
  refused({{"latent", latents({2, 4, 2, 3})}});
  refused({{"latent", latents({2, 24})}, {"label", label}}, {}, "'latent' has shape (2, 24)");
  refused({{"latent", latents({3, 4, 2, 2})}, {"label", label}});
  refused({{"latent", latents({2, 4, 2, 3})}, {"label", Tensor::of<float>(std::vector<float>{1, 2}, {2})}}, {},
          "labels of type F32: " + path.string() + ": tensor 'label'");
  refused({{"latent", Tensor::of<double>(std::vector<double>(48), {2, 4, 2, 3})}, {"label", label}}, {},
          "latents of type F64: " + path.string() + ": tensor 'latent'");
  refused({{"latent", latents({2, 4, 2, 3})}, {"label", Tensor::of<std::int64_t>(Integers{-1, 2}, {2})}});
  refused({{"latent", latents({2, 4, 2, 3})}, {"label", label}}, {{"classes", "7"}});
  refused({{"latent", latents({2, 4, 2, 3})}, {"label", label}}, {{"classes", "1000001"}});
}
