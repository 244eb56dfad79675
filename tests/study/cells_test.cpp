// SPDX-License-Identifier: Apache-2.0
// Chunks of images as cells: what fails, what is broken, what is left to do.
#include "base/error.h"
#include "base/file.h"
#include "catch.h"
#include "support.h"

using namespace dydit;

namespace {

std::shared_ptr<test::AlteredData> broken_at(std::int64_t size, std::vector<std::int64_t> places) {
  const auto images = std::make_shared<test::AlteredData>(size);
  images->alter = [places](std::int64_t index, std::span<float>) {
    if (std::ranges::find(places, index) != places.end()) throw InputError("broken image", std::to_string(index));
  };
  return images;
}

std::shared_ptr<const data::Subset> all_of(const std::shared_ptr<test::AlteredData>& images) {
  return std::make_shared<data::Subset>(images, images->size());
}

}  // namespace

TEST_CASE("broken images are left out of their chunk") {
  test::StudyRun run, unbroken;
  std::vector<study::Model> models{test::tiny_model("a", 1)};
  const auto setting = test::setting({500}, 50);
  test::run_study("loss-gap", models, all_of(broken_at(300, {0, 120})), setting, &run.run);
  test::run_study("loss-gap", models, test::synthetic(300), setting, &unbroken.run);
  const auto index = run.gathered("a", "index");
  CHECK(run.records("a").size() == 6);
  REQUIRE(index.size(0) == 298);
  CHECK(index[0].item<std::int64_t>() == 1);
  CHECK(!(index == 120).any().item<bool>());
  CHECK(test::distance(run.gathered("a", "mse"), unbroken.gathered("a", "mse").index_select(0, index)) <= 1e-5);
}

TEST_CASE("too many broken images stop the study") {
  test::StudyRun run;
  std::vector<study::Model> models{test::tiny_model("a", 1)};
  CHECK_THROWS_AS(
      test::run_study("loss-gap", models, all_of(broken_at(300, {3, 40, 41, 299})), test::setting({500}, 50), &run.run),
      InputError);
}

TEST_CASE("broken images count over a whole study, also where a part of it was done before") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  std::vector<study::Model> models{test::tiny_model("a", 1)};
  const auto setting = test::setting({500}, 50);
  const auto images = broken_at(300, {3, 40, 41, 299});  // three are allowed
  const auto broken_so_far = [&] {
    double sum = 0;
    for (const record::Record& record : record::read_run(path).records) sum += record.metrics.at("broken_images").value;
    return sum;
  };
  for (int attempt = 0; attempt < 2; ++attempt) {
    record::RunDirectory run(path, {{"identity", "test"}});
    CHECK_THROWS_WITH(test::run_study("loss-gap", models, all_of(images), setting, &run), Catch::Contains("4 of 300"));
    CHECK(broken_so_far() == 3);
  }
  const std::string log = read_file(path / "log.txt");
  for (const char* line : {"broken image: 3: left out", "broken image: 40: left out", "broken image: 299: left out"})
    CHECK(log.find(line) != std::string::npos);
}

TEST_CASE("a loss that is not finite fails its cell and no other") {
  test::StudyRun run;
  std::vector<study::Model> models{test::tiny_model("a", 1), test::tiny_model("b", 2)};
  {
    torch::NoGradGuard no_grad;
    test::dit_of(models[1])->final_layer->linear->bias.fill_(NAN);
  }
  test::run_study("loss-gap", models, test::synthetic(8), test::setting({100, 500}, 4), &run.run);
  REQUIRE(run.run.records().size() == 4);
  for (const record::Record& record : run.run.records()) {
    const bool failed = record.axes["model"] == "b";
    CHECK((record.status == record::Status::failed) == failed);
    CHECK(record.error == (failed ? "a value is not finite" : ""));
  }
}

TEST_CASE("a model that fails leaves the cells of the others as they are without it") {
  test::StudyRun both, alone;
  std::vector<study::Model> models{test::tiny_model("a", 1), test::tiny_model("b", 2)}, first{models[0]};
  test::dit_of(models[1])->final_layer->linear->weight.set_data(torch::zeros({3, 3}));
  const auto setting = test::setting({100, 500}, 4);
  test::run_study("loss-gap", models, test::synthetic(8), setting, &both.run);
  test::run_study("loss-gap", first, test::synthetic(8), setting, &alone.run);
  REQUIRE(both.run.records().size() == 4);
  for (const record::Record& record : both.records("b")) CHECK(record.status == record::Status::failed);
  for (const record::Record& record : both.records("a")) CHECK(record.status == record::Status::ok);
  CHECK(torch::equal(both.gathered("a", "mse"), alone.gathered("a", "mse")));
}

