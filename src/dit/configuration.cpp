// SPDX-License-Identifier: Apache-2.0
#include "dit/configuration.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/keys.h"
#include "dit/bounds.h"

namespace dydit::dit {

namespace {

// DiT paper, table 1.
struct Family {
  const char* size;
  std::int64_t depth, hidden_size, num_heads;
};
constexpr std::array<Family, 4> families{
    {{"S", 12, 384, 6}, {"B", 12, 768, 12}, {"L", 24, 1024, 16}, {"XL", 28, 1152, 16}}};
constexpr std::array<std::int64_t, 3> patch_sizes{2, 4, 8};

// Of a tensor's dimension: an empty tensor may claim any, and products of a few of these fit.
constexpr std::int64_t largest_size = 1 << 20;

// Tensors of the file that messages name.
struct File {
  const checkpoint::Tensors& tensors;
  const std::string& where;

  [[noreturn]] void refuse(const std::string& reason) const { throw InputError("not a DiT checkpoint", where, reason); }

  const std::vector<std::int64_t>& shape(const std::string& name, std::size_t rank) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) refuse("it has no tensor " + name);
    const auto& shape = found->second.shape;
    const auto usual = [](std::int64_t size) { return size > 0 && size <= largest_size; };
    if (shape.size() != rank || !std::ranges::all_of(shape, usual))
      refuse(fmt::format("tensor {} is {}", name, checkpoint::to_string(shape)));
    return shape;
  }

  // What would be wrong usage on the command line is a bad input in a file.
  auto require(const auto& read) const {
    try {
      return read();
    } catch (const UsageError& error) {
      refuse(error.what());
    }
  }
};

std::optional<std::int64_t> heads_by_width(std::int64_t width) {
  for (const Family& family : families)
    if (family.hidden_size == width) return family.num_heads;
  return std::nullopt;
}

// Rows of the routers over heads and groups, alike in all blocks.
std::int64_t router_rows(const File& file, std::int64_t depth) {
  const auto rows_of = [&](const std::string& router) { return file.shape(router + ".router.weight", 2)[0]; };
  const std::int64_t rows = rows_of("blocks.0.attn_rate");
  for (std::int64_t layer = 0; layer < depth; ++layer)
    for (const char* router : {"attn_rate", "mlp_rate"}) {
      const std::string name = fmt::format("blocks.{}.{}", layer, router);
      if (const std::int64_t other = rows_of(name); other != rows)
        file.refuse(
            fmt::format("routers of two dialects: blocks.0.attn_rate has {} rows, {} has {}", rows, name, other));
    }
  return rows;
}

// Adds the routers that have so many rows: H - 1, or H in the older dialect. `heads`: H as far as it is known.
void add_routers(Configuration& c, std::int64_t rows, std::optional<std::int64_t> heads, const std::string& remedy,
                 const File& file) {
  std::vector<Configuration> fitting;
  for (const bool first_unit_always_on : {true, false}) {
    Configuration fits = c;
    fits.dynamic = true;
    fits.first_unit_always_on = first_unit_always_on;
    fits.num_heads = first_unit_always_on ? rows + 1 : rows;
    if (fits.routed_units() > 0 && c.hidden_size % fits.num_heads == 0 && c.mlp_hidden() % fits.num_heads == 0)
      fitting.push_back(fits);
  }
  if (fitting.empty())
    file.refuse(fmt::format("routers of {} rows fit no number of heads of width {} and hidden layer {}", rows,
                            c.hidden_size, c.mlp_hidden()));
  if (heads) std::erase_if(fitting, [&](const Configuration& fits) { return fits.num_heads != *heads; });
  if (fitting.empty())
    throw UsageError(fmt::format("routers of {} rows do not fit {} heads", rows, *heads), file.where, remedy);
  if (fitting.size() > 1)
    throw UsageError(fmt::format("routers of {} rows fit {} heads and, in the older dialect, {}", rows, rows + 1, rows),
                     file.where, "give --num-heads");
  c = fitting.front();
}

}  // namespace

