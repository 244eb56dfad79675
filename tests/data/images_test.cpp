// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <barrier>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "catch.h"
#include "data_files.h"

using namespace dydit::data;
using namespace dydit::test;
using Catch::Matchers::Contains;

TEST_CASE("labels count the sorted folders, an empty one included; other files are no samples") {
  const TemporaryFolder place;
  const auto sets = open_both(place, {{"cat/1.png", picture()},
                                      {"cat/0.PNG", picture()},
                                      {"ant/", ""},
                                      {"bee/deep/2.png", picture()},
                                      {"bee/notes.txt", "no image"},
                                      {"bee/.hidden.png", "no image"},
                                      {".cache/x.png", "no image"},
                                      {"__MACOSX/cat/x.png", "no image"},
                                      {"cat-2/0.png", picture()},
                                      {"outside.png", picture()}});
  for (const auto& set : sets) {
    REQUIRE(set->size() == 4);
    CHECK(set->classes() == 4);
    const std::vector<std::string> names{"bee/deep/2.png", "cat/0.PNG", "cat/1.png", "cat-2/0.png"};
    const std::vector<std::int64_t> labels{1, 2, 2, 3};
    for (std::int64_t i = 0; i < 4; ++i) {
      CHECK(set->name(i) == names[i]);
      CHECK(set->label(i) == labels[i]);
      CHECK(distance(read_sample(*set, i), read_ppm(golden / "formats" / "images" / "png_rgb.ppm")) <= 1e-4);
    }
  }
}

TEST_CASE("labels.json overrides the order and may state the number of classes") {
  const TemporaryFolder one, two;
  const std::map<std::string, std::string> files{{"a/0.png", picture()}, {"b/0.png", picture()}};
  auto with = files;
  with["labels.json"] = R"({"a": 7, "b": 3})";
  for (const auto& set : open_both(one, with)) {
    CHECK(set->label(0) == 7);
    CHECK(set->label(1) == 3);
    CHECK(set->classes() == 8);
  }
  with["labels.json"] = R"({"classes": 1000, "a": 7, "b": 3, "not here": 4})";
  for (const auto& set : open_both(two, with)) CHECK(set->classes() == 1000);
}

TEST_CASE("a labels.json that cannot be right is refused") {
  for (const char* text : {"", "[1]", R"({"a": 0})", R"({"a": 0, "b": -1})", R"({"a": 0, "b": 1.5})",
                           R"({"a": 0, "b": 5, "classes": 5})", R"({"a": 0, "b": 1, "classes": 0})",
                           R"({"a": 0, "b": 1, "classes": 1000001})", R"({"a": 0, "b": 18446744073709551615})",
                           R"({"a": 0, "b": 9223372036854775807})", R"({"a": 0, "b": 1, "c": [[]]})"}) {
    INFO(text);
    const TemporaryFolder place;
    CHECK_THROWS_AS(open_both(place, {{"a/0.png", picture()}, {"b/0.png", picture()}, {"labels.json", text}}),
                    dydit::InputError);
  }
}

TEST_CASE("sets without images, and what is no set, are refused") {
  const TemporaryFolder place;
  CHECK_THROWS_AS(open_both(place, {{"a/", ""}, {"b/x.txt", "text"}}), dydit::InputError);
  CHECK_THROWS_AS(open(place.path() / "none"), dydit::InputError);
  CHECK_THROWS_AS(open(place.path() / "none.zip"), dydit::InputError);
  write(place.path() / "text.zip", "this is no zip");
  CHECK_THROWS_WITH(open(place.path() / "text.zip"), Contains("not a readable zip") && Contains("text.zip"));
  CHECK_THROWS_AS(open_dataset(cifar_sample.string(), {.size = 0}), dydit::UsageError);
}

TEST_CASE("a folder that contains itself is refused") {
  const TemporaryFolder place;
  write(place.path() / "a" / "0.png", picture());
  std::filesystem::create_directory_symlink(place.path(), place.path() / "a" / "loop");
  CHECK_THROWS_WITH(open(place.path()), Contains("the folder contains itself") && Contains("a/loop"));
}

