// SPDX-License-Identifier: Apache-2.0
// Pickles written by hand: what no torch.save writes, and what it may.
#include "base/error.h"
#include "catch.h"
#include "heap.h"
#include "limits.h"
#include "pickle_writer.h"
#include "temporary_folder.h"

using namespace dydit::checkpoint;
using Catch::Matchers::Contains;
using dydit::test::dict, dydit::test::integer, dydit::test::little, dydit::test::many, dydit::test::protocol,
    dydit::test::text;

namespace {

/// A vector of four floats in storage 0, with these strides.
std::string tensor(std::uint64_t elements = 4, std::uint64_t stride = 1) {
  return dydit::test::vector_in(dydit::test::storage("0", 4), elements, stride);
}
const std::string sound = text("w") + tensor();

class PickleFile {
 public:
  explicit PickleFile(const std::string& pickle, const std::string& data = std::string(16, 'x')) {
    dydit::write_atomically(path(), dydit::test::stored_zip({{"a/data.pkl", pickle}, {"a/data/0", data}}));
  }
  std::filesystem::path path() const { return folder_.path() / "t.pt"; }
  Checkpoint open() const { return open_checkpoint(path()); }

 private:
  dydit::test::TemporaryFolder folder_;
};

}  // namespace

TEST_CASE("a pickle written by hand is read") {
  const auto opened = PickleFile(dict(sound)).open();
  CHECK(opened.tensors.at("w").shape == std::vector<std::int64_t>{4});
  CHECK(PickleFile(dict(sound + text("v") + tensor(2, 3))).open().tensors.at("v").bytes.size() == 8);
  CHECK(PickleFile(dict(text("w") + tensor(4, 0))).open().tensors.at("w").bytes.size() == 16);
  CHECK(PickleFile(protocol + "(1" + dict(sound).substr(2)).open().tensors.size() == 1);
}

TEST_CASE("what Python 2 wrote is read") {
  const std::string ordered = "ccollections\nOrderedDict\n";
  // The memo begins at 1, the pairs of a dict are its argument, larger integers are text.
  const std::string key = std::string("U\1wq\1"), again = "h\1";
  const std::string pairs = protocol + ordered + "](](" + key + tensor() + "ee\x85R.";
  CHECK(PickleFile(pairs).open().tensors.at("w").shape == std::vector<std::int64_t>{4});
  const std::string nested = dict(key + tensor() + text("v") + tensor() + "0" + again + "0" + tensor());
  CHECK(PickleFile(nested).open().tensors.size() == 2);
  std::string decimal = tensor();
  decimal.replace(decimal.rfind(integer(4)), integer(4).size(), "I4\n");
  CHECK(PickleFile(dict(text("w") + decimal)).open().tensors.at("w").bytes.size() == 16);
  for (const char* wrong : {"I4x\n", "I\n", "I99999999999999999999\n", "I-4\n"}) {
    std::string broken = tensor();
    broken.replace(broken.rfind(integer(4)), integer(4).size(), wrong);
    CHECK_THROWS_AS(PickleFile(dict(text("w") + broken)).open(), dydit::InputError);
  }
  const std::string zero(1, '\0');
  CHECK_THROWS_WITH(PickleFile(dict(key + tensor() + "h" + zero + tensor())).open(), Contains("never stored"));
  CHECK_THROWS_WITH(PickleFile(dict(key + "q" + zero + tensor())).open(), Contains("out of order"));
  for (const char* wrong : {"]K\1a", "](]K\1ae", "]]a"})
    CHECK_THROWS_WITH(PickleFile(protocol + ordered + wrong + "\x85R.").open(),
                      Contains("passes other arguments than pairs"));
}

TEST_CASE("broken programs are refused with the reason") {
  const std::string items = "}(" + sound + "u", ordered = "ccollections\nOrderedDict\n", weight = text("w"),
                    one = "K\1", bad_text = text("\xff");
  const auto [pickle, reason] = GENERATE_COPY(table<std::string, std::string>({
      {protocol + "}" + sound + "u.", "ends a list that it never began"},
      {dict(weight), "has a key without a value"},
      {protocol + "N(" + sound + "u.", "adds to what is no list or dict"},
      {dict("(" + sound), "takes a value from an empty stack"},
      {protocol + "(" + items + ".", "does not end with one value"},
      {protocol + items, "ends too early"},
      {dict(sound + sound), "holds 'w' twice"},
      {dict(one + tensor()), "a key that is not a name"},
      {dict(bad_text + tensor()), "a key that is not a name"},
      {dict(sound + text("v") + "q\5"), "stores out of order"},
      {dict(weight + "ctorch\nFloatStorage\n)R"), "calls torch.FloatStorage"},
      {dict(weight + ordered + "K\1\x85R"), "passes other arguments than pairs"},
      {dict(weight + "ctorch\nSize\n)R"), "passes no argument to torch.Size"},
      {dict(weight + "ctorch._utils\n_rebuild_tensor_v2\n)R"), "is rebuilt in an unknown way"},
      {dict(weight + tensor(5)), "reaches outside its storage"},
      {dict(weight + tensor(2, 4)), "reaches outside its storage"},
      {protocol + items + "K\1b.", "lacks a dict of attributes"},
      {protocol + items + "}K\1K\2sb.", "sets an attribute that is not plain"},
      {"\x80\x06" + items + ".", "unknown protocol"},
      {protocol + "\x95" + little(1000, 8) + items + ".", "ends too early"},
      {protocol + items + "d.", "uses opcode 0x64"},
  }));
  CAPTURE(reason);
  CHECK_THROWS_WITH(PickleFile(pickle).open(), Contains(reason));
  CHECK_THROWS_AS(PickleFile(pickle).open(), dydit::InputError);
}

