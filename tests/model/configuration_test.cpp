// SPDX-License-Identifier: Apache-2.0
#include "model/configuration.h"

#include <fmt/format.h>

#include <functional>
#include <limits>

#include "base/error.h"
#include "catch.h"

using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::UsageError;
using dydit::checkpoint::Tensors;
using dydit::model::Configuration;
using dydit::model::configuration_of;
using dydit::model::from_json;
using dydit::model::published;

static const Configuration tiny{
    .name = "", .input_size = 8, .hidden_size = 64, .depth = 3, .num_heads = 4, .num_classes = 10};

// The tensors that tell a configuration, without bytes.
static Tensors shapes_of(const Configuration& c) {
  const auto p = c.patch_size, d = c.hidden_size;
  Tensors tensors;
  tensors["x_embedder.proj.weight"].shape = {d, c.in_channels, p, p};
  tensors["y_embedder.embedding_table.weight"].shape = {c.num_classes + 1, d};
  tensors["final_layer.linear.weight"].shape = {p * p * c.out_channels(), d};
  tensors["pos_embed"].shape = {1, c.tokens(), d};
  for (std::int64_t i = 0; i < c.depth; ++i) {
    tensors[fmt::format("blocks.{}.attn.qkv.weight", i)].shape = {3 * d, d};
    tensors[fmt::format("blocks.{}.mlp.fc1.weight", i)].shape = {c.mlp_hidden(), d};
  }
  return tensors;
}

TEST_CASE("the published family has twelve members") {
  const auto names = dydit::model::published_names();
  CHECK(names == std::vector<std::string>{"DiT-S/2", "DiT-S/4", "DiT-S/8", "DiT-B/2", "DiT-B/4", "DiT-B/8",
                                          "DiT-L/2", "DiT-L/4", "DiT-L/8", "DiT-XL/2", "DiT-XL/4",
                                          "DiT-XL/8"});
  const Configuration xl = published("DiT-XL/4");
  CHECK(xl.depth == 28);
  CHECK(xl.hidden_size == 1152);
  CHECK(xl.num_heads == 16);
  CHECK(xl.patch_size == 4);
  CHECK(xl.tokens() == 64);
  CHECK(xl.mlp_hidden() == 4608);
  CHECK_THROWS_WITH(published("DiT-M/2"), Contains("DiT-M/2") && Contains("DiT-S/2") && Contains("DiT-XL/8"));
  CHECK_THROWS_AS(published(""), UsageError);
}

TEST_CASE("a configuration that cannot be built is refused") {
  CHECK_NOTHROW(dydit::model::validate(tiny));
  const auto refused = [](const std::function<void(Configuration&)>& spoil, const std::string& said) {
    Configuration c = tiny;
    spoil(c);
    CHECK_THROWS_AS(dydit::model::validate(c), UsageError);
    CHECK_THROWS_WITH(dydit::model::validate(c), Contains(said));
  };
  refused([](Configuration& c) { c.input_size = 0; }, "input_size = 0");
  refused([](Configuration& c) { c.patch_size = -2; }, "patch_size = -2");
  refused([](Configuration& c) { c.in_channels = 0; }, "in_channels");
  refused([](Configuration& c) { c.hidden_size = 4'000'000'000; }, "hidden_size");
  refused([](Configuration& c) { c.depth = 0; }, "depth");
  refused([](Configuration& c) { c.num_heads = 0; }, "num_heads");
  refused([](Configuration& c) { c.num_classes = 0; }, "num_classes");
  refused([](Configuration& c) { c.mlp_ratio = std::numeric_limits<double>::quiet_NaN(); }, "mlp_ratio");
  refused([](Configuration& c) { c.mlp_ratio = 0; }, "mlp_ratio");
  refused([](Configuration& c) { c.patch_size = 3; }, "patch size");
  refused([](Configuration& c) { c.num_heads = 5; }, "heads");
  refused([](Configuration& c) { c.hidden_size = 66, c.num_heads = 2; }, "divisible by 4");
  refused([](Configuration& c) { c.dynamic = true, c.num_heads = 1; }, "num_heads = 1");
}

TEST_CASE("a configuration survives JSON") {
  for (const std::string& name : dydit::model::published_names())
    CHECK(from_json(dydit::model::to_json(published(name))) == published(name));
  Configuration c = tiny;
  c.mlp_ratio = 8.0 / 3;
  c.learn_sigma = false;
  CHECK(from_json(dydit::model::to_json(c)) == c);
}

TEST_CASE("JSON starts from a name and is read strictly") {
  const Configuration large = from_json({{"name", "DiT-XL/2"}, {"input_size", 64}});
  CHECK(large.tokens() == 1024);
  CHECK(large.depth == 28);
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"dpeth", 3}}),
                    Contains("model.dpeth") && Contains("depth"));
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"depth", "12"}}), Contains("model.depth"));
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"depth", 2.7}}), Contains("model.depth"));
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"learn_sigma", 1}}), Contains("model.learn_sigma"));
  CHECK_THROWS_AS(from_json({{"name", "DiT-S/3"}}), UsageError);
  CHECK_THROWS_AS(from_json(nlohmann::ordered_json::array({1})), UsageError);
  CHECK_THROWS_AS(from_json({{"input_size", 8}}), UsageError);  // no width
}