TEST_CASE("a cell that fails is recorded, the study goes on, and the cell runs again when asked") {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  std::vector<study::Model> models{test::tiny_model("a", 1), test::tiny_model("b", 2)};
  const auto images = std::make_shared<test::AlteredData>(30);
  images->labels = {{12, 10 + 1}};  // beyond the model's table
  const auto setting = test::setting({500}, 10);
  const auto statuses = [&] {
    std::map<std::pair<std::int64_t, std::string>, record::Record> found;
    for (const record::Record& record : record::read_run(path).records)
      found[{record.axes["first"], record.axes["model"]}] = record;
    return found;
  };
  {
    record::RunDirectory run(path, {{"identity", "test"}});
    test::run_study("loss-gap", models, all_of(images), setting, &run);
  }
  REQUIRE(statuses().size() == 6);
  for (const auto& [place, record] : statuses()) {
    CAPTURE(place.first, place.second, record.error);
    CHECK((record.status == record::Status::failed) == (place.first == 10));
    CHECK(record.error.empty() == (place.first != 10));
    CHECK(record.error.find('\n') == std::string::npos);
    CHECK(record.tensors.empty() == (place.first == 10));
  }
  images->labels.clear();
  for (const bool retry : {false, true}) {
    record::RunDirectory run(path, {{"identity", "test"}}, {.retry_failed = retry});
    test::run_study("loss-gap", models, all_of(images), setting, &run);
    CHECK((statuses().at({10, "b"}).status == record::Status::ok) == retry);
  }
}

TEST_CASE("only what is missing is worked on") {
  test::StudyRun run;
  const auto setting = test::setting({500}, 4);
  const auto cell = [](std::size_t model, std::int64_t first, std::int64_t count) {
    const record::Json axes = {
        {"model", std::string(1, static_cast<char>('a' + model))}, {"first", first}, {"count", count}};
    return record::Record{.cell = record::cell_hash("s", axes, {}, 0), .study = "s", .axes = axes};
  };
  run.run.append(cell(0, 0, 4));
  run.run.append(cell(1, 0, 4));
  run.run.append(cell(1, 4, 4));
  std::vector<std::tuple<std::int64_t, std::int64_t, std::vector<std::size_t>>> seen;
  const auto work = [&](const study::Chunk& chunk, const std::vector<std::size_t>& missing, const study::Emit&) {
    seen.emplace_back(chunk.first, chunk.count, missing);
    CHECK(chunk.images.size(0) == chunk.count);
    CHECK(chunk.indices.front() == chunk.first);
  };
  study::for_each_chunk("test", setting, test::synthetic(10), 2, &run.run, cell, work);
  using Missing = std::vector<std::size_t>;
  CHECK((seen == decltype(seen){{4, 4, Missing{0}}, {8, 2, Missing{0, 1}}}));
}

TEST_CASE("a cell whose record could not be read back is recorded as failed, without its tensors") {
  test::StudyRun run;
  const auto cell = [](std::size_t, std::int64_t first, std::int64_t count) {
    const record::Json axes = {{"model", "a"}, {"first", first}, {"count", count}};
    return record::Record{.cell = record::cell_hash("s", axes, {}, 0), .study = "s", .axes = axes};
  };
  const std::vector<float> value{1};
  const auto work = [&](const study::Chunk& chunk, const std::vector<std::size_t>&, const study::Emit& emit) {
    study::DoneCell done{.record = cell(0, chunk.first, chunk.count),
                         .tensors = {{"x", checkpoint::Tensor::of<float>(value, {1})}}};
    done.record.tensors = {"x-" + std::to_string(chunk.first)};
    if (chunk.first == 4) done.record.error.assign(5 << 20, 'x');
    emit(std::move(done));
  };
  study::for_each_chunk("test", test::setting({500}, 4), test::synthetic(8), 1, &run.run, cell, work);
  const auto& records = run.run.records();
  REQUIRE(records.size() == 2);
  CHECK((records[0].status == record::Status::ok && records[1].status == record::Status::failed));
  CHECK(records[1].error.find("could not be read back") != std::string::npos);
  CHECK(std::filesystem::exists(run.run.path() / "tensors" / "x-0.safetensors"));
  CHECK(!std::filesystem::exists(run.run.path() / "tensors" / "x-4.safetensors"));
}
