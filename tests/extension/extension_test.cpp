// SPDX-License-Identifier: Apache-2.0
// What docs/extending.md promises: a family with unit axes and engines of its own, an axis of sweeps, a study and a
// section of the report are all declared in this file, and go from a profile to a page through the program as it is.
#include <fstream>
#include <set>

#include "analysis/report.h"
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "model/tensors.h"
#include "run/runner.h"
#include "temporary_folder.h"

using namespace dydit;
using Catch::Matchers::Contains;
using engine::Executes;
using engine::Masks;
using model::Scope;
using torch::Tensor;

namespace {

// A family. Each of two layers scales the image: by a weight for each of three lanes, of which the timestep decides
// which are on, and only those patches whose mean is above a threshold.

constexpr std::int64_t layers = 2, lanes = 3, channels = 3, patch = 2;

model::Architecture toy_architecture(std::int64_t side) {
  const std::int64_t patches = side / patch * (side / patch), numbers = channels * patch * patch;
  model::Architecture a{.name = "Toy-" + std::to_string(side),
                        .configuration = {{"side", side}},
                        .dense = {{"side", side}},
                        .summary = "lanes and patches",
                        .channels = channels,
                        .side = side,
                        .patch = patch,
                        .classes = 10,
                        .depth = layers,
                        .stream = patches * numbers,
                        .parameters = layers * lanes + layers,
                        .trainable = layers * lanes + layers,
                        .units = {},
                        .skippable = {},
                        .parts = {}};
  a.units = {{"lanes", "lanes", layers, lanes, /*first_on=*/true, Scope::timestep},
             {"patches", "patches of the image", layers, patches, /*first_on=*/false, Scope::token}};
  a.skippable = {{static_cast<double>(layers * lanes * patches * numbers), {0, 1}}};
  a.parts = [=](const model::Activity& activity) {
    double on = 0, weights = 0;
    for (std::size_t layer = 0; layer < layers; ++layer) {
      on += activity.both[0][1][layer] * static_cast<double>(numbers);
      weights += activity.on[0][layer];
    }
    const auto read = static_cast<double>(patches * numbers);
    return std::vector<model::Part>{{"scale", model::Kind::products, on, weights, 2 * read},
                                    {"routers", model::Kind::routers, layers * read, 0, read}};
  };
  return a;
}

struct Toy final : model::Network {
  explicit Toy(std::int64_t side) : Network(toy_architecture(side)) {
    weight = register_parameter("weight", torch::full({layers, lanes}, 0.25F));
    threshold = register_parameter("threshold", torch::zeros({layers}));
  }
  Tensor complete(const model::Inputs& in) override { return in.x * (1 + weight.sum()); }
  std::shared_ptr<Network> blank() const override { return std::make_shared<Toy>(architecture.side); }
  void randomise(std::uint64_t) override { weight.data().fill_(0.5F); }

  // (N,patches,numbers), and back.
  Tensor patches_of(const Tensor& x) const {
    const auto n = x.size(0), g = architecture.grid();
    return x.reshape({n, channels, g, patch, g, patch}).permute({0, 2, 4, 1, 3, 5}).reshape({n, g * g, -1});
  }
  Tensor image_of(const Tensor& rows) const {
    const auto n = rows.size(0), g = architecture.grid();
    return rows.reshape({n, g, g, channels, patch, patch})
        .permute({0, 3, 1, 4, 2, 5})
        .reshape({n, channels, g * patch, g * patch});
  }
  // Lane u is on below t = 1000 (1 - u / 3); a patch where its mean is above the threshold.
  Masks decide(const model::Inputs& in) const {
    const Tensor first_off = 1000 * (1 - torch::arange(lanes, in.x.device()) / static_cast<double>(lanes));
    const Tensor on = in.t.unsqueeze(1) < first_off.unsqueeze(0);
    return {on.unsqueeze(1).expand({-1, layers, -1}).contiguous(),
            patches_of(in.x).mean(2).unsqueeze(1) > threshold.view({1, layers, 1})};
  }

  Tensor weight, threshold;
};

// Engines: one multiplies by masks, one works on what is on.

using Seen = std::set<std::int64_t>;  // times at which something was run

class ToyEngine final : public engine::Engine {
 public:
  ToyEngine(std::shared_ptr<Toy> toy, bool skips, std::shared_ptr<Seen> seen)
      : toy_(std::move(toy)), skips_(skips), seen_(std::move(seen)) {}

