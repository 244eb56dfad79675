// SPDX-License-Identifier: Apache-2.0
#include "data/loader.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/error.h"
#include "catch.h"
#include "data_files.h"

using namespace dydit::data;

namespace {

// Sample i is {i, i or -i when flipped}; the samples named are broken.
class Numbers final : public Dataset {
 public:
  explicit Numbers(std::int64_t size, std::set<std::int64_t> broken = {}) : size_(size), broken_(std::move(broken)) {}
  std::int64_t size() const override { return size_; }
  std::int64_t classes() const override { return 3; }
  Shape shape() const override { return {2, 1, 1}; }
  std::int64_t label(std::int64_t index) const override { return index % 3; }
  std::string name(std::int64_t index) const override { return "number/" + std::to_string(index); }
  std::string hash() const override { return ""; }
  void read(std::int64_t index, bool flip, std::span<float> out) const override {
    if (broken_.contains(index)) throw dydit::InputError("broken image", name(index), "made so");
    if (index == fatal) throw std::runtime_error("fatal");
    out[0] = static_cast<float>(index);
    out[1] = flip ? -out[0] : out[0];
  }

  std::int64_t fatal = -1;

 private:
  std::int64_t size_;
  std::set<std::int64_t> broken_;
};

struct Stream {
  std::vector<float> images;
  std::vector<std::int64_t> labels, indices, sizes;
  bool operator==(const Stream&) const = default;
};

Stream take(std::shared_ptr<const Dataset> set, const LoaderOptions& options, int batches = 1000,
            std::int64_t last = -1) {
  Loader loader(set, options, last);
  Stream stream;
  Batch batch;
  for (int i = 0; i < batches && loader.next(batch); ++i) {
    REQUIRE(batch.images.size() == static_cast<std::size_t>(batch.size() * set->shape().elements()));
    REQUIRE(batch.indices.size() == batch.labels.size());
    stream.images.insert(stream.images.end(), batch.images.begin(), batch.images.end());
    stream.labels.insert(stream.labels.end(), batch.labels.begin(), batch.labels.end());
    stream.indices.insert(stream.indices.end(), batch.indices.begin(), batch.indices.end());
    stream.sizes.push_back(batch.size());
  }
  return stream;
}

std::vector<std::int64_t> counted(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(last - first));
  std::iota(values.begin(), values.end(), first);
  return values;
}

}  // namespace

TEST_CASE("not shuffled, a range is delivered once and in order") {
  const auto set = std::make_shared<Numbers>(25);
  const Stream all = take(set, {.batch = 8});
  CHECK(all.indices == counted(0, 25));
  CHECK(all.sizes == std::vector<std::int64_t>{8, 8, 8, 1});
  for (std::size_t i = 0; i < 25; ++i) {
    CHECK(all.labels[i] == static_cast<std::int64_t>(i % 3));
    CHECK(all.images[2 * i + 1] == static_cast<float>(i));
  }
  CHECK(take(set, {.batch = 8, .first = 3}, 1000, 12).indices == counted(3, 12));
  CHECK(take(set, {.batch = 8, .first = 25}).indices.empty());
  CHECK(take(set, {.batch = 100}).sizes == std::vector<std::int64_t>{25});
}

TEST_CASE("the batches are the same for any number of threads") {
  const std::shared_ptr<const Dataset> set = open_dataset(dydit::test::cifar_sample.string(), {.size = 32});
  for (const bool shuffle : {false, true}) {
    LoaderOptions options{.batch = 48, .threads = 1, .seed = 5, .shuffle = shuffle, .flip = true};
    const Stream one = take(set, options, 50);
    CHECK(one.indices.size() == (shuffle ? 2400U : 2000U));
    for (const int threads : {2, 5}) {
      options.threads = threads;
      CHECK(take(set, options, 50) == one);
    }
  }
}

