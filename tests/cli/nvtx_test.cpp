// SPDX-License-Identifier: Apache-2.0
// What a tool that listens to NVTX, as Nsight Systems does, is told of a program.
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "catch.h"
#include "process.h"

TEST_CASE("a tool that listens to NVTX sees the ranges of every thread, nested and closed") {
  const dydit::test::TemporaryFolder folder;
  const auto outcome =
      dydit::test::run_dydit({"profile", "--model", "DyDiT-S/8", "--input-size", "16", "--batch", "2", "--blocks", "2",
                              "--threads", "2", "--device", "cpu", "--quiet", "--out", folder.path() / "run"},
                             {}, [] { setenv("NVTX_INJECTION64_PATH", DYDIT_NVTX_TOOL, 1); });
  REQUIRE(outcome.code == 0);
  std::map<std::string, std::vector<std::string>> open;  // of each thread
  bool qkv = false;
  std::istringstream lines(outcome.err);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string tool, thread, what, name;
    words >> tool >> thread >> what >> std::ws;
    std::getline(words, name);
    if (tool != "nvtx") continue;
    auto& ranges = open[thread];
    if (what == "push") {
      ranges.push_back(name);
    } else {
      REQUIRE_FALSE(ranges.empty());
      ranges.pop_back();
    }
    qkv = qkv || (ranges.size() >= 4 && ranges[0] == "pass" && ranges[1] == "block 11" && ranges[2] == "attention" &&
                  ranges[3] == "qkv");
  }
  CHECK(qkv);
  CHECK(open.size() >= 2);  // the threads that take shares are told too
  for (const auto& [thread, ranges] : open) CHECK(ranges.empty());
}