TEST_CASE("a zip entry with a wrong checksum is broken, the others can be read") {
  const TemporaryFolder place;
  std::string bytes = dydit::read_file(cifar_sample);
  const std::size_t entry = bytes.find("airplane/0001.jpg");
  // Within a table of the JPEG: only the checksum can tell.
  bytes[entry + 17 + 30] = static_cast<char>(bytes[entry + 17 + 30] ^ 1);
  write(place.path() / "bad.zip", bytes);
  const auto set = open_dataset((place.path() / "bad.zip").string(), {.size = 32});
  CHECK_THROWS_WITH(read_sample(*set, 1), Contains("airplane/0001.jpg") && Contains("CRC"));
  CHECK_THROWS_AS(read_sample(*set, 1), dydit::InputError);
  CHECK(read_sample(*set, 2) == read_sample(*open_dataset(cifar_sample.string(), {.size = 32}), 2));
}

TEST_CASE("of a zip overwritten by another with the same sizes nothing is read, on no thread") {
  const TemporaryFolder place;
  const auto zip = place.path() / "set.zip";
  const std::string ours = picture() + "a", other = picture() + "b";  // behind the picture's end
  write_zip(zip, {{"a/0.png", ours}});
  const auto set = open(zip);
  REQUIRE(!read_sample(*set, 0).empty());
  write_zip(place.path() / "other.zip", {{"a/0.png", other}});
  const std::string bytes = dydit::read_file(place.path() / "other.zip");
  REQUIRE(bytes.size() == std::filesystem::file_size(zip));
  std::fstream(zip, std::ios::in | std::ios::out | std::ios::binary) << bytes;
  REQUIRE_NOTHROW(read_sample(*open(zip), 0));
  std::atomic<int> read = 0, broken = 0, stopped = 0;
  constexpr int threads = 8;
  std::barrier together(threads);  // more at once than there are handles from before
  {
    std::vector<std::jthread> readers;
    for (int thread = 0; thread < threads; ++thread)
      readers.emplace_back([&] {
        for (int i = 0; i < 100; ++i) {
          together.arrive_and_wait();
          try {
            read_sample(*set, 0);
            ++read;
          } catch (const dydit::InputError&) {
            ++broken;
          } catch (const dydit::Error&) {
            ++stopped;
          }
        }
      });
  }
  CHECK(read == 0);
  CHECK(broken == 0);
  CHECK(stopped == threads * 100);
}

TEST_CASE("the hash recognises names, content and labels, not the place") {
  const TemporaryFolder one, two, three, four;
  const std::map<std::string, std::string> files{{"a/0.png", picture()}, {"b/0.png", picture()}};
  auto renamed = files, labelled = files;
  renamed["b/1.png"] = renamed.extract("b/0.png").mapped();
  labelled["labels.json"] = R"({"a": 1, "b": 0})";
  const auto first = open_both(one, files), again = open_both(two, files);
  const auto other = open_both(three, renamed), swapped = open_both(four, labelled);
  for (int i = 0; i < 2; ++i) {
    CHECK(first[i]->hash() == again[i]->hash());
    CHECK(first[i]->hash() != other[i]->hash());
    CHECK(first[i]->hash() != swapped[i]->hash());
  }
}

TEST_CASE("a zip entry that claims more bytes than it can have is refused before memory is taken") {
  const TemporaryFolder place;
  write_zip(place.path() / "good.zip", {{"a/0.png", std::string(1000, 'x')}});
  std::string bytes = dydit::read_file(place.path() / "good.zip");
  bytes.replace(bytes.find("PK\1\2") + 24, 4, std::string("\0\0\0\x08", 4));  // 128 MiB
  write(place.path() / "bad.zip", bytes);
  CHECK_THROWS_WITH(read_sample(*open(place.path() / "bad.zip"), 0), Contains("claims 134217728 bytes"));
}