TEST_CASE("every epoch is another permutation, by seed and epoch") {
  const auto set = std::make_shared<Numbers>(50);
  const Stream stream = take(set, {.batch = 20, .seed = 1, .shuffle = true}, 5);
  const auto middle = stream.indices.begin() + 50;
  const std::vector first(stream.indices.begin(), middle), second(middle, stream.indices.end());
  for (auto epoch : {first, second}) {
    std::ranges::sort(epoch);
    CHECK(epoch == counted(0, 50));
  }
  CHECK(first != second);
  CHECK(first != counted(0, 50));
  CHECK(take(set, {.batch = 20, .seed = 2, .shuffle = true}, 5).indices != stream.indices);
}

TEST_CASE("a stream resumed at a position is the tail of the whole stream") {
  const auto set = std::make_shared<Numbers>(50, std::set<std::int64_t>{7});
  LoaderOptions options{.batch = 10, .seed = 1, .shuffle = true, .flip = true, .max_broken_share = 0.1};
  const Stream whole = take(set, options, 20);
  for (const std::int64_t position : {1, 49, 50, 130}) {
    options.first = position;
    const Stream tail = take(set, options, 5);
    CHECK(std::equal(tail.indices.begin(), tail.indices.end(), whole.indices.begin() + position));
    CHECK(std::equal(tail.images.begin(), tail.images.end(), whole.images.begin() + 2 * position));
  }
}

TEST_CASE("flips are fair and independent between samples and epochs") {
  constexpr std::size_t size = 4000;
  const Stream stream =
      take(std::make_shared<Numbers>(size), {.batch = 100, .seed = 3, .shuffle = true, .flip = true}, 80);
  std::vector<bool> flipped[2] = {std::vector<bool>(size), std::vector<bool>(size)};
  for (std::size_t i = 0; i < 2 * size; ++i)
    flipped[i / size][stream.indices[i]] = stream.images[2 * i] != stream.images[2 * i + 1];
  double same = 0;
  for (std::size_t i = 0; i < size; ++i) same += flipped[0][i] == flipped[1][i];
  // Five standard deviations of a fair coin: 5 * sqrt(4000) / 2 = 158.
  for (const auto& epoch : flipped) CHECK(std::abs(std::ranges::count(epoch, true) - 2000.0) < 158);
  CHECK(std::abs(same - 2000) < 158);
}

TEST_CASE("not shuffled, broken samples are left out and counted once") {
  const auto set = std::make_shared<Numbers>(30, std::set<std::int64_t>{2, 10, 11, 12, 13, 14, 29});
  Loader loader(set, {.batch = 5, .threads = 3, .max_broken_share = 0.5});
  Batch batch;
  std::vector<std::int64_t> indices, sizes;
  while (loader.next(batch)) {
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      CHECK(batch.images[2 * i] == static_cast<float>(batch.indices[i]));
      CHECK(batch.labels[i] == batch.indices[i] % 3);
    }
    indices.insert(indices.end(), batch.indices.begin(), batch.indices.end());
    sizes.push_back(batch.size());
  }
  CHECK(sizes == std::vector<std::int64_t>{4, 5, 5, 5, 4});  // the batch of 10 to 14 is passed over
  CHECK(std::ranges::is_sorted(indices));
  CHECK(indices.size() == 23);
  CHECK(loader.broken() == 7);
  CHECK_FALSE(loader.next(batch));
}

TEST_CASE("shuffled, a broken sample is replaced by the next of its permutation") {
  const LoaderOptions options{.batch = 10, .threads = 3, .seed = 1, .shuffle = true, .max_broken_share = 0.1};
  const Stream whole = take(std::make_shared<Numbers>(50), options, 5);
  const Stream part =
      take(std::make_shared<Numbers>(50, std::set<std::int64_t>{whole.indices[20], whole.indices[49]}), options, 5);
  auto expected = whole.indices;
  expected[20] = whole.indices[21];
  expected[49] = whole.indices[0];
  CHECK(part.indices == expected);
}

