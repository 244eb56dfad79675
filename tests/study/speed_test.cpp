// SPDX-License-Identifier: Apache-2.0
// The cells of a sweep.
#include <cmath>
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "catch.h"
#include "imposed.h"
#include "study/speed.h"
#include "support.h"

using namespace dydit;
using study::Which;
using torch::Tensor;

namespace {

study::SpeedSetting setting(std::vector<std::string> engines = {"dense", "masked", "compact"}) {
  study::SpeedSetting s{.spec = {}, .catalog = &test::catalog()};
  s.spec.models = {"DyDiT-S/8"};
  s.spec.axes = {{"dtype", {"float32"}}, {"batch", {2}}, {"keep", {0.5}}};
  s.spec.which = {"widths", "both"};
  s.spec.engine = std::move(engines);
  s.spec.input_size = 16;
  s.spec.blocks = 6;
  s.quiet = true;
  return s;
}

const record::Record& cell(const std::vector<record::Record>& records, const std::string& engine,
                           const std::string& which) {
  const auto found = std::find_if(records.begin(), records.end(), [&](const record::Record& record) {
    return record.axes.at("engine") == engine && record.axes.at("which") == which;
  });
  REQUIRE(found != records.end());
  return *found;
}

}  // namespace

TEST_CASE("a latent of the usual side is no axis") {
  study::SpeedSetting s = setting({"dense"});
  s.spec.input_size = 32;
  s.spec.blocks = 2;
  test::StudyRun run;
  study::speed(s, &run.run);
  REQUIRE(run.run.records().size() == 1);
  CHECK(run.run.records().front().axes.count("input_size") == 0);
}

TEST_CASE("a sweep records every cell, and the times of parts for each compact one that skips something") {
  test::StudyRun run;
  study::speed(setting(), &run.run);
  const auto& records = run.run.records();
  CHECK(records.size() == 3 + 4);  // everything on; masked and compact by widths and both
  for (const record::Record& record : records) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    for (const char* name :
         {"time", "gmacs", "lambda_realised", "rho", "theoretical_speedup", "speedup", "realisation", "roofline_time",
          "product_ceiling", "copy_ceiling", "activation_memory", "weight_memory"}) {
      INFO(name);
      CHECK(record.metrics.at(name).value > 0);
    }
    CHECK(record.metrics.at("time").blocks.size() == 6);
    for (const char* name : {"dense_time", "dense_fixed_time", "dense_attention_time", "dense_products_time",
                             "without_routers_time", "fixed_time", "attention_time", "products_time", "routed_time",
                             "together_time", "path_time", "path_fixed_time", "path_routed_time", "attention_share",
                             "attention_share_left", "products_share", "products_share_left", "routers_share"}) {
      INFO(name);
      const auto metric = record.metrics.find(name);
      REQUIRE((metric != record.metrics.end()) ==
              (record.axes.at("engine") == "compact" && record.axes.at("which") != "all"));
      if (metric == record.metrics.end()) continue;
      if (metric->second.unit.empty()) {
        CHECK((metric->second.value > 0 && metric->second.value < 1));
      } else {
        CHECK(metric->second.blocks.size() == 6);
        CHECK(metric->second.ci95);
      }
    }
    CHECK(record.axes.at("input_size") == 16);  // for pages to tell it from the usual side
    CHECK(record.metrics.count("latency") == 0);
    CHECK(record.metrics.count("sm_clock") == 0);  // of a GPU's
  }
  const auto value = [&](const char* engine, const char* which, const char* metric) {
    return cell(records, engine, which).metrics.at(metric).value;
  };
  CHECK(value("dense", "all", "speedup") == 1);
  CHECK(value("dense", "all", "theoretical_speedup") == 1);
  CHECK(value("dense", "all", "roofline_time") < value("compact", "all", "roofline_time"));  // by the routers
  CHECK(value("compact", "all", "lambda_realised") == 1);
  CHECK(value("compact", "all", "rho") > 1);  // the routers
  CHECK(std::abs(value("compact", "widths", "lambda_realised") - 0.5) < 1e-9);
  CHECK(value("compact", "both", "lambda_realised") < 0.5);
  CHECK(value("masked", "both", "rho") == value("compact", "both", "rho"));
  // Half of a block's 12 D^2 weights are gone; adaLN's 6 D^2 and the embedders stay.
  CHECK(value("compact", "all", "weight_memory") == value("dense", "all", "weight_memory"));
  CHECK(value("compact", "widths", "weight_memory") < 0.7 * value("compact", "all", "weight_memory"));
  CHECK(value("compact", "widths", "weight_memory") > 0.5 * value("compact", "all", "weight_memory"));
}