TEST_CASE("control characters of a file do not reach the terminal") {
  CHECK_THROWS_WITH(PickleFile(dict("c\x1b[2J\nx\n")).open(), Contains("'?[2J.x'"));
}

TEST_CASE("little files that ask for much are refused within limits") {
  const std::string store = "\x94", zero(1, '\0'), attributes = "}(" + many(text("k") + "N", 20'000) + "u";
  const std::string pickle = GENERATE_COPY(values<std::string>({
      protocol + many("]0", 1'000'000) + "}.",              // lists
      protocol + many(")\x85", 1'000'000) + "}.",           // nested tuples
      protocol + many("N" + store + "0", 1'000'000) + ".",  // a memo
      protocol + "]" + many("Na", 2'000'000) + ".",         // one long list
      protocol + many("]", 70'000) + ".",                   // a deep stack
      // the same attributes again and again
      protocol + attributes + store + "0ccollections\nOrderedDict\n)R" + many("h" + zero + "b", 300'000) + ".",
  }));
  const PickleFile file(pickle);
  CHECK(dydit::test::outcome_within(file.path(), {.seconds = 5, .memory = 96 << 20}) == dydit::test::Outcome::refused);
}

TEST_CASE("large files that ask for much take no more than four times their size and 32 MiB") {
  const std::string filler = text(std::string(9 << 20, ' ')) + "0";  // what a reader may take for nothing
  const std::string pickle = GENERATE_COPY(values<std::string>({
      protocol + filler + "](" + many(many("N", 1000) + "e(", 2100) + "e.",  // one list grown again and again
      protocol + filler + "(" + many(")\x94", 1 << 20) + ".",                // nodes and a memo
      protocol + filler + "ccollections\nOrderedDict\n](" + many("](NNe", 60'000) + "e\x85R.",  // a dict of pairs
  }));
  const PickleFile file(pickle);
  const dydit::test::HeapPeak heap;
  CHECK_THROWS_AS(file.open(), dydit::InputError);
  CHECK(heap.bytes() <= 4 * pickle.size() + (32 << 20));
}

TEST_CASE("copies of a shared storage are bounded by the file") {
  std::string items;
  const std::string storage(1 << 20, 'x');
  std::string view = tensor((1 << 17), 2);
  view.replace(view.find(integer(4)), integer(4).size(), integer(1 << 18));
  for (int i = 0; i < 500; ++i) items += text(fmt::format("w{}", i)) + view;
  const PickleFile file(dict(items), storage);
  CHECK(dydit::test::outcome_within(file.path(), {.seconds = 5, .memory = 16 << 20}) == dydit::test::Outcome::refused);
  CHECK_THROWS_WITH(file.open(), Contains("share a storage"));
}

TEST_CASE("archives that say two things are refused") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "t.pt";
  const std::string storage(16, 'x');
  const auto open = [&](const std::string& bytes) {
    dydit::write_atomically(path, bytes);
    return open_checkpoint(path).tensors.size();
  };
  const std::string good = dydit::test::stored_zip({{"a/data.pkl", dict(sound)}, {"a/data/0", storage}});
  CHECK(open(good) == 1);
  using dydit::InputError;
  CHECK_THROWS_AS(open(good + "trailing"), InputError);
  CHECK_THROWS_AS(
      open(dydit::test::stored_zip({{"a/data.pkl", dict(sound)}, {"a/data/0", storage}, {"a/data/0", storage}})),
      InputError);
  CHECK_THROWS_AS(
      open(dydit::test::stored_zip({{"a/data.pkl", dict(sound)}, {"b/data.pkl", dict(sound)}, {"a/data/0", storage}})),
      InputError);
  std::string renamed = good;
  renamed.replace(good.find("a/data/0"), 8, "a/data/1");  // in the local header alone
  CHECK_THROWS_AS(open(renamed), InputError);
}

TEST_CASE("the other sizes of an empty tensor may have any product") {
  const std::string huge = integer(std::uint64_t{1} << 40);
  std::string empty = tensor(0);
  const std::string sizes = integer(0) + "\x85" + integer(1) + "\x85";
  empty.replace(empty.find(sizes), sizes.size(),
                integer(0) + huge + huge + "\x87" + integer(1) + huge + integer(1) + "\x87");
  CHECK(PickleFile(dict(text("w") + empty)).open().tensors.at("w").bytes.empty());
}

TEST_CASE("one tensor under very many names is refused") {
  const std::string first(1, '\0');
  std::string items = fmt::format("({}{}q{}", text("w"), tensor(1), first);
  for (int i = 0; i < 60'000; ++i) {
    if (i % 1000 == 0) items += "u(";
    items += fmt::format("U\6{:06}h{}", i, first);
  }
  CHECK_THROWS_WITH(PickleFile(protocol + "}" + items + "u.").open(), Contains("far too many"));
}
