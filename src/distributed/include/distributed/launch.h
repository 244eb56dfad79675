// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace dydit::distributed {

/// What the variables of a launcher (torchrun, or Open MPI's mpirun) tell a process; without them it is alone.
struct Launch {
  int rank = 0, size = 1;
  int local_rank = 0, local_size = 1;  ///< among the processes of this machine
  std::string address;                 ///< where the processes meet
  std::uint16_t port = 0;
  bool store_is_there = false;  ///< the launcher keeps the store at `address`; otherwise rank 0 does
  std::string attempt = "0";    ///< torchrun starts all processes again under another one
};

/// Throws UsageError naming the variable that is missing or wrong.
Launch launch_of_environment();

}  // namespace dydit::distributed
