// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <unistd.h>

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
