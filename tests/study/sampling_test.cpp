// SPDX-License-Identifier: Apache-2.0
// Whole trajectories, timed.
#include "study/sampling.h"

#include <torch/torch.h>

#include <set>

#include "base/error.h"
#include "catch.h"
#include "support.h"

using namespace dydit;

namespace {

study::SamplingSetting setting() {
  study::SamplingSetting s{{.spec = {}, .catalog = &test::catalog()}};
  s.spec.models = {"DyDiT-S/8"};
  s.spec.input_size = 16;
  s.spec.batch = {2};
  s.spec.engine = {"masked", "compact"};
  s.spec.sampler = {"ddim", "dpmpp"};
  s.spec.steps = {6, 3};
  s.spec.cache = {"fora:2", "deepcache:2,4..7"};
  s.spec.blocks = 6;
  s.quiet = true;
  return s;
}

record::Record cell(const test::StudyRun& run, const std::string& engine, const std::string& sampler, int steps,
                    const std::string& cache) {
  for (const record::Record& record : run.run.records())
    if (record.axes.at("engine") == engine && record.axes.at("sampler") == sampler &&
        record.axes.at("steps") == steps && record.axes.at("cache") == cache)
      return record;
  FAIL("no such cell: " << engine << " " << sampler << " " << steps << " " << cache);
  return {};
}

}  // namespace

TEST_CASE("trajectories of every engine, sampler, number of steps and cache are timed beside the complete model's") {
  test::StudyRun run;
  study::sampling(setting(), &run.run);
  CHECK(run.run.records().size() == 3 * 2 * 2 * 3);
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    const auto value = [&](const char* metric) { return record.metrics.at(metric).value; };
    CHECK(record.metrics.at("image_time").blocks.size() == 6);
    CHECK(record.metrics.at("multiplied_share").ci95);
    CHECK(value("image_time") > 0);
    const bool alone =
        record.axes.at("cache") == "none" && record.axes.at("sampler") == "ddim" && record.axes.at("steps") == 6;
    REQUIRE(record.metrics.contains("beyond_passes") == alone);
    if (alone) {
      CHECK(record.metrics.at("beyond_passes").blocks.size() == 6);
      CHECK(value("beyond_passes") > .3);
    }
    const std::string cache = record.axes.at("cache");
    const auto passes = record.axes.at("steps").get<double>();
    CHECK(value("passes") == passes);
    CHECK(value("full_passes") == (cache == "none" ? passes : passes == 3 ? 2 : cache == "fora:2" ? 4 : 3));
    CHECK((value("cache_memory") == 0) == (cache == "none"));
    CHECK((value("blocks_run") == 1) == (cache == "none"));
    CHECK(value("activation_memory") > value("cache_memory"));
    CHECK(value("sampling_gmacs_guided") > 1.5 * value("sampling_gmacs"));
    CHECK(value("sampling_theory") == Approx(value("reference_gmacs") / value("sampling_gmacs_guided")));
    // What the waterfall is made of is of the complete model's cells.
    const int steps = record.axes.at("steps");
    const std::string sampler = record.axes.at("sampler");
    for (const auto& [name, of] : {std::pair{"reference", cell(run, "dense", "ddim", 6, "none")},
                                   {"solver", cell(run, "dense", sampler, steps, "none")},
                                   {"cached", cell(run, "dense", sampler, steps, cache)}}) {
      const std::string part = name;
      CHECK(value((part + "_image_time").c_str()) == of.metrics.at("image_time").value);
      CHECK(value((part + "_gmacs").c_str()) == of.metrics.at("sampling_gmacs_guided").value);
    }
  }
  // What is one of the separate speedups is all of their product.
  for (const auto& [engine, sampler, steps, cache] : {std::tuple{"dense", "ddim", 6, "none"},
                                                      {"dense", "ddim", 6, "fora:2"},
                                                      {"dense", "dpmpp", 3, "none"},
                                                      {"compact", "ddim", 6, "none"}}) {
    const auto share = cell(run, engine, sampler, steps, cache).metrics.at("multiplied_share");
    for (const auto& block : share.blocks) CHECK(block.front() == Approx(1));
  }
  CHECK(cell(run, "dense", "ddim", 6, "none").metrics.at("sampling_speedup").value == 1);
  CHECK(cell(run, "compact", "ddim", 6, "none").metrics.at("sampling_speedup_own").value == 1);
  // Of a half of heads, groups and tokens about a third is left; the dense model has no routers.
  const auto half = cell(run, "compact", "ddim", 6, "none").metrics,
             dense = cell(run, "dense", "ddim", 6, "none").metrics;
  CHECK(half.at("lambda_realised").value == Approx(0.35).margin(0.08));
  CHECK(dense.at("lambda_realised").value == 1);
  CHECK(half.at("sampling_theory").value > 2);
  // Caches leave out what they say: blocks 4 to 7 of 12 in every other pass.
  CHECK(cell(run, "dense", "ddim", 6, "deepcache:2,4..7").metrics.at("blocks_run").value == Approx(1 - .5 * 4 / 12));
  CHECK(cell(run, "dense", "ddim", 6, "fora:2").metrics.at("blocks_run").value == Approx(4.0 / 6));

  const auto count = run.run.records().size();
  study::sampling(setting(), &run.run);  // nothing is measured twice
  CHECK(run.run.records().size() == count);
}