TEST_CASE("too many broken samples stop the run") {
  const auto set = std::make_shared<Numbers>(100, std::set<std::int64_t>{3, 50, 97});
  CHECK(take(set, {.batch = 10, .max_broken_share = 0.03}).indices.size() == 97);
  for (const bool shuffle : {false, true})
    CHECK_THROWS_AS(take(set, {.batch = 10, .shuffle = shuffle, .max_broken_share = 0.029}), dydit::InputError);
  std::vector<std::string> told;
  const auto warn = [&](const std::string& message) { told.push_back(message); };
  for (const bool shuffle : {false, true})
    CHECK_THROWS_WITH(take(set, {.batch = 100, .threads = 1, .shuffle = shuffle, .max_broken_share = 0, .warn = warn}),
                      !Catch::Matchers::Contains("too many"));
  CHECK(told.empty());
  const auto none = std::make_shared<Numbers>(2, std::set<std::int64_t>{0, 1});
  CHECK_THROWS_AS(take(none, {.batch = 1, .shuffle = true, .max_broken_share = 1}), dydit::InputError);
}

TEST_CASE("what a thread throws comes out of next(), after the batches before it") {
  Numbers numbers(40);
  numbers.fatal = 25;
  Loader loader(std::make_shared<Numbers>(numbers), {.batch = 10, .threads = 3});
  Batch batch;
  CHECK(loader.next(batch));
  CHECK(loader.next(batch));
  CHECK(batch.indices == counted(10, 20));
  CHECK_THROWS_WITH(loader.next(batch), "fatal");
}

TEST_CASE("a permutation that cannot be made comes out of next()") {
  Loader loader(std::make_shared<Numbers>(std::int64_t{1} << 60), {.batch = 10, .threads = 3, .shuffle = true});
  Batch batch;
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(loader.next(batch), std::length_error);
}

TEST_CASE("a loader can be left at any time") {
  const auto set = std::make_shared<Numbers>(1000);
  for (int batches = 0; batches < 20; ++batches) take(set, {.batch = 7, .threads = 4, .shuffle = true}, batches);
  CHECK(set.use_count() == 1);
}

TEST_CASE("impossible ranges and sizes are refused") {
  const auto set = std::make_shared<Numbers>(10);
  CHECK_THROWS_AS(Loader(set, {.batch = 0}), dydit::UsageError);
  CHECK_THROWS_AS(Loader(set, {.threads = 0}), dydit::UsageError);
  CHECK_THROWS_AS(Loader(set, {.first = 11}), dydit::UsageError);
  CHECK_THROWS_AS(Loader(set, {.first = -1}), dydit::UsageError);
  CHECK_THROWS_AS(Loader(set, {}, 11), dydit::UsageError);
  CHECK_THROWS_AS(Loader(std::make_shared<Numbers>(0), {}), dydit::UsageError);
}

TEST_CASE("loaders that skip what others take give together what one gives") {
  const bool shuffle = GENERATE(true, false);
  const auto set = std::make_shared<Numbers>(23);
  // Each batch of seven is three and four; the epochs, or the end of the set, fall into the middle of one.
  Loader whole(set, {.batch = 7, .seed = 3, .shuffle = shuffle, .flip = true});
  Loader first(set, {.batch = 3, .seed = 3, .shuffle = shuffle, .flip = true, .skip = 4});
  Loader second(set, {.batch = 4, .seed = 3, .shuffle = shuffle, .flip = true, .first = 3, .skip = 3});
  for (int step = 0; step < 6; ++step) {
    Batch all, a, b;
    const bool more = whole.next(all);
    CHECK(more == (shuffle || step < 4));
    REQUIRE(first.next(a) == more);
    if (second.next(b)) {
      a.images.insert(a.images.end(), b.images.begin(), b.images.end());
      a.indices.insert(a.indices.end(), b.indices.begin(), b.indices.end());
    }
    if (!more) break;
    CHECK((a.images == all.images));
    CHECK(a.indices == all.indices);
  }
}
