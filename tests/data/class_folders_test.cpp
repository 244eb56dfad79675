// SPDX-License-Identifier: Apache-2.0
// Which files of a folder or zip are samples, what is said of the others, and which folders are classes.
#include <sys/stat.h>

#include "base/error.h"
#include "catch.h"
#include "data/views.h"
#include "data_files.h"
#include "sets.h"

using namespace dydit::data;
using namespace dydit::test;
using Catch::Matchers::Contains;
using Names = std::vector<std::string>;

namespace fs = std::filesystem;

static Names names_of(const Dataset& set) {
  Names names;
  for (std::int64_t i = 0; i < set.size(); ++i) names.push_back(set.name(i));
  return names;
}

static Names labelled(const Dataset& set) {
  Names names;
  for (std::int64_t i = 0; i < set.size(); ++i) names.push_back(set.name(i) + " " + std::to_string(set.label(i)));
  return names;
}

TEST_CASE("files of kinds that are not read are counted in one line") {
  const TemporaryFolder place;
  std::map<std::string, std::string> files{{"a/0.png", picture()}, {"b/0.png", picture()}, {"b/x/scan.TIFF", ""}};
  for (int i = 0; i < 10; ++i) files["a/" + std::to_string(i) + ".bmp"] = "";
  files["b/scan.tiff"] = "";
  for (const auto& set : open_both(place, files)) {
    CHECK(set->size() == 2);
    REQUIRE(set->notes().size() == 1);
    CHECK_THAT(set->notes()[0],
               Contains("set") && Contains("12 files of kinds that are not read were left out: 10 .bmp, 2 .tiff"));
  }
}

TEST_CASE("notes tell of one file, of those without an ending, and of most kinds") {
  const TemporaryFolder one, two;
  for (const auto& set : open_both(one, {{"a/0.png", picture()}, {"a/1.gif", ""}}))
    CHECK_THAT(set->notes().at(0), Contains("1 file of a kind that is not read was left out: 1 .gif"));
  std::map<std::string, std::string> files{{"a/0.png", picture()}, {"a.b/0", ""}, {"a/1.two words", ""}};
  for (char c = 'a'; c <= 'j'; ++c) files["a/0." + std::string(1, c)] = "";
  for (const auto& set : open_both(two, files))
    CHECK_THAT(set->notes().at(0),
               Contains("12 files of kinds that are not read were left out: 2 without an ending, 1 .a, ") &&
                   Contains(".g, 3 more kinds"));
}

TEST_CASE("nothing is said of what systems leave behind, nor of texts beside the class folders") {
  const TemporaryFolder place;
  for (const auto& set : open_both(place, {{"a/0.png", picture()},
                                           {"b/0.png", picture()},
                                           {"a/.DS_Store", ""},
                                           {"a/._0.png", ""},
                                           {"a/Thumbs.db", ""},
                                           {"b/desktop.ini", ""},
                                           {"__MACOSX/a/._0.png", ""},
                                           {".git/x.bmp", ""},
                                           {"labels.json", R"({"a": 0, "b": 1})"},
                                           {"README", ""},
                                           {"words.txt", ""}})) {
    CHECK(set->size() == 2);
    CHECK(set->notes().empty());
  }
}

TEST_CASE("images beside the class folders are counted") {
  const TemporaryFolder place;
  for (const auto& set :
       open_both(place, {{"a/0.png", picture()}, {"b/0.png", picture()}, {"c.png", ""}, {"d.bmp", ""}})) {
    CHECK(set->size() == 2);
    CHECK_THAT(set->notes().at(0), Contains("2 images were left out: no class folder around"));
  }
}

TEST_CASE("where nothing can be read, the kinds that are there are named") {
  const TemporaryFolder place;
  CHECK_THROWS_WITH(open_both(place, {{"a/0.bmp", ""}, {"b/0.bmp", ""}}), Contains("no images") && Contains("2 .bmp"));
}

TEST_CASE("the notes of a set are those of its parts, and of it with grain") {
  const TemporaryFolder place;
  for (auto& set : open_both(place, {{"a/0.png", picture()}, {"b/0.png", picture()}, {"b/1.bmp", ""}})) {
    const std::shared_ptr<const Dataset> whole(std::move(set));
    CHECK(Subset(whole, 1).notes() == whole->notes());
    CHECK(Grained(whole, 8, 0).notes() == whole->notes());
  }
}

TEST_CASE("the endings of JPEG, PNG and WebP are known in either case") {
  const TemporaryFolder place;
  std::map<std::string, std::string> files;
  for (const char* ending : {"jpg", "JPG", "jpeg", "JPEG", "jfif", "JFIF", "jpe", "png", "PNG", "webp", "WEBP", "WebP"})
    files["a/" + std::to_string(files.size()) + "." + ending] = picture();
  for (const auto& set : open_both(place, files)) {
    CHECK(set->size() == 12);
    CHECK(set->notes().empty());
  }
}