std::int64_t Configuration::mlp_hidden() const {
  return static_cast<std::int64_t>(static_cast<double>(hidden_size) * mlp_ratio);
}

static std::vector<Configuration> all_published(const std::string& prefix) {
  std::vector<Configuration> all;
  for (const Family& family : families)
    for (const std::int64_t patch : patch_sizes)
      all.push_back({.name = fmt::format("{}-{}/{}", prefix, family.size, patch),
                     .patch_size = patch,
                     .hidden_size = family.hidden_size,
                     .depth = family.depth,
                     .num_heads = family.num_heads,
                     .dynamic = prefix.starts_with("Dy")});
  return all;
}

std::vector<std::string> published_names(const std::string& prefix) {
  std::vector<std::string> names;
  for (const Configuration& known : all_published(prefix)) names.push_back(known.name);
  return names;
}

Configuration published(const std::string& name) {
  for (const char* prefix : {"DiT", "SiT", "DyDiT", "DySiT"})
    for (const Configuration& known : all_published(prefix))
      if (known.name == name) return known;
  throw UsageError("no such model", name,
                   fmt::format("known are {}, each also as SiT, DyDiT and DySiT", fmt::join(published_names(), ", ")));
}

void validate(const Configuration& c) {
  const auto require = [](const auto& bounds, const char* key, auto value) {
    bounds.require(value, fmt::format("{} = {}", key, value));
  };
  require(bounds::input_size, "input_size", c.input_size);
  require(bounds::patch_size, "patch_size", c.patch_size);
  require(bounds::in_channels, "in_channels", c.in_channels);
  require(bounds::hidden_size, "hidden_size", c.hidden_size);
  require(bounds::depth, "depth", c.depth);
  require(bounds::num_heads, "num_heads", c.num_heads);
  require(bounds::num_classes, "num_classes", c.num_classes);
  require(bounds::mlp_ratio, "mlp_ratio", c.mlp_ratio);
  if (c.input_size % c.patch_size != 0)
    throw UsageError("the patch size does not divide the input size",
                     fmt::format("{} and {}", c.patch_size, c.input_size));
  if (c.hidden_size % c.num_heads != 0)
    throw UsageError("the heads do not divide the width", fmt::format("{} and {}", c.num_heads, c.hidden_size));
  if (c.hidden_size % 4 != 0)
    throw UsageError("the position embedding needs a width divisible by 4", fmt::format("{}", c.hidden_size));
  if (!c.dynamic && !c.first_unit_always_on)
    throw UsageError("no router to switch unit 0 off", "first_unit_always_on = false", "it is of a dynamic model");
  if (c.dynamic && c.routed_units() < 1)
    throw UsageError("routers need two heads or more", fmt::format("num_heads = {}", c.num_heads),
                     "take a model with more");
  if (c.dynamic && (c.mlp_hidden() % c.num_heads != 0 || c.token_router_width() == 0))
    throw UsageError("routers need a width of 16 or more, and heads that divide the hidden layer of the MLP",
                     fmt::format("width {}, hidden layer {}, heads {}", c.hidden_size, c.mlp_hidden(), c.num_heads));
}

Configuration with_routers(Configuration c) {
  c.dynamic = true;
  if (c.name.starts_with("DiT-") || c.name.starts_with("SiT-")) c.name = "Dy" + c.name;
  validate(c);
  return c;
}

const Schema<Configuration>& configuration_schema() {
  using C = Configuration;
  static const auto schema =
      Schema<C>()
          .add("name", &C::name, {}, "a published configuration, DiT-S/2 ... DiT-XL/8, or SiT for flow matching")
          .add("input_size", &C::input_size, bounds::input_size, "side of the latent or image")
          .add("patch_size", &C::patch_size, bounds::patch_size, "side of a patch")
          .add("in_channels", &C::in_channels, bounds::in_channels, "channels of the latent or image")
          .add("hidden_size", &C::hidden_size, bounds::hidden_size, "width D")
          .add("depth", &C::depth, bounds::depth, "number of blocks")
          .add("num_heads", &C::num_heads, bounds::num_heads, "attention heads")
          .add("mlp_ratio", &C::mlp_ratio, bounds::mlp_ratio, "hidden layer of the MLP over D")
          .add("num_classes", &C::num_classes, bounds::num_classes, "labels, without the one for no class")
          .add("learn_sigma", &C::learn_sigma, "the output has the variance beside the prediction")
          .add("dynamic", &C::dynamic, "with the routers of DyDiT")
          .add("first_unit_always_on", &C::first_unit_always_on, "of routers: false in the older dialect of DyDiT");
  return schema;
}

