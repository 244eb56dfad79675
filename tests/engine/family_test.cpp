// SPDX-License-Identifier: Apache-2.0
#include "engine/family.h"

#include "catch.h"
#include "toy.h"

using namespace dydit;
using Catch::Matchers::Equals;
using engine::Executes;

namespace {

engine::Row row(const std::string& name, Executes executes) {
  return {name, "help of " + name, executes, [](std::shared_ptr<model::Network> network, const engine::Options&) {
            return std::make_unique<engine::Dense>(network);
          }};
}

// A family whose files say its name.
engine::Family family(const std::string& name, const std::vector<std::string>& published,
                      const std::vector<engine::Row>& engines) {
  engine::Family family;
  family.name = name;
  family.published = published;
  family.recognises = [name](const checkpoint::Checkpoint& opened) { return opened.metadata.contains(name); };
  family.engines = engines;
  return family;
}

const engine::Families families{
    family("Toy", {"Toy-1", "Toy-2"},
           {row("dense", Executes::all), row("packed", Executes::kept), row("other", Executes::kept)}),
    family("Doll", {"Doll-1"}, {row("masked", Executes::masked), row("dense", Executes::all)})};

}  // namespace

TEST_CASE("an engine is found by its name and by what it executes") {
  const engine::Family& toy = families.front();
  CHECK(toy.engine("packed").name == "packed");
  CHECK(toy.engine_that(Executes::all).name == "dense");
  CHECK(toy.engine_that(Executes::kept).name == "packed");  // the first
  CHECK_THROWS_AS(toy.engine("fast"), UsageError);
  CHECK_THROWS_WITH(toy.engine("fast"), Equals("no such engine for Toy: fast: known are dense, packed, other"));
  CHECK_THROWS_AS(toy.engine_that(Executes::masked), UsageError);
  CHECK_THROWS_WITH(toy.engine_that(Executes::masked), Equals("no engine that executes masked: Toy"));
  CHECK(engine::to_string(Executes::all) == "all");
  CHECK(engine::to_string(Executes::kept) == "kept");
}

TEST_CASE("where nobody says, a dynamic model is run by what keeps what is on, a dense one by the complete model") {
  const test::Toy dynamic(test::toy_architecture());
  model::Architecture architecture = test::toy_architecture();
  architecture.units.clear();
  const test::Toy dense(architecture);
  engine::Family toy = families.front();
  CHECK(toy.default_engine(dynamic).name == "packed");
  CHECK(toy.default_engine(dense).name == "dense");
  // One that is preferred wherever it can run a network.
  bool can = true;
  toy.engines.push_back(row("quick", Executes::kept));
  toy.engines.back().preferred = [&can](const model::Network&) { return can; };
  CHECK(toy.default_engine(dynamic).name == "quick");
  CHECK(toy.default_engine(dense).name == "dense");
  CHECK(toy.engine_that(Executes::kept).name == "packed");
  can = false;
  CHECK(toy.default_engine(dynamic).name == "packed");
}

TEST_CASE("a model without routers is given to the engine of the complete model") {
  const model::Architecture dynamic = test::toy_architecture();
  model::Architecture dense = dynamic;
  dense.units.clear();
  engine::Family toy = families.front();
  CHECK(toy.engine_for("packed", dynamic, "here").name == "packed");
  CHECK(toy.engine_for("dense", dense, "here").name == "dense");
  CHECK_THROWS_WITH(toy.engine_for("packed", dense, "here"),
                    Equals("the model has no routers: here: leave --engine out"));
  toy.engines[1].complete = "dense";
  CHECK(toy.engine_for("packed", dense, "here").name == "dense");
}

TEST_CASE("others are compared with the complete engine that is named first") {
  engine::Family toy = families.front();
  CHECK(toy.complete_engine({"packed", "other"}).name == "dense");
  toy.engines.push_back(row("quick", Executes::all));
  CHECK(toy.complete_engine({"packed", "quick", "dense"}).name == "quick");
  CHECK(toy.complete_engine({"packed", "dense", "quick"}).name == "dense");
  CHECK(toy.complete_engine({}).name == "dense");
  CHECK_THROWS_AS(toy.complete_engine({"fast"}), UsageError);
}

TEST_CASE("an engine that is made runs the network that it is given") {
  const torch::NoGradGuard no_grad;
  const auto network = std::make_shared<test::Toy>(test::toy_architecture());
  network->randomise(3);
  const auto made = families.front().engine("dense").make(network, {});
  const model::Inputs in{.x = torch::ones({1, 1, 4, 4}), .t = torch::zeros({1}), .y = torch::zeros({1}, torch::kInt64)};
  CHECK(torch::equal(made->forward(in).output, 3 * in.x));
}

TEST_CASE("the family of a published name, or of a checkpoint, is the one that knows it") {
  CHECK(engine::family_of(families, "Toy-2").name == "Toy");
  CHECK(engine::family_of(families, "Doll-1").name == "Doll");
  CHECK_THROWS_AS(engine::family_of(families, "Toy"), UsageError);
  CHECK_THROWS_WITH(engine::family_of(families, "Toy"), Equals("no such model: Toy: known are Toy-1, Toy-2, Doll-1"));
  checkpoint::Checkpoint opened;
  CHECK_THROWS_AS(engine::family_of(families, opened, "a.pt"), InputError);
  CHECK_THROWS_WITH(engine::family_of(families, opened, "a.pt"), Equals("no known family's checkpoint: a.pt"));
  opened.metadata["Doll"] = "";
  CHECK(engine::family_of(families, opened, "a.pt").name == "Doll");
}

TEST_CASE("engines of several families are listed once by name") {
  std::vector<std::string> names;
  for (const engine::Row& each : engine::engines_of(families)) names.push_back(each.name);
  CHECK(names == std::vector<std::string>{"dense", "packed", "other", "masked"});
}
