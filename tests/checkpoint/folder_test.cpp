// SPDX-License-Identifier: Apache-2.0
// Folders as diffusers writes them: found, put together from shards, and refused where they do not add up.
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/random.h"
#include "catch.h"
#include "limits.h"
#include "support.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using namespace std::literals;
using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::test::golden;
using dydit::test::identical;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

const std::string first = "diffusion_pytorch_model-00001-of-00002.safetensors",
                  second = "diffusion_pytorch_model-00002-of-00002.safetensors",
                  index_name = "diffusion_pytorch_model.safetensors.index.json";

/// A copy of the sharded folder, to break.
class Sharded {
 public:
  Sharded() { fs::copy(golden / "diffusers" / "sharded", path()); }
  fs::path path() const { return folder_.path() / "dit"; }
  Checkpoint open() const { return open_checkpoint(path()); }
  void write(const std::string& name, const std::string& text) const { dydit::write_atomically(path() / name, text); }
  Json index() const { return Json::parse(dydit::read_file(path() / index_name)); }

 private:
  dydit::test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("every form of a folder holds the same bits") {
  const auto expected = open_checkpoint(golden / "diffusers" / "single");
  CHECK(expected.tensors.size() == 44);
  CHECK(expected.weights == "model (bare)");
  CHECK_THAT(expected.config, Contains("DiTTransformer2DModel"));
  for (const char* name : {"sharded", "sharded_bin", "pipeline", "pipeline/transformer"}) {
    CAPTURE(name);
    const auto opened = open_checkpoint(golden / "diffusers" / name);
    CHECK(identical(opened.tensors, expected.tensors));
    CHECK(opened.config.size() > 400);
    CHECK_THROWS_AS(open_checkpoint(golden / "diffusers" / name, Weights::ema), InputError);
  }
}

TEST_CASE("the files of a checkpoint") {
  CHECK(files_of(golden / "tiny_train.pt") == std::vector<fs::path>{golden / "tiny_train.pt"});
  CHECK(files_of(golden / "diffusers" / "pipeline").size() == 2);
  const auto folder = golden / "diffusers" / "sharded";
  CHECK(files_of(folder) ==
        std::vector<fs::path>{folder / first, folder / second, folder / "config.json", folder / index_name});
  CHECK_THROWS_AS(files_of(golden), InputError);
}

TEST_CASE("folders that do not add up are refused with the reason") {
  const Sharded folder;
  const auto refused = [&](const std::string& reason) {
    CAPTURE(reason);
    CHECK_THROWS_WITH(folder.open(), Contains(reason));
    CHECK_THROWS_AS(folder.open(), InputError);
  };
  const std::string index = folder.index().dump();
  const auto with = [&](const Json& map) { folder.write(index_name, Json{{"weight_map", map}}.dump()); };
  const Json map = folder.index()["weight_map"];

  for (const std::string text : {"[]", "{}", R"({"weight_map": []})"}) {
    folder.write(index_name, text);
    refused("no weight_map");
  }
  folder.write(index_name, "{\"weight_map\": {\"\xff\": \"a\"}}");
  refused("is not JSON");
  folder.write(index_name, std::string(1 << 20, '['));
  refused("nests too deep");
  folder.write(index_name, "");
  refused("is empty");
  folder.write(index_name, std::string(5 << 20, ' '));
  refused("larger than it should be");
  with(Json::object());
  refused("names no tensor");
  with({{"a", 1}});
  refused("names no file for 'a'");
  const std::string with_zero("a\0b", 3);
  for (const std::string& name : {""s, "."s, ".."s, "../sharded"s, "/etc/passwd"s, "a/b"s, "a\\b"s, with_zero}) {
    Json changed = map;
    changed["proj_out_1.bias"] = name;
    with(changed);
    refused("which is no file of the folder");
  }
  Json changed = map;
  changed["more"] = first;
  with(changed);
  refused("lacks 'more'");
  changed = map;
  changed["proj_out_1.bias"] = map["proj_out_1.bias"] == first ? second : first;
  with(changed);
  refused("'proj_out_1.bias', which the index does not place there");
  changed.erase("proj_out_1.bias");
  with(changed);
  refused("'proj_out_1.bias', which the index does not place there");

  folder.write(index_name, index);
  CHECK(folder.open().tensors.size() == 44);
  folder.write("config.json", "");
  refused("is empty");
  folder.write("config.json", std::string(1 << 20, ' '));
  refused("larger than it should be");
  fs::remove(folder.path() / second);
  refused(second);
  fs::remove(folder.path() / index_name);
  refused("folder without weights");
  fs::remove(folder.path() / "config.json");
  refused("folder without config.json");
}

TEST_CASE("an index that is cut off or changed is refused or taken, and nothing else happens") {
  const Sharded folder;
  const auto opens = [&] {
    try {
      dydit::test::open_and_read(folder.path());
      return true;
    } catch (const InputError&) {
      return false;
    }
  };
  const std::string good = folder.index().dump();
  folder.write(index_name, good);
  CHECK(opens());
  std::fstream file(folder.path() / index_name, std::ios::in | std::ios::out | std::ios::binary);
  dydit::Random random(1, dydit::Purpose::synthetic, 0);
  int opened = 0;
  constexpr int mutations = 10'000;
  for (int i = 0; i < mutations; ++i) {
    const std::size_t at = random.below(good.size());
    const auto put = [&](char byte) { file.seekp(static_cast<std::streamoff>(at)).put(byte).flush(); };
    put(static_cast<char>(good[at] ^ static_cast<char>(1 + random.below(255))));
    opened += opens();
    put(good[at]);
  }
  CHECK((opened > 0 && opened < mutations));
  opened = 0;
  for (std::size_t size = good.size(); size-- > 0;) {
    fs::resize_file(folder.path() / index_name, size);
    opened += opens();
  }
  CHECK(opened == 0);
}
