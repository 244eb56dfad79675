// SPDX-License-Identifier: Apache-2.0
#include "dit/configuration.h"

#include <fmt/format.h>

#include <functional>
#include <limits>

#include "base/error.h"
#include "catch.h"

using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::UsageError;
using dydit::checkpoint::Tensors;
using dydit::dit::Configuration;
using dydit::dit::configuration_of;
using dydit::dit::from_json;
using dydit::dit::published;

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
  const auto names = dydit::dit::published_names();
  CHECK(names == std::vector<std::string>{"DiT-S/2", "DiT-S/4", "DiT-S/8", "DiT-B/2", "DiT-B/4", "DiT-B/8", "DiT-L/2",
                                          "DiT-L/4", "DiT-L/8", "DiT-XL/2", "DiT-XL/4", "DiT-XL/8"});
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
  CHECK_NOTHROW(dydit::dit::validate(tiny));
  const auto refused = [](const std::function<void(Configuration&)>& spoil, const std::string& said) {
    Configuration c = tiny;
    spoil(c);
    CHECK_THROWS_AS(dydit::dit::validate(c), UsageError);
    CHECK_THROWS_WITH(dydit::dit::validate(c), Contains(said));
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
  refused([](Configuration& c) { c.first_unit_always_on = false; }, "first_unit_always_on");
}

TEST_CASE("a configuration survives JSON") {
  for (const std::string& name : dydit::dit::published_names())
    CHECK(from_json(dydit::dit::to_json(published(name))) == published(name));
  Configuration c = tiny;
  c.mlp_ratio = 8.0 / 3;
  c.learn_sigma = false;
  CHECK(from_json(dydit::dit::to_json(c)) == c);
  c = tiny;
  c.dynamic = true;
  CHECK(!dydit::dit::to_json(c).contains("first_unit_always_on"));  // so that hashes stay
  c.first_unit_always_on = false;
  CHECK(from_json(dydit::dit::to_json(c)) == c);
  CHECK(dydit::dit::to_json(c)["first_unit_always_on"] == false);
}

TEST_CASE("JSON starts from a name and is read strictly") {
  const Configuration large = from_json({{"name", "DiT-XL/2"}, {"input_size", 64}});
  CHECK(large.tokens() == 1024);
  CHECK(large.depth == 28);
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"dpeth", 3}}), Contains("model.dpeth") && Contains("depth"));
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"depth", "12"}}), Contains("model.depth"));
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"depth", 2.7}}), Contains("model.depth"));
  CHECK_THROWS_WITH(from_json({{"name", "DiT-S/2"}, {"learn_sigma", 1}}), Contains("model.learn_sigma"));
  CHECK_THROWS_AS(from_json({{"name", "DiT-S/3"}}), UsageError);
  CHECK_THROWS_AS(from_json(nlohmann::ordered_json::array({1})), UsageError);
  CHECK_THROWS_AS(from_json({{"input_size", 8}}), UsageError);  // no width
}