TEST_CASE("shares of MACs say what is left") {
  test::StudyRun run;
  auto s = setting({"dense", "compact"});
  s.spec.latency = true;
  study::speed(s, &run.run);
  const auto metrics = cell(run.run.records(), "compact", "widths").metrics;
  const auto value = [&](const char* metric) { return metrics.at(metric).value; };
  CHECK(value("attention_share_left") == Approx(value("attention_share") / 2));
  CHECK(value("products_share_left") == Approx(value("products_share") / 2));
  CHECK(1 - value("attention_share") / 2 - value("products_share") / 2 + value("routers_share") ==
        Approx(value("rho")));
  CHECK(value("latency") > 0);
  CHECK(cell(run.run.records(), "dense", "all").metrics.count("latency") == 1);
}

namespace {

// The compact engine, whose outputs a test changes; `pass` counts all of this engine's. A lazy one leaves out all
// tokens where it decides itself.
class Changed final : public engine::Engine {
 public:
  using Change = std::function<void(Tensor& output, const engine::Masks& imposed, int pass)>;
  Changed(std::unique_ptr<engine::Engine> inner, Change change, bool lazy)
      : inner_(std::move(inner)), change_(std::move(change)), lazy_(lazy) {}

  engine::Outcome forward(const model::Inputs& in, const engine::Masks& imposed, engine::Overruled routers) override {
    engine::Masks masks = imposed;
    if (lazy_ && imposed.empty()) {
      masks = engine::Masks(3);
      masks[dit::axis::tokens] = torch::zeros_like(inner_->forward(in, imposed, routers).masks[dit::axis::tokens]);
    }
    auto outcome = inner_->forward(in, masks, routers);
    change_(outcome.output, imposed, ++pass_);
    return outcome;
  }
  void plan(const Tensor& timesteps) override { inner_->plan(timesteps); }
  void plan(const engine::Masks& widths) override { inner_->plan(widths); }
  std::size_t packed_bytes() const override { return inner_->packed_bytes(); }
  double weight_bytes(const model::Activity& activity) const override { return inner_->weight_bytes(activity); }
  std::vector<engine::PartRun> parts(const engine::Passes& passes) override { return inner_->parts(passes); }

 private:
  std::unique_ptr<engine::Engine> inner_;
  Change change_;
  bool lazy_;
  int pass_ = 0;
};

// The records of a sweep whose compact engine is changed so.
std::vector<record::Record> changed(study::SpeedSetting s, const Changed::Change& change, bool lazy = false) {
  test::StudyRun run;
  study::Catalog catalog = test::catalog();
  for (engine::Row& row : catalog.families.front().engines)
    if (row.executes == engine::Executes::kept)
      row.make = [&, inner = row.make](auto network,
                                       const engine::Options& options) -> std::unique_ptr<engine::Engine> {
        return std::make_unique<Changed>(inner(std::move(network), options), change, lazy);
      };
  std::vector<study::Trained> trained = s.trained;
  for (study::Trained& one : trained) one.family = &catalog.families.front();
  study::speed({.spec = s.spec, .catalog = &catalog, .trained = trained, .quiet = true}, &run.run);
  return run.run.records();
}

bool disagrees(const record::Record& record) {
  return record.status == record::Status::failed && record.metrics.empty() &&
         record.error.find("differs from the masked engine's") != std::string::npos;
}

}  // namespace

TEST_CASE("a compact engine that computes something else has failed cells, and no time") {
  const auto check = [](const char* what, const Changed::Change& change) {
    INFO(what);
    const auto records = changed(setting(), change);
    REQUIRE(records.size() == 3 + 4);
    for (const record::Record& record : records) {
      INFO(record.axes.dump() << " " << record.error);
      if (record.axes.at("engine") == "compact")
        CHECK(disagrees(record));
      else
        CHECK(record.status == record::Status::ok);
    }
  };
  check("a thousandth too large", [](Tensor& output, auto&, int) { output = output * 1.001; });
  check("one image of two", [](Tensor& output, auto&, int) { output[1] += 0.01; });
  check("not a number", [](Tensor& output, auto&, int) { output[0][0][0][0] = NAN; });
  // More passes than an engine makes in the first checks and for its memory (30 at most), fewer than before the last
  // checks (49 at least, in six blocks).
  check("only after a while", [](Tensor& output, auto&, int pass) {
    if (pass > 40) output = output * 2;
  });
}