Json to_json(const Configuration& c) {
  Json json = configuration_schema().to_json(c);
  // Left out otherwise: what is hashed of other models stays what it was.
  if (!c.dynamic) json.erase("dynamic");
  if (c.first_unit_always_on) json.erase("first_unit_always_on");
  return json;
}

Configuration from_json(const Json& json) {
  Keys keys(json, "model");
  std::string name;
  keys.read("name", name);
  Configuration c = name.empty() ? Configuration{} : published(name);
  configuration_schema().read(keys, c);
  keys.finish();
  validate(c);
  return c;
}

Configuration configuration_of(const checkpoint::Tensors& tensors, const checkpoint::Metadata& metadata,
                               const std::string& where, std::optional<std::int64_t> num_heads) {
  const File file{tensors, where};
  if (const auto found = metadata.find(configuration_key); found != metadata.end()) {
    const auto json = parse_json<Json>(found->second);
    if (!json) file.refuse("its configuration in the metadata is not JSON");
    return file.require([&] { return from_json(*json); });
  }
  const auto& patch = file.shape("x_embedder.proj.weight", 4);
  const auto& fc1 = file.shape("blocks.0.mlp.fc1.weight", 2);
  Configuration c;
  c.hidden_size = patch[0];
  c.in_channels = patch[1];
  c.patch_size = patch[2];
  c.num_classes = file.shape("y_embedder.embedding_table.weight", 2)[0] - 1;  // one more row: no class
  while (tensors.contains(fmt::format("blocks.{}.attn.qkv.weight", c.depth))) ++c.depth;
  const auto side = std::llround(std::sqrt(static_cast<double>(file.shape("pos_embed", 3)[1])));
  c.input_size = side * c.patch_size;
  if (c.hidden_size > 0) c.mlp_ratio = static_cast<double>(fc1[0]) / static_cast<double>(c.hidden_size);
  // The product may come out just below the whole number, which would be cut off.
  if (c.mlp_hidden() != fc1[0]) c.mlp_ratio = std::nextafter(c.mlp_ratio, 1000.0);
  c.learn_sigma = file.shape("final_layer.linear.weight", 2)[0] == 2 * c.patch_size * c.patch_size * c.in_channels;
  c.num_heads = 1;
  file.require([&] { validate(c); });  // what the file alone is to blame for
  const auto heads = num_heads ? num_heads : heads_by_width(c.hidden_size);
  if (tensors.contains("blocks.0.attn_rate.router.weight")) {
    const std::int64_t rows = router_rows(file, c.depth);
    add_routers(c, rows, heads, num_heads ? "give another --num-heads, or leave it out" : "give --num-heads", file);
    file.require([&] { validate(c); });
  } else {
    if (!heads)
      throw UsageError(fmt::format("the number of heads of a model of width {} is not in its tensors", c.hidden_size),
                       where, "give --num-heads");
    c.num_heads = *heads;
    validate(c);
  }
  for (Configuration known : all_published(c.dynamic ? "DyDiT" : "DiT")) {
    known.input_size = c.input_size;
    known.in_channels = c.in_channels;
    known.num_classes = c.num_classes;
    known.learn_sigma = c.learn_sigma;
    known.first_unit_always_on = c.first_unit_always_on;
    c.name = known.name;
    if (known == c) return c;
  }
  c.name.clear();
  return c;
}

}  // namespace dydit::dit