TEST_CASE("what is named as an image and cannot be opened is a sample, and broken") {
  const TemporaryFolder place;
  const fs::path folder = place.path() / "a";
  write(folder / "0.png", picture());
  fs::create_symlink("nowhere.png", folder / "1.png");
  fs::create_symlink("2.png", folder / "2.png");  // to itself
  fs::create_directories(folder / "3.png");
  REQUIRE(::mkfifo((folder / "4.png").c_str(), 0600) == 0);
  fs::create_symlink("0.png", folder / "5.png");  // sound
  write(folder / "clip.png" / "0.png", picture());
  write(place.path() / "b" / "0.png", picture());
  const auto set = open(place.path());
  CHECK(names_of(*set) ==
        Names{"a/0.png", "a/1.png", "a/2.png", "a/3.png/", "a/4.png", "a/5.png", "a/clip.png/0.png", "b/0.png"});
  for (const std::int64_t broken : {1, 2, 3, 4}) {
    INFO(set->name(broken));
    CHECK_THROWS_AS(read_sample(*set, broken), dydit::InputError);
  }
  CHECK(read_sample(*set, 5) == read_sample(*set, 0));
  CHECK(set->notes().empty());
  CHECK(set->hash() == open(place.path())->hash());
}

TEST_CASE("a link to nowhere that may have been a class is refused by name") {
  const TemporaryFolder place;
  write(place.path() / "a" / "0.png", picture());
  write(place.path() / "c" / "0.png", picture());
  fs::create_symlink("nowhere", place.path() / ".cache");
  fs::create_symlink("nowhere", place.path() / "a" / "0.bmp");
  CHECK(open(place.path())->classes() == 2);
  fs::create_symlink("nowhere", place.path() / "b");
  CHECK_THROWS_WITH(open(place.path()), Contains("cannot open what may be a folder") && Contains("/b: "));
}

TEST_CASE("folders around the class folders are seen through, and named") {
  for (const std::string around : {"set/", "data/image net/train/"}) {
    const TemporaryFolder place;
    std::map<std::string, std::string> files{
        {"README.md", ""}, {"__MACOSX/x/._0.png", ""}, {around + "list.txt", ""}, {around + "empty/", ""}};
    for (const char* name : {"dog/0.png", "cat/deep/1.png", "cat/0.png"}) files[around + name] = picture();
    for (const auto& set : open_both(place, files)) {
      CHECK(labelled(*set) == Names{around + "cat/0.png 0", around + "cat/deep/1.png 0", around + "dog/0.png 1"});
      CHECK(set->classes() == 3);
      REQUIRE(set->notes().size() == 2);
      CHECK(set->notes()[1].ends_with("class 'empty' has no image"));
      CHECK_THAT(set->notes()[0], Contains("the classes are the folders in '" + around + "'"));
    }
  }
}

TEST_CASE("a folder is a class where it holds images or a labels.json says so") {
  const TemporaryFolder one, two, three, four;
  for (const auto& set : open_both(one, {{"a/0.png", picture()}, {"a/x/1.png", picture()}, {"a/y/2.png", picture()}}))
    CHECK(set->classes() == 1);
  // A kind that is not read as well: else it would vanish with the class.
  for (const auto& set : open_both(two, {{"a/0.bmp", ""}, {"a/x/1.png", picture()}, {"a/y/2.png", picture()}}))
    CHECK(set->classes() == 1);
  for (const auto& set :
       open_both(three, {{"labels.json", R"({"a": 4})"}, {"a/x/1.png", picture()}, {"a/y/2.png", picture()}})) {
    CHECK(set->label(0) == 4);
    CHECK(set->notes().empty());
  }
  for (const auto& set :
       open_both(four, {{"a/labels.json", R"({"x": 4, "y": 2})"}, {"a/x/1.png", picture()}, {"a/y/2.png", picture()}}))
    CHECK(labelled(*set) == Names{"a/x/1.png 4", "a/y/2.png 2"});
}

TEST_CASE("folders that look like splits of one set are named") {
  const TemporaryFolder place;
  for (const auto& set :
       open_both(place, {{"train/a/0.png", picture()}, {"train/b/1.png", picture()}, {"val/a/2.png", picture()}})) {
    CHECK(labelled(*set) == Names{"train/a/0.png 0", "train/b/1.png 0", "val/a/2.png 1"});
    CHECK_THAT(set->notes().at(0), Contains("'train' and 'val'") && Contains("both hold a folder 'a'"));
  }
}

