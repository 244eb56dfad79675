// SPDX-License-Identifier: Apache-2.0
// Files made to harm: each is refused, quickly, and without memory to speak of.
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "catch.h"
#include "limits.h"
#include "support.h"
#include "temporary_folder.h"

using dydit::test::golden;
using dydit::test::Outcome;

TEST_CASE("every hostile file is refused within limits") {
  const auto folder = golden / "hostile";
  const auto index = nlohmann::json::parse(dydit::read_file(folder / "index.json"));
  CHECK(index.size() == 32);
  std::set<std::string> listed, there;
  for (const auto& [name, reason] : index.items()) listed.insert(name);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) there.insert(entry.path().filename());
  there.erase("index.json");
  CHECK(listed == there);
  for (const auto& name : listed) {
    CAPTURE(name, index.at(name).get<std::string>());
    CHECK(dydit::test::outcome_within(folder / name, {.seconds = 2, .memory = 8 << 20}) == Outcome::refused);
  }
}

TEST_CASE("three million marks on a pickle's stack are refused within limits") {
  const dydit::test::TemporaryFolder folder;
  const auto file = folder.path() / "marks.pt";
  const std::string pickle = "\x80\x02" + std::string(3'000'000, '(') + ".";
  dydit::write_atomically(file, dydit::test::stored_zip({{"archive/data.pkl", pickle}, {"archive/version", "3\n"}}));
  CHECK(dydit::test::outcome_within(file, {.seconds = 2, .memory = 8 << 20}) == Outcome::refused);
}

TEST_CASE("200,000 nested arrays in the place of a header are refused within limits") {
  const dydit::test::TemporaryFolder folder;
  const auto file = folder.path() / "deep.safetensors";
  const std::uint64_t size = 200'000;
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  dydit::write_atomically(file, bytes + std::string(size, '['));
  CHECK(dydit::test::outcome_within(file, {.seconds = 2, .memory = 8 << 20}) == Outcome::refused);
}

TEST_CASE("the limits let good files pass, and are in force") {
  const auto good = golden / "tiny_train.pt";
  CHECK(dydit::test::outcome_within(good, {.seconds = 2, .memory = 8 << 20}) == Outcome::opened);
#ifndef __SANITIZE_ADDRESS__
  CHECK(dydit::test::outcome_within(good, {.seconds = 2, .memory = -(3 << 20)}) != Outcome::opened);
#endif
}
