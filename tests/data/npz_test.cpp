// SPDX-License-Identifier: Apache-2.0
#include "data/npz.h"

#include <zlib.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "catch.h"
#include "checkpoint/stored_zip.h"
#include "data_files.h"

using namespace dydit;
using namespace dydit::data;
using namespace dydit::test;
using Integers = std::vector<std::int64_t>;

namespace {

std::vector<float> counted(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.F);
  return values;
}

}  // namespace

TEST_CASE("arrays of an .npz are read whole, or row by row") {
  const TemporaryFolder place;
  const auto path = place.path() / "a.npz";
  const std::vector<float> values = counted(3000);
  write_zip(path, {{"mu.npy", npy<double>("<f8", "(2,)", {0.5, 1.5})},
                   {"arr_0.npy", npy<float>("<f4", "(30, 100)", values)}});
  const Npz npz(path);
  CHECK(npz.has("mu"));
  CHECK_FALSE(npz.has("sigma"));
  const checkpoint::Tensor mu = npz.read("mu");
  CHECK(mu.shape == Integers{2});
  CHECK(std::ranges::equal(mu.as<double>(), std::vector{0.5, 1.5}));
  CHECK(std::ranges::equal(npz.read("arr_0").as<float>(), values));
  NpzArray rows = npz.open("arr_0");
  CHECK(rows.type() == checkpoint::DType::f32);
  CHECK(rows.shape() == Integers{30, 100});
  std::vector<float> row(700);  // more than the first bytes hold
  std::size_t at = 0;
  for (; at + row.size() <= values.size(); at += row.size()) {
    rows.read(std::as_writable_bytes(std::span(row)));
    CHECK(std::ranges::equal(row, std::span(values).subspan(at, row.size())));
  }
  rows.read(std::as_writable_bytes(std::span(row).first(values.size() - at)));
  CHECK_THROWS_AS(rows.read(std::as_writable_bytes(std::span(row).first(1))), InputError);
}

TEST_CASE("an .npz that is none, or is cut, or lies about its arrays is refused") {
  const TemporaryFolder place;
  const auto path = place.path() / "a.npz";
  const std::string good = npy<float>("<f4", "(30, 100)", counted(3000));
  write(path, "no zip");
  CHECK_THROWS_AS(Npz(path), InputError);
  write_zip(path, {{"arr_0.npy", good}});
  const std::string whole = read_file(path);
  write(path, whole.substr(0, whole.size() / 2));
  CHECK_THROWS_AS(Npz(path), InputError);
  std::string changed = whole;
  changed[whole.size() / 3] ^= 1;  // which its checksum tells
  write(path, changed);
  CHECK_THROWS_AS(Npz(path).read("arr_0"), InputError);
  for (const std::string& text : {std::string(), std::string("x"), good.substr(0, 50), good + "x",
                                  good.substr(0, good.size() - 1), npy<float>("|O", "(1,)", counted(1))}) {
    write_zip(path, {{"arr_0.npy", text}});
    CHECK_THROWS_AS(Npz(path).read("arr_0"), InputError);
  }
  CHECK_THROWS_AS(Npz(path).read("mu"), InputError);
  write(path, stored_zip({{"mu.npy", good}, {"mu.npy", good}}, [](std::string_view bytes) {
          return static_cast<std::uint32_t>(
              ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
        }));
  CHECK_THROWS_AS(Npz(path).read("mu"), InputError);  // or be there twice
}

TEST_CASE("an array that would fill the memory is refused before any of it is read") {
  const TemporaryFolder place;
  const auto path = place.path() / "a.npz";
  // 300 MiB of zeros, which deflate packs into 300 KiB.
  std::string large = npy<char>("|u1", "(314572800,)", {});
  large.resize(large.size() + 314572800);
  write_zip(path, {{"arr_0.npy", large}});
  CHECK(std::filesystem::file_size(path) < 1 << 20);
  const Npz npz(path);
  CHECK_THROWS_WITH(npz.read("arr_0"), Catch::Matchers::Contains("too large"));
  std::vector<std::byte> row(1 << 16);
  npz.open("arr_0").read(row);
  CHECK(std::ranges::all_of(row, [](std::byte byte) { return byte == std::byte{0}; }));
}
