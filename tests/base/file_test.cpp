// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/hash.h"
#include "catch.h"
#include "temporary_folder.h"

TEST_CASE("a file is written whole or not at all") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "a.txt";
  dydit::write_atomically(path, "first");
  CHECK(dydit::read_file(path) == "first");
  CHECK_THROWS_AS(dydit::write_atomically(path,
                                          [](const dydit::Append& append) {
                                            append(std::as_bytes(std::span("half", 4)));
                                            throw dydit::RunError("stopped");
                                          }),
                  dydit::RunError);
  CHECK(dydit::read_file(path) == "first");
  CHECK(folder.entries() == 1);
}

TEST_CASE("what a link leads to is written, and nothing that is no file is replaced") {
  const dydit::test::TemporaryFolder folder;
  const auto file = folder.path() / "file", link = folder.path() / "link", pipe = folder.path() / "pipe";
  std::filesystem::create_symlink("file", link);
  for (const char* text : {"first", "second"}) {  // a link to nowhere, then to a file
    dydit::write_atomically(link, text);
    CHECK(dydit::read_file(file) == text);
    CHECK(std::filesystem::is_symlink(link));
  }
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const auto& path : {pipe, folder.path()}) CHECK_THROWS_AS(dydit::write_atomically(path, "x"), dydit::RunError);
  CHECK(std::filesystem::is_fifo(pipe));
}

TEST_CASE("a missing file and a folder are refused as input") {
  const dydit::test::TemporaryFolder folder;
  CHECK_THROWS_AS(dydit::read_file(folder.path() / "none"), dydit::InputError);
  CHECK_THROWS_AS(dydit::read_file(folder.path()), dydit::InputError);
}

TEST_CASE("a folder that is not there cannot be written to") {
  const dydit::test::TemporaryFolder folder;
  CHECK_THROWS_AS(dydit::write_atomically(folder.path() / "none" / "a", "x"), dydit::RunError);
}

TEST_CASE("errors are one line") {
  CHECK(std::string(dydit::InputError("bad\nfile", "a.pt", "").what()) == "bad file: a.pt");
  CHECK(dydit::UsageError("x").code() == dydit::ExitCode::wrong_usage);
}

TEST_CASE("hashes recognise content") {
  const dydit::test::TemporaryFolder folder;
  dydit::write_atomically(folder.path() / "a", "content");
  CHECK(dydit::hash_of_file(folder.path() / "a") == dydit::hash_of("content"));
  CHECK(dydit::hash_of("content").size() == 32);
  CHECK(dydit::hash_of("content") != dydit::hash_of("contenT"));
}

TEST_CASE("what a killed writer has left is taken up by the next one") {
  const dydit::test::TemporaryFolder folder;
  std::ofstream(folder.path() / "a.part") << "longer than what is written now";
  dydit::write_atomically(folder.path() / "a", "whole");
  CHECK(dydit::read_file(folder.path() / "a") == "whole");
  CHECK(folder.entries() == 1);
}

TEST_CASE("a file that several write at once is always one of theirs") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  dydit::write_atomically(path, std::string(5000, 'x'));
  {
    std::vector<std::jthread> writers;
    for (const char letter : {'a', 'b', 'c'})
      writers.emplace_back([&path, letter] {
        for (int i = 0; i < 50; ++i) dydit::write_atomically(path, std::string(5000, letter));
      });
    for (int i = 0; i < 200; ++i) {
      const std::string text = dydit::read_file(path);
      if (text != std::string(5000, text.empty() ? 'x' : text.front())) FAIL("a mixture");
    }
  }
  CHECK(folder.entries() == 1);
}

TEST_CASE("pages of a mapped file that were given back come again; other memory is left alone") {
  const dydit::test::TemporaryFolder folder;
  const std::string text(100'000, 'x');
  dydit::write_atomically(folder.path() / "a", text);
  const dydit::MappedFile file(folder.path() / "a");
  CHECK(file.text() == text);
  file.forget(file.bytes().subspan(10, 90'000));
  file.forget(file.bytes());
  CHECK(file.text() == text);
  const std::vector<std::byte> heap(100'000, std::byte{7});
  file.forget(heap);
  CHECK(std::ranges::count(heap, std::byte{7}) == std::ssize(heap));
}

TEST_CASE("a file is watched for changes, not for its name") {
  const dydit::test::TemporaryFolder folder;
  const auto path = folder.path() / "a";
  dydit::write_atomically(path, "first");
  const dydit::MappedFile watch(path);
  CHECK_NOTHROW(watch.require_unchanged());
  dydit::write_atomically(path, "other");
  CHECK_NOTHROW(watch.require_unchanged());
  const dydit::MappedFile other(path);
  std::ofstream(path, std::ios::app) << "x";
  try {
    other.require_unchanged();
    FAIL("not noticed");
  } catch (const dydit::InputError&) {
    FAIL("would be taken for a broken sample");
  } catch (const dydit::Error& error) {
    CHECK(error.code() == dydit::ExitCode::bad_input);
  }
}