TEST_CASE("a cell that cannot be sampled fails alone, and one that others are held against is there unasked") {
  test::StudyRun run;
  auto s = setting();
  s.spec.engine = {"compact"};
  s.spec.sampler = {"ddim"};
  s.spec.steps = {3};
  s.spec.cache = {"deepcache:2,4..12"};
  study::sampling(s, &run.run);
  REQUIRE(run.run.records().size() == 4);
  for (const char* engine : {"dense", "compact"}) {
    CHECK(cell(run, engine, "ddim", 3, "none").status == record::Status::ok);
    const auto failed = cell(run, engine, "ddim", 3, "deepcache:2,4..12");
    CHECK(failed.status == record::Status::failed);
    CHECK(failed.error.find("4..12") != std::string::npos);
  }
}

TEST_CASE("a share kept of trajectories may be one of each unit axis") {
  using Json = nlohmann::ordered_json;
  const Json table = Json::parse(R"({"keep": [0.5, [1.0, 0.5, 0.5], 1.0]})");
  const auto names = test::catalog().names().sweep;
  CHECK(study::to_json(study::sampling_sweep_from_json(table, "p.toml: sampling", names))["keep"] == table["keep"]);
  for (const char* wrong : {"[[0.5, 0.5]]", "[[1, 1, 1]]", "[0.5, 0.5]", "[0]", "[]", "0.5"}) {
    INFO(wrong);
    CHECK_THROWS_AS(study::sampling_sweep_from_json({{"keep", Json::parse(wrong)}}, "p.toml: sampling", names),
                    UsageError);
  }
  test::StudyRun run;
  auto s = setting();
  s.spec.keep = {0.5, study::kept_from_json({1, 0.5, 0.5}, "keep")};
  s.spec.engine = {"compact"};
  s.spec.sampler = {"ddim"};
  s.spec.steps = {3};
  s.spec.cache = {"none"};
  s.spec.blocks = 1;
  study::sampling(s, &run.run);
  REQUIRE(run.run.records().size() == 3);
  const auto& half = run.run.records()[1];
  const auto& by_axis = run.run.records()[2];
  CHECK(by_axis.axes.at("keep") == record::Json{1, 0.5, 0.5});
  CHECK(by_axis.metrics.at("sampling_gmacs").value > 1.05 * half.metrics.at("sampling_gmacs").value);
}

TEST_CASE("trajectories of a trained flow are as its routers decide") {
  test::StudyRun run;
  auto s = setting();
  study::Model half = test::dynamic_model("half");
  s.spec.models = {};
  s.spec.trained = {"half"};
  s.spec.engine = {"compact"};
  s.spec.sampler = {"euler", "sde"};
  s.spec.steps = {4};
  s.spec.cache = {"fora:2", "fora:2,anew"};
  s.trained = {{.name = "half",
                .hash = "half",
                .network = half.network,
                .family = half.family,
                .chunk = {},
                .data_hash = {},
                .process = {.name = "flow"}}};
  study::sampling(s, &run.run);
  CHECK(run.run.records().size() == 2 * 2 * 3);
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    CHECK(record.status == record::Status::ok);
    CHECK_FALSE(record.axes.contains("keep"));
    CHECK(record.axes.at("which") == (record.axes.at("engine") == "dense" ? "all" : "own"));
    const auto strip = record::read_run(run.run.path()).tensors(record.tensors.at(0));
    CHECK(strip.at("image").shape == std::vector<std::int64_t>{2, 3, 8, 8});
    CHECK(strip.at("label").shape == std::vector<std::int64_t>{2});
  }
  CHECK(cell(run, "compact", "euler", 4, "none").metrics.at("passes").value == 3);  // between grid points
  // Routers that decide anew are run.
  const auto macs = [&](const char* cache) {
    return cell(run, "compact", "euler", 4, cache).metrics.at("sampling_gmacs").value;
  };
  CHECK(macs("fora:2,anew") > macs("fora:2"));
}