TEST_CASE("engines that compute the same agree in each type of numbers") {
  test::StudyRun run;
  auto s = setting();
  s.spec.blocks = 1;
  s.spec.axes[0].second = {"bfloat16", "float16"};
  study::speed(s, &run.run);
  REQUIRE(run.run.records().size() == 2 * (3 + 4));
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    CHECK(record.status == record::Status::ok);
  }
}

TEST_CASE("a cell whose parts fail keeps its time and has no times of parts") {
  // Everything on is a cell too, which fails; of the others it is a part.
  const auto records = changed(setting(), [](Tensor& output, const engine::Masks& imposed, int) {
    if (!imposed.empty() && imposed[dit::axis::heads].all().item<bool>()) output = output * 2;
  });
  CHECK(disagrees(cell(records, "compact", "all")));
  const record::Record& both = cell(records, "compact", "both");
  CHECK(both.status == record::Status::ok);
  CHECK(both.metrics.count("time") == 1);
  CHECK(both.metrics.count("dense_time") == 0);
}

TEST_CASE("a trained model is compared under the masks that it executed") {
  auto s = setting({"dense", "compact"});
  s.spec.models.clear();
  s.spec.trained = {"half"};
  s.spec.trained_batch = {3};
  s.spec.timesteps = 2;
  s.trained = {{.name = "half",
                .hash = "half",
                .network = test::dynamic_model("half").network,
                .family = &test::catalog().families.front(),
                .chunk = {.count = 3,
                          .indices = {0, 1, 2},
                          .images = torch::ones({3, 3, 8, 8}),
                          .labels = torch::tensor({0, 1, 2})},
                .data_hash = "data"}};
  for (const auto& record : changed(s, [](auto&, auto&, int) {})) CHECK(record.status == record::Status::ok);
  const auto records = changed(s, [](Tensor& output, const engine::Masks& imposed, int) {
    if (imposed.empty()) output = output * 1.001;  // it decides itself
  });
  CHECK(disagrees(cell(records, "compact", "own")));
  CHECK(cell(records, "compact", "alike").status == record::Status::ok);

  const auto skipping = changed(
      s, [](auto&, auto&, int) {}, /*lazy=*/true);
  const auto& own = cell(skipping, "compact", "own");
  CHECK(own.status == record::Status::failed);
  CHECK_THAT(own.error, Catch::Contains("decides otherwise than the masked engine over tokens"));
  CHECK(cell(skipping, "compact", "alike").status == record::Status::ok);
}

TEST_CASE("a trained model is measured as its routers decide, and beside as many units by chance") {
  test::StudyRun run;
  auto s = setting();
  s.spec.models.clear();
  s.spec.trained = {"half", "pruned", "widths"};
  s.spec.trained_batch = {3};
  s.spec.timesteps = 4;
  const study::Model half = test::dynamic_model("half"), pruned = test::dynamic_model("pruned"),
                     widths = test::dynamic_model("widths");
  {
    const torch::NoGradGuard no_grad;
    for (const study::Model* model : {&pruned, &widths})  // never skip a token
      for (auto& item : model->network->named_parameters())
        if (item.key().find("mlp_head.2.bias") != std::string::npos) item.value().fill_(1000);
    for (auto& item : pruned.network->named_parameters()) {  // the same heads at every timestep
      if (item.key().find("_rate.router.weight") != std::string::npos) item.value().zero_();
      if (item.key().find("_rate.router.bias") != std::string::npos) item.value().fill_(-1);
    }
  }
  const study::Chunk chunk{
      .count = 3, .indices = {0, 1, 2}, .images = torch::randn({3, 3, 8, 8}), .labels = torch::tensor({0, 1, 2})};
  for (const study::Model* model : {&half, &pruned, &widths})
    s.trained.push_back({.name = model->name,
                         .hash = model->name,
                         .network = model->network,
                         .family = model->family,
                         .chunk = chunk,
                         .data_hash = "data"});
  study::speed(s, &run.run);
  REQUIRE(run.run.records().size() == 3 * 4);
  const auto of = [&](const char* model, const char* engine, const char* which) {
    return cell(run.records(model), engine, which).metrics;
  };
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    CHECK((record.metrics.count("fixed_time") == 1) == (record.axes.at("engine") == "compact"));
  }
  const auto own = of("half", "compact", "own"), alike = of("half", "compact", "alike"),
             masked = of("half", "masked", "own");
  CHECK((own.at("lambda_realised").value > 0 && own.at("lambda_realised").value < 1));
  CHECK(own.at("rho").value == masked.at("rho").value);
  CHECK(own.at("rho").value > own.at("rho_without_routers").value);
  CHECK(std::abs(alike.at("lambda_realised").value - own.at("lambda_realised").value) < 0.3);  // few units, by chance
  const auto still = of("pruned", "compact", "own");
  CHECK(still.at("lambda_realised").value == Approx(0.5));  // the first of two units
  // Whether a model needs its routers is for its own decisions to say, not for the masks of a cell.
  const auto routed = [&](const char* model, const char* which) {
    const auto metrics = of(model, "compact", which);
    return metrics.at("rho").value > metrics.at("rho_without_routers").value;
  };
  for (const char* which : {"own", "alike"}) {
    CHECK(!routed("pruned", which));
    CHECK(routed("widths", which));
  }
}

