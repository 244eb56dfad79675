// SPDX-License-Identifier: Apache-2.0
#include "distributed/launch.h"

#include <fmt/format.h>

#include <cstdlib>
#include <limits>

#include "base/bounds.h"
#include "base/error.h"

namespace dydit::distributed {

namespace {

struct Names {
  const char *size, *rank, *local_size, *local_rank;
};
constexpr Names torchrun{"WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE", "LOCAL_RANK"};
constexpr Names open_mpi{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE",
                         "OMPI_COMM_WORLD_LOCAL_RANK"};

bool given(const char* name) { return std::getenv(name) != nullptr; }

std::string text(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr)
    throw UsageError("a variable of the launcher is missing", name, "start the processes with torchrun, or export it");
  return value;
}

int number(const char* name, int low, int high) {
  const std::string value = text(name);
  const auto parsed = integer_of<int>(value);
  if (!parsed || *parsed < low || *parsed > high)
    throw UsageError("wrong value in a variable of the launcher", fmt::format("{}={}", name, value),
                     fmt::format("give a number from {} to {}", low, high));
  return *parsed;
}

}  // namespace

Launch launch_of_environment() {
  const Names names = given(torchrun.size) ? torchrun : open_mpi;
  if (!given(names.size)) return {};
  constexpr int most = std::numeric_limits<int>::max();
  Launch launch;
  launch.size = number(names.size, 1, most);
  if (launch.size == 1) return {};
  launch.rank = number(names.rank, 0, launch.size - 1);
  launch.local_size = number(names.local_size, 1, launch.size);
  launch.local_rank = number(names.local_rank, 0, launch.local_size - 1);
  launch.address = text("MASTER_ADDR");
  launch.port = static_cast<std::uint16_t>(number("MASTER_PORT", 1, 65535));
  launch.store_is_there = given("TORCHELASTIC_USE_AGENT_STORE") && text("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (given("TORCHELASTIC_RESTART_COUNT")) launch.attempt = text("TORCHELASTIC_RESTART_COUNT");
  return launch;
}

}  // namespace dydit::distributed