TEST_CASE("every published configuration is read off its tensors' shapes") {
  for (const std::string& name : dydit::dit::published_names()) {
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
}

// With the routers over heads and groups that have so many rows.
static Tensors with_rows(const Configuration& c, std::int64_t rows) {
  Tensors tensors = shapes_of(c);
  for (std::int64_t layer = 0; layer < c.depth; ++layer)
    for (const char* router : {"attn_rate", "mlp_rate"})
      tensors[fmt::format("blocks.{}.{}.router.weight", layer, router)].shape = {rows, c.hidden_size};
  return tensors;
}

TEST_CASE("the dialect of a DyDiT shows in the rows of its routers") {
  const auto read = [](std::int64_t width, std::int64_t rows, std::optional<std::int64_t> heads = std::nullopt) {
    Configuration c = tiny;
    c.hidden_size = width;
    return configuration_of(with_rows(c, rows), {}, "file", heads);
  };
  const auto is = [](const Configuration& c, std::int64_t heads, bool first_unit_always_on) {
    CHECK(c.dynamic);
    return c.num_heads == heads && c.first_unit_always_on == first_unit_always_on;
  };
  // By --num-heads.
  CHECK(is(read(64, 3, 4), 4, true));
  CHECK(is(read(64, 4, 4), 4, false));
  CHECK(is(read(384, 8, 8), 8, false));  // which wins over the family's table
  CHECK(is(read(60, 4, 5), 5, true));
  CHECK(is(read(60, 4, 4), 4, false));
  // By the family's table.
  for (const auto& [width, heads] : {std::pair{384, 6}, {768, 12}, {1024, 16}, {1152, 16}}) {
    CHECK(is(read(width, heads - 1), heads, true));
    CHECK(is(read(width, heads), heads, false));
  }
  // By what the rows allow.
  CHECK(is(read(64, 1, 2), 2, true));  // or one in the older dialect
  CHECK(is(read(64, 1, 1), 1, false));
  CHECK(is(read(64, 3), 4, true));
  CHECK(is(read(64, 4), 4, false));
  CHECK(is(read(64, 16), 16, false));
}

TEST_CASE("routers that say more than one number of heads, or none that fits, are refused in a line") {
  const auto refused = [](const Tensors& tensors, std::optional<std::int64_t> heads, const auto& said) {
    CHECK_THROWS_AS(configuration_of(tensors, {}, "file", heads), UsageError);
    CHECK_THROWS_WITH(configuration_of(tensors, {}, "file", heads), said);
  };
  Configuration c = tiny;
  c.hidden_size = 60;
  refused(with_rows(c, 4), {}, Contains("5 heads") && Contains("4: file: give --num-heads"));
  refused(with_rows(tiny, 7), 4, Contains("routers of 7 rows do not fit 4 heads: file: give another --num-heads"));
  refused(with_rows(tiny, 3), 5, Contains("do not fit 5 heads"));
  refused(with_rows(tiny, 1), {}, Contains("2 heads") && Contains("1: file: give --num-heads"));
  Configuration s = published("DiT-S/2");
  refused(with_rows(s, 7), {}, Contains("routers of 7 rows do not fit 6 heads: file: give --num-heads"));
  // What no number of heads mends is the file's fault.
  const auto broken = [](const Tensors& tensors, const auto& said) {
    CHECK_THROWS_AS(configuration_of(tensors, {}, "file", 4), InputError);
    CHECK_THROWS_WITH(configuration_of(tensors, {}, "file", 4), said);
  };
  broken(with_rows(tiny, 9), Contains("file: routers of 9 rows fit no number of heads of width 64"));
  Tensors mixed = with_rows(tiny, 3);
  mixed["blocks.0.mlp_rate.router.weight"].shape[0] = 4;
  broken(mixed, Contains("file: routers of two dialects: blocks.0.attn_rate has 3 rows, blocks.0.mlp_rate has 4"));
  mixed = with_rows(tiny, 4);
  mixed["blocks.2.attn_rate.router.weight"].shape[0] = 3;
  broken(mixed, Contains("blocks.2.attn_rate has 3"));
  mixed.erase("blocks.2.attn_rate.router.weight");
  broken(mixed, Contains("it has no tensor blocks.2.attn_rate.router.weight"));
}

TEST_CASE("a hidden layer of any width is read exactly") {
  for (const std::int64_t width : {28, 44, 384})
    for (std::int64_t hidden = 1; hidden < 5 * width; ++hidden) {
      Tensors tensors = shapes_of({.name = "", .input_size = 8, .hidden_size = width, .depth = 1, .num_heads = 4});
      tensors["blocks.0.mlp.fc1.weight"].shape = {hidden, width};
      const auto read = configuration_of(tensors, {}, "file", 4).mlp_hidden();
      if (read != hidden) FAIL(fmt::format("width {}, hidden layer {} read as {}", width, hidden, read));
    }
}

TEST_CASE("the configuration in the metadata wins over the shapes") {
  Configuration told = tiny;
  told.num_heads = 8;
  const std::string key = dydit::dit::configuration_key;
  CHECK(configuration_of(shapes_of(tiny), {{key, dydit::dit::to_json(told).dump()}}, "file", 4) == told);
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
  CHECK_THROWS_WITH(configuration_of({}, {}, "file", 4), Contains("not a DiT checkpoint: file: it has no tensor"));
}