TEST_CASE("a folder around the classes that is not seen through is named, and so are classes without an image") {
  const TemporaryFolder around, empty;
  for (const auto& set :
       open_both(around, {{"set/a/0.png", picture()}, {"set/b/1.png", picture()}, {"set/x.png", picture()}}))
    CHECK(set->notes().empty());  // whose images lie beside folders
  const TemporaryFolder beside;
  for (const auto& set :
       open_both(beside, {{"set/a/0.png", picture()}, {"set/b/1.png", picture()}, {"other/x.txt", ""}})) {
    CHECK(set->classes() == 2);
    REQUIRE(set->notes().size() == 3);  // of the text, too
    CHECK_THAT(set->notes()[1], Contains("'set' is taken as the one class") && Contains("in 2 folders of it"));
    CHECK_THAT(set->notes()[2], Contains("class 'other' has no image"));
  }
  for (const auto& set : open_both(empty, {{"a/0.png", picture()}, {"b/0.bmp", ""}, {"c/0.bmp", ""}}))
    CHECK_THAT(set->notes().back(), Contains("2 classes have no image, 'b' first"));
}

TEST_CASE("a zip that holds a file twice is refused by its name") {
  const TemporaryFolder place;
  const auto zip = place.path() / "set.zip";
  write_zip(zip, {{"a/0.png", picture()}, {"a\\0.png", picture()}});
  CHECK_THROWS_WITH(open(zip), Contains("holds a file twice") && Contains("a/0.png"));
}

TEST_CASE("backslashes in a zip's names separate folders, and what stands for nothing is taken off") {
  const TemporaryFolder place;
  const auto zip = place.path() / "set.zip";
  write_zip(zip, {{"set\\b\\0.png", picture()},
                  {"./set/a/1.png", picture()},
                  {"set//a\\0.png", picture()},
                  {"../set/c/0.png", picture()},
                  {"set/../../set/c/1.png", picture()}});
  CHECK(labelled(*open(zip)) ==
        Names{"set/a/0.png 0", "set/a/1.png 0", "set/b/0.png 1", "set/c/0.png 2", "set/c/1.png 2"});
  CHECK(!read_sample(*open(zip), 3).empty());
}

static const std::string composed = "caf\u00E9", split = "cafe\u0301";

TEST_CASE("the names of labels.json may be in another Unicode form than the folders") {
  for (const auto& [folder, key] : {std::pair(split, composed), std::pair(composed, split)}) {
    const TemporaryFolder place;
    for (const auto& set : open_both(place, {{folder + "/0.png", picture()},
                                             {"\u1112\u1161\u11AB/0.png", picture()},  // Hangul, decomposed
                                             {"labels.json", "{\"" + key + "\": 3, \"\uD55C\": 5}"}})) {
      REQUIRE(set->size() == 2);
      CHECK(set->label(0) == 3);
      CHECK(set->label(1) == 5);
    }
  }
}

TEST_CASE("names in two Unicode forms are no two classes") {
  const TemporaryFolder one, two, three;
  const std::map<std::string, std::string> files{{split + "/0.png", picture()}, {composed + "/1.png", picture()}};
  CHECK_THROWS_WITH(open_both(one, files), Contains(composed) && Contains("different Unicode forms"));
  auto with = files;
  with["labels.json"] = "{\"" + composed + "\": 3}";
  for (const auto& set : open_both(two, with)) CHECK(set->label(0) == set->label(1));
  CHECK_THROWS_WITH(
      open_both(three, {{"A\u0302\u0301/0.png", picture()}, {"labels.json", "{\"\u1EA4\": 3, \"\u00C2\u0301\": 4}"}}),
      Contains("two labels for the folder"));
}

TEST_CASE("characters are decomposed as far as they go") {
  CHECK(decomposed("plain.png") == "plain.png");
  CHECK(decomposed("\u1EA4") == "A\u0302\u0301");  // A with circumflex and acute
  CHECK(decomposed("\u304C\uAC01\u0439") == "\u304B\u3099\u1100\u1161\u11A8\u0438\u0306");
  CHECK(decomposed(split) == split);
  CHECK(decomposed("\xFF\xC3") == "\xFF\xC3");
  CHECK(decomposed("\U0001F600") == "\U0001F600");
}

TEST_CASE("a zip's names in code page 437 are read as the format says") {
  const TemporaryFolder place;
  const auto path = place.path() / "set.zip";
  int error = 0;
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE, &error);
  for (const char* name : {"caf\x82/0.png", "b/0.png"}) {
    const auto at = zip_file_add(zip, "x", zip_source_buffer(zip, picture().data(), picture().size(), 0), 0);
    REQUIRE(zip_file_rename(zip, static_cast<zip_uint64_t>(at), name, ZIP_FL_ENC_CP437) == 0);
  }
  const std::string labels = "{\"caf\u00E9\": 3, \"b\": 1}";
  zip_file_add(zip, "labels.json", zip_source_buffer(zip, labels.data(), labels.size(), 0), 0);
  REQUIRE(zip_close(zip) == 0);
  CHECK(dydit::read_file(path).find("caf\x82") != std::string::npos);
  CHECK(labelled(*open(path)) == Names{"b/0.png 1", composed + "/0.png 3"});
}
