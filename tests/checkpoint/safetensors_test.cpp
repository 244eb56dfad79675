// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include "base/error.h"
#include "catch.h"
#include "heap.h"
#include "support.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using dydit::InputError;
using dydit::test::fixtures;
using dydit::test::identical;
using dydit::test::little;

template <typename T>
static Tensor tensor(std::vector<T> values, std::vector<std::int64_t> shape) {
  return Tensor::of<T>(values, std::move(shape));
}

static Tensors one_of_each() {
  const bool booleans[] = {true, false};
  Tensors tensors = {
      {"a", tensor<std::uint8_t>({1, 255}, {2})}, {"b", tensor<std::int8_t>({-1}, {1, 1})},
      {"c", Tensor::of<bool>(booleans, {2})},     {"d", tensor<std::int16_t>({-3, 3, 0}, {3})},
      {"e", tensor<std::int32_t>({-70000}, {})},  {"f", tensor<std::int64_t>({1LL << 40}, {1})},
      {"g", tensor<float>({}, {0, 7})},           {"h \"naïve\"\n", tensor<float>({0.5f, -1.0f}, {1, 2})},
      {"i", tensor<double>({1e300}, {1})}};
  tensors["j"] = tensors["k"] = tensors["d"];
  tensors["j"].type = DType::f16;
  tensors["k"].type = DType::bf16;
  return tensors;
}

TEST_CASE("every type survives writing and reading") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t.safetensors";
  const Metadata metadata = {{"model", "DiT-XL/2"}, {"quoted", "\"\\\n ü"}};
  write_safetensors(path, one_of_each(), metadata);
  const auto read = read_safetensors(path);
  CHECK(identical(read.tensors, one_of_each()));
  CHECK(read.metadata == metadata);
  CHECK(read.tensors.at("i").as<double>()[0] == 1e300);
  CHECK(read.tensors.at("c").as<bool>()[0]);
  CHECK(read.tensors.at("g").elements() == 0);
  for (const auto& [name, each] : read.tensors) CHECK(aligned(each.bytes, each.type));
  const auto text = dydit::read_file(path);
  CHECK(little(text.find('{'), 8) == little(8, 8));
  CHECK(static_cast<unsigned char>(text[0]) % 8 == 0);
}

TEST_CASE("equal content gives equal bytes, and nothing else is left behind") {
  const dydit::test::TemporaryFolder folder;
  write_safetensors(folder.path() / "a", one_of_each(), {{"k", "v"}});
  write_safetensors(folder.path() / "b", read_safetensors(folder.path() / "a").tensors, {{"k", "v"}});
  CHECK(dydit::read_file(folder.path() / "a") == dydit::read_file(folder.path() / "b"));
  CHECK(folder.entries() == 2);
}

TEST_CASE("a file may be replaced while its tensors are in use") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  write_safetensors(path, {{"x", tensor<float>({1, 2}, {2})}});
  const auto old = read_safetensors(path);
  write_safetensors(path, {{"x", tensor<float>({3}, {1})}});
  CHECK(old.tensors.at("x").as<float>()[1] == 2);
  CHECK(read_safetensors(path).tensors.at("x").as<float>()[0] == 3);
}

TEST_CASE("what cannot be written leaves the old file alone") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t";
  write_safetensors(path, {{"x", tensor<float>({1}, {1})}});
  const auto before = dydit::read_file(path);
  Tensor wrong = tensor<float>({1}, {1});
  wrong.shape = {2};
  CHECK_THROWS_AS(write_safetensors(path, {{"x", wrong}}), dydit::RunError);
  CHECK_THROWS_AS(write_safetensors(path, {{"__metadata__", tensor<float>({1}, {1})}}), dydit::RunError);
  CHECK_THROWS_AS(write_safetensors(path, {{"\xff", tensor<float>({1}, {1})}}), dydit::RunError);
  CHECK_THROWS_AS(write_safetensors(path, {}, {{"k", "\xff"}}), dydit::RunError);
  CHECK(dydit::read_file(path) == before);
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file of another writer, whose tensors are not aligned") {
  const auto read = read_safetensors(fixtures / "sound.safetensors");
  CHECK(read.tensors.size() == 19);
  CHECK(read.metadata.at("quote") == "a \"b\"\n");
  for (const auto& [name, each] : read.tensors) CHECK(aligned(each.bytes, each.type));
  CHECK(read.tensors.at("scalar").as<float>()[0] == 0.5f);
  CHECK(read.tensors.at("permuted").as<std::int16_t>()[1] == 4);
}