TEST_CASE("a model of the older dialect is swept also where blocks have no head, no group and no token on") {
  test::StudyRun run;
  auto s = setting();
  s.spec.models.clear();
  s.spec.trained = {"old", "empty"};
  s.spec.trained_batch = {2};
  s.spec.timesteps = 3;
  const study::Model old = test::dynamic_model("old", /*first_unit_always_on=*/false),
                     empty = test::dynamic_model("empty", /*first_unit_always_on=*/false);
  {
    const torch::NoGradGuard no_grad;
    for (auto& item : empty.network->named_parameters()) {
      if (item.key().find("_rate.router.weight") != std::string::npos) item.value().zero_();
      if (item.key().find("_rate.router.bias") != std::string::npos) item.value().fill_(-1);
    }
  }
  const study::Chunk chunk{
      .count = 2, .indices = {0, 1}, .images = torch::randn({2, 3, 8, 8}), .labels = torch::tensor({0, 1})};
  for (const study::Model* model : {&old, &empty})
    s.trained.push_back({.name = model->name,
                         .hash = model->name,
                         .network = model->network,
                         .family = model->family,
                         .chunk = chunk,
                         .data_hash = "data"});
  study::speed(s, &run.run);
  REQUIRE(run.run.records().size() == 2 * 4);
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    CHECK((record.metrics.count("products_time") == 1) == (record.axes.at("engine") == "compact"));
  }
  const auto nothing = cell(run.records("empty"), "compact", "own").metrics;
  CHECK(nothing.at("lambda_realised").value == 0);
  CHECK(nothing.at("rho").value > nothing.at("rho_without_routers").value);
  CHECK(cell(run.records("empty"), "masked", "own").metrics.at("rho").value == nothing.at("rho").value);
  CHECK(cell(run.records("empty"), "compact", "alike").metrics.at("lambda_realised").value > 0);  // one at least
}

TEST_CASE("a model that overflows has failed cells, and no speedup") {
  test::StudyRun run;
  auto s = setting();
  s.spec.models.clear();
  s.spec.trained = {"router", "output"};
  s.spec.trained_batch = {2};
  s.spec.timesteps = 2;
  const study::Model router = test::dynamic_model("router"), output = test::dynamic_model("output");
  {
    const torch::NoGradGuard no_grad;
    const auto parameters = test::dit_of(router)->block(0).token_selection->named_parameters();
    parameters["mlp_head.0.bias"].fill_(1000);
    parameters["mlp_head.2.weight"].fill_(-3e38);
    test::dit_of(output)->final_layer->linear->weight.fill_(3e38);
  }
  const study::Chunk chunk{
      .count = 2, .indices = {0, 1}, .images = torch::randn({2, 3, 8, 8}), .labels = torch::tensor({0, 1})};
  for (const study::Model* model : {&router, &output})
    s.trained.push_back({.name = model->name,
                         .hash = model->name,
                         .network = model->network,
                         .family = model->family,
                         .chunk = chunk,
                         .data_hash = "data"});
  study::speed(s, &run.run);
  REQUIRE(run.run.records().size() == 2 * 4);
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    const bool decides = record.axes.at("engine") != "dense";  // the complete model of "router" asks none
    REQUIRE((record.status == record::Status::failed) == (decides || record.axes.at("model") == "output"));
    if (record.status == record::Status::ok) continue;
    CHECK(record.metrics.empty());
    CHECK(record.error.find("not finite") != std::string::npos);
    if (record.axes.at("model") == "router") CHECK(record.error.find("blocks.0.token_selection") != std::string::npos);
  }
}