namespace {

// Means of the channels: what an image is, as far as these tests go.
class Means final : public quality::FeatureNetwork {
 public:
  quality::Features operator()(const torch::Tensor& images) const override {
    CHECK(images.min().item<double>() >= 0);
    CHECK(images.max().item<double>() <= 1);
    seen += images.size(0);
    return {images.mean({2, 3}), {}, {}};
  }
  mutable std::int64_t seen = 0;
};

study::Trained trained_of(const study::Model& model) {
  return {.name = model.name,
          .hash = model.name,
          .network = model.network,
          .family = model.family,
          .chunk = {},
          .data_hash = {},
          .process = {.name = "diffusion"}};
}

}  // namespace

TEST_CASE("products of samplers, steps and caches are named one by one, with all that their cells are held against") {
  const auto names = test::catalog().names().sweep;
  const record::Json table{
      {"models", {"DyDiT-S/8"}},
      {"input_size", 16},
      {"steps", {6}},
      {"products", {{{"steps", {4, 3}}, {"cache", {"none"}}}, {{"sampler", {"dpmpp"}}, {"cache", {"fora:2"}}}}}};
  const auto sweep = study::sampling_sweep_from_json(table, "p.toml: sampling", names);
  CHECK(study::to_json(sweep)["products"] == table["products"]);
  CHECK(study::products_of(sweep)[0].sampler == sweep.sampler);
  CHECK(study::products_of(sweep)[1].steps == std::vector<std::int64_t>{6});
  for (const char* wrong : {R"([{"step": [3]}])", R"([{"cache": ["fora"]}])", R"([{"sampler": ["dopri5"]}])",
                            R"([{"steps": [0]}])", R"([{"models": ["nobody"]}])", R"({})"}) {
    INFO(wrong);
    auto changed = table;
    changed["products"] = record::Json::parse(wrong);
    CHECK_THROWS_AS(study::sampling_sweep_from_json(changed, "p.toml: sampling", names), UsageError);
  }
  test::StudyRun run;
  auto s = setting();
  s.spec.engine = {"compact"};
  s.spec.sampler = {"ddim"};
  s.spec.steps = {6};
  s.spec.blocks = 1;
  s.spec.products = sweep.products;
  study::sampling(s, &run.run);
  std::set<std::string> cells;
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    CHECK(record.status == record::Status::ok);
    cells.insert(record.axes["engine"].get<std::string>() + " " + record.axes["sampler"].get<std::string>() + " " +
                 record.axes["steps"].dump() + " " + record.axes["cache"].get<std::string>());
  }
  CHECK(cells == std::set<std::string>{"dense ddim 6 none", "dense ddim 4 none", "dense ddim 3 none",
                                       "dense ddim 6 fora:2", "dense dpmpp 6 none", "dense dpmpp 6 fora:2",
                                       "compact ddim 6 none", "compact ddim 4 none", "compact ddim 3 none",
                                       "compact dpmpp 6 fora:2"});
}

TEST_CASE("a product may name its models") {
  test::StudyRun run;
  auto s = setting();
  s.spec.models = {"DyDiT-S/8", "DyDiT-S/4"};
  s.spec.engine = {"dense"};
  s.spec.sampler = {"ddim"};
  s.spec.steps = {3};
  s.spec.blocks = 1;
  s.spec.products = {{.cache = {"none"}}, {.models = {"DyDiT-S/4"}, .steps = {2}, .cache = {"none"}}};
  study::sampling(s, &run.run);
  std::set<std::pair<std::string, int>> cells;
  for (const record::Record& record : run.run.records()) cells.emplace(record.axes["model"], record.axes["steps"]);
  CHECK(cells == std::set<std::pair<std::string, int>>{{"DyDiT-S/8", 3}, {"DyDiT-S/4", 3}, {"DyDiT-S/4", 2}});
}