  engine::Outcome forward(const model::Inputs& in, const Masks& imposed, engine::Overruled) override {
    seen_->insert(in.t[0].item().toLong());
    Masks masks = engine::require_fit(imposed, toy_->architecture.units, in.x.size(0));
    const Masks decided = toy_->decide(in);
    for (std::size_t axis = 0; axis < masks.size(); ++axis)
      if (!masks[axis].defined()) masks[axis] = decided[axis];
    const Tensor rows = toy_->patches_of(in.x);
    return {toy_->image_of(rows + (skips_ ? worked(rows, masks) : multiplied(rows, masks))), masks};
  }
  double weight_bytes(const model::Activity&) const override { return engine::bytes_of(*toy_); }

 private:
  Tensor scales(const Masks& masks) const { return (masks[0] * toy_->weight).sum(2); }  // (N,layers)
  Tensor multiplied(const Tensor& rows, const Masks& masks) const {
    return rows * (masks[1] * scales(masks).unsqueeze(2)).sum(1).unsqueeze(2);
  }
  Tensor worked(const Tensor& rows, const Masks& masks) const {
    Tensor sum = torch::zeros_like(rows).flatten(0, 1);
    const Tensor all = rows.flatten(0, 1), scale = scales(masks);
    for (std::int64_t layer = 0; layer < layers; ++layer) {
      const Tensor on = masks[1].select(1, layer).flatten().nonzero().flatten();
      const Tensor of_image = scale.select(1, layer).repeat_interleave(rows.size(1)).index_select(0, on);
      sum.index_add_(0, on, all.index_select(0, on) * of_image.unsqueeze(1));
    }
    return sum.view_as(rows);
  }

  std::shared_ptr<Toy> toy_;
  bool skips_;
  std::shared_ptr<Seen> seen_;
};

engine::Family toy_family(const std::shared_ptr<Seen>& seen) {
  const auto toy_engine = [seen](bool skips) {
    return [seen, skips](const std::shared_ptr<model::Network>& network, const engine::Options&) {
      return std::make_unique<ToyEngine>(std::dynamic_pointer_cast<Toy>(network), skips, seen);
    };
  };
  return {.name = "Toy",
          .published = {"Toy"},
          .describe = [](const std::string&, std::int64_t side) { return toy_architecture(side); },
          .build = [](const model::Architecture& of) { return std::make_shared<Toy>(of.side); },
          .recognises = [](const checkpoint::Checkpoint& opened) { return opened.metadata.contains("toy"); },
          .load =
              [](const checkpoint::Checkpoint& opened, const std::string& where, auto, torch::Device device,
                 torch::Dtype dtype) {
                auto toy = std::make_shared<Toy>(std::stol(opened.metadata.at("toy")));
                model::load_parameters(*toy, opened.tensors, where);
                toy->to(device, dtype);
                toy->eval();
                return toy;
              },
          .engines = {{"whole", "the complete model", Executes::all,
                       [](auto network, const engine::Options&) { return std::make_unique<engine::Dense>(network); }},
                      {"multiplying", "everything, times masks", Executes::masked, toy_engine(false)},
                      {"skipping", "what is on", Executes::kept, toy_engine(true)}}};
}

// An axis.

study::Axis moment() {
  return {.name = "moment",
          .help = "timestep of a pass",
          .values = {500},
          .check =
              [](const Json& value, const std::string& where) {
                if (!value.is_number_integer() || value < 0 || value > 999)
                  throw UsageError("no timestep", where, "give one below 1000");
              },
          .set = [](study::Workload& to, const Json& value) { to.time = value; },
          .of_trained = false};
}

// A study.

class OutputNorms final : public study::Look {
 public:
  void see(const study::Seen& seen) override { norms_.push_back(seen.outcome.output.flatten(1).norm(2, 1)); }
  study::Found found() override { return {{"norm", torch::stack(norms_, 1)}}; }

 private:
  std::vector<Tensor> norms_;  // of each time (N)
};

study::Row output_norm() {
  return {{.name = "output-norm",
           .help = "How large outputs are",
           .example = "dydit study output-norm --model toy=toy.safetensors --data images.zip",
           .options = study::curve_options(),
           .defaults = {},
           .models = study::Models::all},
          [](const study::Options&) { return std::make_unique<OutputNorms>(); }};
}

// A section of the report.

std::optional<analysis::Section> norms_section(std::span<const record::Run> runs, const analysis::Show&) {
  std::vector<float> norms;
  for (const record::Run& run : runs)
    for (const record::Record& record : run.records)
      if (record.study == "output-norm") {
        const auto tensors = run.tensors(record.tensors.front());
        const auto of_chunk = tensors.at("norm").as<float>();
        norms.insert(norms.end(), of_chunk.begin(), of_chunk.end());
      }
  if (norms.empty()) return {};
  return analysis::Section{.id = "output-norm",
                           .title = "How large are outputs?",
                           .answer = std::to_string(norms.size()) + " norms, all " +
                                     (std::ranges::min(norms) > 0 ? "above" : "not above") + " zero."};
}

constexpr auto text = R"(
name = "toy"
[data]
path = "synthetic:20"
size = 8
[[models]]
name = "toy"
checkpoint = "toy.safetensors"
[loss-gap]
timesteps = [100, 500, 900]
[activation]
timesteps = [100, 500, 900]
[output-norm]
timesteps = [100, 900]
chunk = 12
[sweep]
models = ["Toy"]
trained = ["toy"]
trained_batch = [4]
input_size = 8
engine = ["whole", "multiplying", "skipping"]
which = ["widths", "both"]
keep = [0.6]
batch = [4]
moment = [50, 950]
blocks = 3
)";

}  // namespace