TEST_CASE("elements are given as their own type alone") {
  CHECK_THROWS_AS(tensor<float>({1}, {1}).as<double>(), InputError);
  Tensor boolean = tensor<std::uint8_t>({2}, {1});
  boolean.type = DType::boolean;
  CHECK_THROWS_AS(boolean.as<bool>(), InputError);
  CHECK_THROWS_AS(tensor<float>({1}, {2}), std::invalid_argument);
  CHECK(to_string({2, 3, 8}) == "(2, 3, 8)");
}

TEST_CASE("headers that are not of the one form are refused") {
  const std::string header = GENERATE(values<std::string>(
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":1}})",
       R"({"a":{"dtype":"U8","shape":[1]}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})",
       R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,18446744073709551616]}})",
       R"({"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[4294967296,4294967296,0],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[true],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":null,"shape":[1],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}} trailing)",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":"text"})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"k":1}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"k":"","k":""}})",
       R"({"__metadata__":{},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})",
       std::string(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})") + std::string(1, '\0'),
       R"( {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       "[]",
       "{}"}));
  const dydit::test::TemporaryFolder folder;
  dydit::write_atomically(folder.path() / "t", little(header.size(), 8) + header + "x");
  CAPTURE(header);
  CHECK_THROWS_AS(read_safetensors(folder.path() / "t"), InputError);
}

TEST_CASE("a header of very many empty tensors is refused") {
  std::string sizes = "0";
  for (int i = 1; i < 64; ++i) sizes += ",0";
  std::string header = "{";
  for (int i = 0; i < 30'000; ++i)
    header += fmt::format(R"({}"{}":{{"dtype":"I8","shape":[{}],"data_offsets":[0,0]}})", i ? "," : "", i, sizes);
  header += "}";
  const dydit::test::TemporaryFolder folder;
  dydit::write_atomically(folder.path() / "t", little(header.size(), 8) + header);
  CHECK_THROWS_WITH(read_safetensors(folder.path() / "t"), Catch::Contains("far too many"));
}

TEST_CASE("a large header takes no more than four times its size and 32 MiB") {
  const auto file_of = [](const char* entry, int count) {
    std::string header = "{";
    for (int i = 0; i < count; ++i) header += fmt::format(fmt::runtime(entry), i);
    header.back() = '}';
    return dydit::test::little(header.size(), 8) + header;
  };
  const auto named = [](std::size_t length, const char* escaped = "", std::size_t padding = 0) {
    std::string header = "{";
    header += std::string(padding, ' ') + "\"" + escaped + std::string(length, 'x') +
              R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})";
    return dydit::test::little(header.size(), 8) + header;
  };
  const auto [file, must_be_read] = GENERATE_COPY(table<std::string, bool>({
      {file_of(R"("{:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}},)", 200'000), false},
      {file_of(R"("{:x}":{{"dtype":"U8","shape":[0,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1],"data_offsets":[0,0]}},)", 100'000),
       false},
      {named(64 << 20), false},
      {named(16 << 20), true},
      {named(40 << 20, R"(a\"b)"), false},
      {named(1, R"(a\"b)", 20 << 20), true},
  }));
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t.safetensors";
  dydit::write_atomically(path, file);
  const dydit::test::HeapPeak heap;
  std::size_t tensors = 0;
  try {
    tensors = read_safetensors(path).tensors.size();
  } catch (const dydit::InputError&) {
  }
  CHECK(heap.bytes() <= 4 * file.size() + (32 << 20));
  if (must_be_read) CHECK(tensors == 1);
}
