// SPDX-License-Identifier: Apache-2.0
#include "data/views.h"

#include <cmath>
#include <set>
#include <vector>

#include "base/error.h"
#include "catch.h"

using namespace dydit;

static std::vector<float> read(const data::Dataset& set, std::int64_t index, bool flip = false) {
  std::vector<float> out(static_cast<std::size_t>(set.shape().elements()));
  set.read(index, flip, out);
  return out;
}

TEST_CASE("a subset is spread evenly and keeps what its samples are") {
  const std::shared_ptr<const data::Dataset> whole = data::open_dataset("synthetic:100", {.size = 8}, 1);
  const data::Subset subset(whole, 40);
  CHECK(subset.size() == 40);
  std::set<std::int64_t> originals;
  for (std::int64_t i = 0; i < subset.size(); ++i) {
    const std::int64_t original = subset.original(i);
    CHECK(std::abs(original - i * 100 / 40) <= 1);
    CHECK(subset.label(i) == whole->label(original));
    CHECK(subset.name(i) == whole->name(original));
    CHECK(read(subset, i, true) == read(*whole, original, true));
    originals.insert(original);
  }
  CHECK(originals.size() == 40);
}

TEST_CASE("subsets of another size are other data") {
  const std::shared_ptr<const data::Dataset> whole = data::open_dataset("synthetic:100", {.size = 8}, 1);
  CHECK(data::Subset(whole, 40).hash() != data::Subset(whole, 41).hash());
  CHECK_THROWS_AS(data::Subset(whole, 0), UsageError);
  CHECK_THROWS_AS(data::Subset(whole, 101), UsageError);
}

TEST_CASE("grain has the deviation asked for and depends on seed and sample alone") {
  const std::shared_ptr<const data::Dataset> plain = data::open_dataset("synthetic:20", {.size = 64}, 1);
  const data::Grained grained(plain, 8, 5);
  const auto clean = read(*plain, 3), first = read(grained, 3);
  CHECK(first == read(grained, 3));
  CHECK(first != read(data::Grained(plain, 8, 6), 3));
  double square = 0, product = 0;
  const auto other = read(grained, 4), other_clean = read(*plain, 4);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const double grain = first[i] - clean[i];
    square += grain * grain;
    product += grain * (other[i] - other_clean[i]);
  }
  const auto count = static_cast<double>(clean.size());
  const double deviation = 8 / 127.5;
  CHECK(std::abs(std::sqrt(square / count) / deviation - 1) < 5 / std::sqrt(2 * count));
  CHECK(std::abs(product / count) < 5 * deviation * deviation / std::sqrt(count));
  CHECK(grained.hash() != plain->hash());
  CHECK_THROWS_AS(data::Grained(plain, -1, 0), UsageError);
}

TEST_CASE("what is held back and the rest make the whole set") {
  const std::shared_ptr<const data::Dataset> whole = data::open_dataset("synthetic:100", {.size = 8}, 1);
  const data::Subset held_back(whole, 10), rest = data::Subset::without(whole, held_back);
  std::set<std::int64_t> originals;
  for (const data::Subset* part : {&held_back, &rest})
    for (std::int64_t i = 0; i < part->size(); ++i) CHECK(originals.insert(part->original(i)).second);
  CHECK(originals.size() == 100);
  CHECK(rest.hash() != data::Subset(whole, 90).hash());
  CHECK_THROWS_AS(data::Subset::without(whole, data::Subset(whole, 100)), UsageError);
}

TEST_CASE("behind a set come its mirror images") {
  const std::shared_ptr<const data::Dataset> whole = data::open_dataset("synthetic:6", {.size = 8}, 1);
  const data::WithMirrored both(whole);
  REQUIRE(both.size() == 12);
  CHECK(both.hash() != whole->hash());
  for (std::int64_t i = 0; i < 12; ++i) {
    CHECK(both.label(i) == whole->label(i % 6));
    CHECK(read(both, i) == read(*whole, i % 6, i >= 6));
    CHECK(read(both, i, true) == read(*whole, i % 6, i < 6));
  }
  CHECK(read(both, 3) != read(both, 9));
  CHECK_THROWS_AS(both.label(12), std::out_of_range);
}