TEST_CASE("every published configuration is read off its tensors' shapes") {
  for (const std::string& name : dydit::model::published_names()) {
    INFO(name);
    CHECK(configuration_of(shapes_of(published(name)), {}, "file") == published(name));
    Configuration c = published(name);
    c.input_size = 64;
    c.in_channels = 3;
    c.num_classes = 10;
    c.learn_sigma = false;
    CHECK(configuration_of(shapes_of(c), {}, "file") == c);
  }
}

TEST_CASE("the heads of an unknown width have to be told") {
  CHECK(configuration_of(shapes_of(tiny), {}, "file", 4) == tiny);
  CHECK_THROWS_WITH(configuration_of(shapes_of(tiny), {}, "file"), Contains("file: give --num-heads"));
  CHECK_THROWS_AS(configuration_of(shapes_of(tiny), {}, "file"), UsageError);
  CHECK_THROWS_AS(configuration_of(shapes_of(tiny), {}, "file", 5), UsageError);
  CHECK_THROWS_AS(configuration_of(shapes_of(tiny), {}, "file", 0), UsageError);
  Tensors dynamic = shapes_of(tiny);
  dynamic["blocks.0.attn_rate.router.weight"].shape = {7, 64};
  CHECK(configuration_of(dynamic, {}, "file", 4).num_heads == 8);
}

TEST_CASE("a hidden layer of any width is read exactly") {
  for (const std::int64_t width : {28, 44, 384})
    for (std::int64_t hidden = 1; hidden < 5 * width; ++hidden) {
      Tensors tensors =
          shapes_of({.name = "", .input_size = 8, .hidden_size = width, .depth = 1, .num_heads = 4});
      tensors["blocks.0.mlp.fc1.weight"].shape = {hidden, width};
      const auto read = configuration_of(tensors, {}, "file", 4).mlp_hidden();
      if (read != hidden) FAIL(fmt::format("width {}, hidden layer {} read as {}", width, hidden, read));
    }
}

TEST_CASE("the configuration in the metadata wins over the shapes") {
  Configuration told = tiny;
  told.num_heads = 8;
  const std::string key = dydit::model::configuration_key;
  CHECK(configuration_of(shapes_of(tiny), {{key, dydit::model::to_json(told).dump()}}, "file", 4) == told);
  for (const char* bad : {"", "{", "[]", "{\"depth\": 3}", "{\"name\": \"DiT-S/3\"}", "{\"colour\": 3}",
                          "{\"name\": \"DyDiT-S/2\", \"num_heads\": 1}"})
    CHECK_THROWS_AS(configuration_of(shapes_of(tiny), {{key, bad}}, "file", 4), InputError);
}

TEST_CASE("tensors that are no DiT are refused as input") {
  for (const auto& [name, tensor] : shapes_of(tiny)) {
    if (name.starts_with("blocks.") && !name.starts_with("blocks.0.")) continue;
    INFO(name);
    Tensors missing = shapes_of(tiny), wrong = shapes_of(tiny);
    missing.erase(name);
    CHECK_THROWS_AS(configuration_of(missing, {}, "file", 4), InputError);
    if (name == "blocks.0.attn.qkv.weight") continue;  // counted, its shape is not looked at
    wrong[name].shape.push_back(1);
    CHECK_THROWS_AS(configuration_of(wrong, {}, "file", 4), InputError);
    if (name == "final_layer.linear.weight") continue;  // checked when it is loaded
    wrong[name].shape.assign(tensor.shape.size(), 0);
    CHECK_THROWS_AS(configuration_of(wrong, {}, "file"), InputError);
  }
  Tensors empty = shapes_of(tiny);  // whose sizes may have any product
  empty["x_embedder.proj.weight"].shape = {0, 1LL << 40, 1LL << 40, 1LL << 40};
  CHECK_THROWS_WITH(configuration_of(empty, {}, "file"), Contains("tensor x_embedder.proj.weight is (0, "));
  CHECK_THROWS_AS(configuration_of({}, {}, "file", 4), InputError);
  CHECK_THROWS_WITH(configuration_of({}, {}, "file", 4),
                    Contains("not a DiT checkpoint: file: it has no tensor"));
}