TEST_CASE(
    "a family, its engines, an axis, a study and a section go from a profile to a page, declared in this file alone") {
  const test::TemporaryFolder folder;
  const auto seen = std::make_shared<Seen>();
  study::Catalog catalog = run::standard_catalog();
  catalog.families.insert(catalog.families.begin(), toy_family(seen));  // before one that takes every file
  catalog.axes.push_back(moment());
  catalog.studies.push_back(output_norm());

  const Toy toy(8);
  checkpoint::write_safetensors(folder.path() / "toy.safetensors", model::parameters_of(toy), {{"toy", "8"}});
  std::ofstream(folder.path() / "toy.toml") << text;
  run::RunSettings settings;
  settings.catalog = &catalog;
  settings.out = folder.path() / "run";
  settings.quiet = true;
  auto profile = run::read_profile(folder.path() / "toy.toml", catalog.names());
  std::erase_if(profile.sweep->axes, [](const auto& axis) { return axis.first == "dtype"; });  // its default is meant
  const auto finished = run::run_studies(profile, settings);
  const record::Run run = record::read_run(finished.path);
  for (const record::Record& record : run.records) CHECK(record.error.empty());
  CHECK(finished.failed == 0);

  const auto records_of = [&](const std::string& study) {
    std::vector<record::Record> some;
    std::ranges::copy_if(run.records, std::back_inserter(some),
                         [&](const auto& record) { return record.study == study; });
    return some;
  };

  // The study, and what it says of its model.
  const auto norms = records_of("output-norm");
  REQUIRE(norms.size() == 2);
  CHECK(run.tensors(norms.front().tensors.front()).at("norm").shape == std::vector<std::int64_t>{12, 2});
  CHECK(norms.front().axes["engine"] == "skipping");
  CHECK(run.manifest["models"][0]["units"][1]["name"] == "patches");
  CHECK(run.manifest["profile"]["output-norm"]["chunk"] == 12);

  // A study of the program knows the units.
  const auto activation = records_of("activation");
  REQUIRE(activation.size() == 1);
  const auto tensors = run.tensors(activation.front().tensors.front());
  const auto on = tensors.at("lanes").as<float>();  // (3 times, 2 layers, 3 lanes)
  CHECK(std::vector<float>(on.begin(), on.end()) ==
        std::vector<float>{1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 0});
  CHECK(tensors.at("patches").shape == std::vector<std::int64_t>{20, 3, 2});

  // The sweep: at each moment, imposed with everything on 3 cells, at .6 twice 2; of the trained model, which has its
  // own times, 1 + 1 + 2.
  CHECK(seen->contains(50));
  CHECK(seen->contains(950));
  std::map<Json, std::set<std::string>> by_moment;
  for (const record::Record& cell : records_of("speed")) {
    by_moment[cell.axes.value("moment", Json())].insert(cell.cell);
    if (cell.axes["model"] != "Toy" || cell.axes["which"] != "widths") continue;
    // .6 of three lanes are 2; the routers cost as much as one.
    CHECK(cell.metrics.at("lambda_realised").value == Approx(2.0 / 3));
    CHECK(cell.metrics.at("rho_without_routers").value == Approx(2.0 / 3));
    CHECK(cell.metrics.at("rho").value == Approx(1));
  }
  REQUIRE(by_moment.size() == 3);
  CHECK(by_moment[50].size() == 7);
  CHECK(by_moment[950].size() == 7);
  CHECK(by_moment[nullptr].size() == 4);

  // The report.
  analysis::ReportOptions options;
  options.further = {norms_section};
  const auto page = read_file(analysis::write_report(std::span(&run, 1), folder.path() / "report", options));
  CHECK_THAT(page, Contains("How large are outputs?") && Contains("40 norms, all above zero."));
  CHECK_THAT(page, Contains("patches of the image") && Contains("skipping") && Contains("moment"));
  CHECK_THAT(read_file(folder.path() / "report/figures/activation-toy.csv"), Contains("lanes") && Contains("patches"));
}