TEST_CASE("a sweep that is done measures nothing again; one that lacks a cell measures its group") {
  test::StudyRun run;
  auto s = setting({"dense", "masked"});
  study::speed(s, &run.run);
  const auto times = [&] {
    std::vector<double> values;
    for (const record::Record& record : run.run.records()) values.push_back(record.metrics.at("time").value);
    return values;
  };
  const auto first = times();
  study::speed(s, &run.run);
  CHECK(times() == first);
  s.spec.which.push_back("tokens");
  study::speed(s, &run.run);
  const auto second = times();
  REQUIRE(second.size() == first.size() + 1);
  CHECK(second[0] == first[0]);  // everything on stays
  CHECK(second[1] == first[1]);
  CHECK(cell(run.run.records(), "masked", "tokens").status == record::Status::ok);
}

TEST_CASE("a share kept may be one of each unit axis, measured behind everything on") {
  test::StudyRun run;
  auto s = setting({"dense", "compact"});
  s.spec.blocks = 1;
  s.spec.axes[2].second = {Json{1, 0.5, 0.5}, 0.5};
  study::speed(s, &run.run);
  const auto& records = run.run.records();
  REQUIRE(records.size() == 2 + 2 * 2);
  CHECK(records[0].axes.at("keep") == 1);
  for (std::size_t i = 2; i < 6; ++i) {
    INFO(records[i].axes.dump() << " " << records[i].error);
    CHECK(records[i].axes.at("keep") == (i < 4 ? Json{1, 0.5, 0.5} : Json(0.5)));
    CHECK(records[i].status == record::Status::ok);
  }
  const auto lambda = [&](std::size_t i) { return records[i].metrics.at("lambda_realised").value; };
  CHECK(lambda(2) > lambda(4) + 0.05);  // widths: all of the heads stay on
  CHECK(lambda(3) > lambda(5) + 0.05);  // both
  CHECK(lambda(2) > lambda(3) + 0.05);  // half of the tokens too
}

TEST_CASE("a sweep's table is refused where it has no meaning") {
  using nlohmann::ordered_json;
  const auto read = [](const ordered_json& json) {
    return study::speed_spec_from_json(json, "p.toml: sweep", test::catalog().names().sweep);
  };
  const auto spec = read({{"keep", {0.5, 1}}, {"batch", {2}}});
  CHECK(Json(spec.axes.back()) == Json{"keep", {0.5, 1}});
  CHECK(study::to_json(read(study::to_json(spec))) == study::to_json(spec));
  const ordered_json by_axis = ordered_json::parse(R"({"keep": [0.5, [0.75, 0.625, 0.65]]})");
  CHECK(study::to_json(read(study::to_json(read(by_axis))))["keep"] == by_axis["keep"]);
  CHECK(read({{"trained", {"half"}}}).models.empty());  // nothing else unless it is named
  CHECK(read({{"trained", {"half"}}, {"models", {"DyDiT-S/2"}}}).models.size() == 1);
  for (const ordered_json& wrong : {ordered_json{{"keep", {0}}},
                                    {{"keep", {1.1}}},
                                    {{"keep", ordered_json::array()}},
                                    {{"keep", {0.5, 0.5}}},
                                    {{"models", {"DiT-S/2"}}},
                                    {{"models", {"DyDiT-Q/2"}}},
                                    {{"which", {"all"}}},
                                    {{"which", {"heads"}}},
                                    {{"batch", {0}}},
                                    {{"engine", {"fast"}}},
                                    {{"dtype", {"float64"}}},
                                    {{"blocks", 0}},
                                    {{"blocks", 1e12}},
                                    {{"seconds", -1}},
                                    {{"seconds", 1e300}},
                                    {{"input_size", 33}},
                                    {{"lambda", {0.5}}},
                                    {{"trained", ordered_json::array()}},
                                    {{"latency", 1}},
                                    {{"latency", true}, {"trained", {"half"}}},
                                    {{"trained", {"a", "a"}}},
                                    {{"trained_batch", {0}}},
                                    {{"timesteps", 0}}}) {
    INFO(wrong.dump());
    CHECK_THROWS_AS(read(wrong), UsageError);
  }
  for (const char* wrong :
       {"[[]]", "[[0.5]]", "[[0.5, 0.75]]", "[[0.5, 0.75, 1, 1]]", "[[0.5, 0.75, 1.5]]", "[[0.5, 0, 1]]", "[[1, 1, 1]]",
        "[[1, 0.5, 0.5], [1.0, 0.5, 0.5]]", "[0.5, 0.75, [1, 0.5]]"}) {
    INFO(wrong);
    CHECK_THROWS_AS(read({{"keep", ordered_json::parse(wrong)}}), UsageError);
  }
}
