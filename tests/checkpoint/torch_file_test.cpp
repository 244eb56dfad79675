// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"
#include "catch.h"
#include "checkpoint/safetensors.h"
#include "support.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using Catch::Matchers::Contains;
using dydit::InputError;
using dydit::test::fixtures;
using dydit::test::golden;
using dydit::test::identical;

TEST_CASE("both sets of weights of a training file") {
  // As the official training wrote it, but for the bytes of its optimizer, which were taken out: nobody reads them.
  const auto model = open_checkpoint(golden / "tiny_train.pt", Weights::model);
  CHECK(model.weights == "model; also there: ema");
  const auto ema = open_checkpoint(golden / "tiny_train.pt");
  CHECK(ema.weights == "ema; also there: model");
  CHECK(identical(ema.tensors, open_checkpoint(golden / "tiny_train.pt", Weights::ema).tensors));
  CHECK(ema.tensors.size() == 42);
  CHECK(model.tensors.size() == 42);
  CHECK_FALSE(identical(ema.tensors, model.tensors));
}

TEST_CASE("the state dict of a module") {
  const auto opened = open_checkpoint(fixtures / "state_dict.pt");
  CHECK(opened.weights == "model (bare)");
  const std::map<std::string, std::vector<std::int64_t>> shapes{{"t_embedder.mlp.0.weight", {2, 3}},
                                                                {"t_embedder.mlp.0.bias", {2}},
                                                                {"t_embedder.mlp.2.weight", {1, 2}},
                                                                {"t_embedder.mlp.2.bias", {1}}};
  CHECK(opened.tensors.size() == shapes.size());
  for (const auto& [name, shape] : shapes) {
    CAPTURE(name);
    const auto& tensor = opened.tensors.at(name);
    CHECK(tensor.shape == shape);
    const auto values = tensor.as<float>();
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == static_cast<float>(i));
  }
}

TEST_CASE("every type, stride and shared storage that torch.save writes") {
  const auto expected = read_safetensors(fixtures / "sound.safetensors");
  for (const char* name :
       {"sound.pt", "protocol4.pt", "zip64.pt", "train.pt", "legacy.pt", "legacy_train.pt", "python2.pt"}) {
    CAPTURE(name);
    const auto opened = open_checkpoint(fixtures / name);
    CHECK(identical(opened.tensors, expected.tensors));
    CHECK(opened.metadata.empty());
    for (const auto& [tensor, each] : opened.tensors) CHECK(aligned(each.bytes, each.type));
  }
}

TEST_CASE("contiguous tensors are views, strided ones copies") {
  const auto opened = open_checkpoint(fixtures / "sound.pt");
  const auto& tensors = opened.tensors;
  CHECK(tensors.at("rows").owner == tensors.at("type.F32").owner);
  CHECK(tensors.at("one_wide").owner == tensors.at("rows").owner);
  CHECK(tensors.at("one_wide").bytes.data() + 24 == tensors.at("rows").bytes.data());
  CHECK(tensors.at("transposed").owner != tensors.at("rows").owner);
}

TEST_CASE("other files of torch.save are refused with the reason") {
  const auto [name, reason] = GENERATE(table<std::string, std::string>({
      {"bad_expanded.pt", "is expanded"},
      {"bad_complex.pt", "'torch.ComplexFloatStorage'"},
      {"bad_no_tensor.pt", "entry 'w' among the weights is not a tensor"},
      {"bad_list.pt", "no dict"},
      {"bad_empty.pt", "no tensors"},
      {"bad_module.pt", "'torch.nn.modules.linear.Linear'"},
      {"bad_byteorder.pt", "little-endian"},
  }));
  CAPTURE(name);
  CHECK_THROWS_WITH(open_checkpoint(fixtures / name), Contains(reason) && Contains(name));
  CHECK_THROWS_AS(open_checkpoint(fixtures / name), InputError);
}

TEST_CASE("weights that are not there") {
  CHECK_THROWS_WITH(open_checkpoint(fixtures / "state_dict.pt", Weights::ema), Contains("holds no EMA weights"));
  CHECK(open_checkpoint(fixtures / "state_dict.pt", Weights::model).weights == "model (bare)");
  CHECK_THROWS_AS(open_checkpoint(golden / "none.pt"), InputError);
  CHECK_THROWS_AS(open_checkpoint(golden), InputError);
}

TEST_CASE("a safetensors file may begin with the letters of a zip") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  std::string header = R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  header.resize('P' + 256 * 'K', ' ');  // its length is what the file begins with
  dydit::write_atomically(path, dydit::test::little(header.size(), 8) + header + "x");
  CHECK(open_checkpoint(path).tensors.at("w").as<std::uint8_t>()[0] == 'x');
}