TEST_CASE("what trained models draw is judged: a dense model's images, and a dynamic one's as its routers decide") {
  const study::Model half = test::dynamic_model("half"), dense = test::tiny_model("dense", 3);
  auto s = setting();
  s.spec.models = {};
  s.spec.engine = {"compact"};
  s.spec.sampler = {"ddim"};
  s.spec.steps = {4, 2};
  s.spec.cache = {"none", "fora:2"};
  s.spec.blocks = 1;
  s.spec.judged = 5;  // no multiple of the batch
  s.trained = {trained_of(half), trained_of(dense)};
  const auto network = std::make_shared<Means>();
  torch::manual_seed(1);
  s.judging.emplace(network, quality::Set{.where = "real", .features = torch::rand({30, 3})}, "means", s.seed);
  test::StudyRun run;
  study::sampling(s, &run.run);
  CHECK(network->seen == 2 * 4 * 5);
  CHECK(run.run.records().size() == 3 * 4);
  std::map<std::string, double> distances;
  for (const record::Record& record : run.run.records()) {
    INFO(record.axes.dump() << " " << record.error);
    REQUIRE(record.status == record::Status::ok);
    const bool judged = record.axes["model"] == "dense" || record.axes["engine"] == "compact";
    REQUIRE(record.metrics.contains("frechet") == judged);
    if (!judged) continue;
    const record::Metric& frechet = record.metrics.at("frechet");
    CHECK(frechet.value > 0);
    CHECK(((*frechet.ci95)[0] < frechet.value && frechet.value < (*frechet.ci95)[1]));
    CHECK(record.metrics.at("judged_images").value == 5);
    distances[record.cell] = frechet.value;
  }
  // The same images again; another number of them is another cell.
  test::StudyRun again;
  study::sampling(s, &again.run);
  for (const record::Record& record : again.run.records())
    if (distances.contains(record.cell)) CHECK(record.metrics.at("frechet").value == distances.at(record.cell));
  s.spec.judged = 6;
  test::StudyRun more;
  study::sampling(s, &more.run);
  for (const record::Record& record : more.run.records()) CHECK(distances.contains(record.cell) == false);
  // Those that no other is as fast as and closer are judged again, once.
  s.spec.judged = 5;
  s.spec.judged_on_front = 9;
  study::sampling(s, &run.run);
  const auto beats = [](const record::Record& a, const record::Record& b) {
    const auto [time, than] = std::pair(a.metrics.at("image_time").value, b.metrics.at("image_time").value);
    const auto [distance, of] = std::pair(a.metrics.at("frechet").value, b.metrics.at("frechet").value);
    return time <= than && distance <= of && (time < than || distance < of);
  };
  std::map<std::string, int> front;
  std::vector<record::Record> judged;
  for (const record::Record& record : run.run.records()) {
    if (record.study == "front") {
      CHECK(record.status == record::Status::ok);
      CHECK(record.metrics.at("judged_images").value == 9);
      CHECK(record.metrics.at("frechet").ci95);
      CHECK_FALSE(record.metrics.contains("image_time"));
      ++front[record.axes.dump()];
    } else if (record.metrics.contains("frechet")) {
      judged.push_back(record);
    }
  }
  REQUIRE(judged.size() == 2 * 4);
  for (const record::Record& one : judged) {
    INFO(one.axes.dump());
    CHECK(front.count(one.axes.dump()) ==
          std::ranges::none_of(judged, [&](const record::Record& other) { return beats(other, one); }));
  }
  const auto seen = network->seen;
  study::sampling(s, &run.run);
  CHECK(network->seen == seen);
  // What cannot be judged is told.
  const auto names = test::catalog().names().sweep;
  for (const record::Json& wrong :
       {record::Json{{"trained", {"half"}}, {"judged", 8}},
        record::Json{{"trained", {"half"}}, {"features", "network.pt"}},
        record::Json{{"judged", 8}, {"features", "network.pt"}},
        record::Json{{"trained", {"half"}}, {"judged_on_front", 8}},
        record::Json{{"trained", {"half"}}, {"judged", 8}, {"judged_on_front", 8}, {"features", "network.pt"}}})
    CHECK_THROWS_AS(study::sampling_sweep_from_json(wrong, "p.toml: sampling", names), UsageError);
}

TEST_CASE("what cannot be sampled is told before anything is timed") {
  const auto refused = [](const auto& change) {
    study::SamplingSetting s = setting();
    change(s.spec);
    test::StudyRun run;
    CHECK_THROWS_AS(study::require_sampleable(s), UsageError);
  };
  CHECK_NOTHROW(study::require_sampleable(setting()));
  refused([](auto& spec) { spec.sampler = {"ddim", "rk4"}; });
  refused([](auto& spec) { spec.cache = {"deepcache:2,0..100"}; });
  refused([](auto& spec) { spec.engine = {"dense", "fused-dense", "compact"}; });  // which one is compared with?
  refused([](auto& spec) { spec.cache = {R"({"full": [0, 5]})"}; });               // of 3 steps
}
