// SPDX-License-Identifier: Apache-2.0
// One training or study spread over several processes: c10d of LibTorch, NCCL for tensors on a GPU and Gloo
// for all else. Every process makes the same calls in the same order. What floats sum to depends on the number
// of processes, and on nothing else: all get the same bits, every time.
#pragma once

#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "distributed/launch.h"

namespace dydit::distributed {

/// A handle that is cheap to copy. A process alone has rank 0 of 1, and each exchange is nothing.
/// An exchange throws PeerLost when another process is gone.
class ProcessGroup {
 public:
  ProcessGroup() = default;

  int rank() const { return launch_.rank; }
  int size() const { return launch_.size; }
  int local_rank() const { return launch_.local_rank; }  ///< among the processes of this machine
  int local_size() const { return launch_.local_size; }
  bool leads() const { return rank() == 0; }

  /// This rank's share of `count` things that lie in a row: shares differ by one at most.
  struct Share {
    std::int64_t first, count;
  };
  Share share(std::int64_t count) const;

  /// Replaces each tensor by its sum over the processes.
  void sum(const std::vector<torch::Tensor>& tensors) const;
  /// Replaces each tensor by that of rank 0.
  void broadcast(const std::vector<torch::Tensor>& tensors) const;
  /// The text of rank 0.
  std::string broadcast(const std::string& text) const;
  /// At rank 0 the texts of all in the order of their ranks; nothing elsewhere.
  std::vector<std::string> gather(const std::string& text) const;
  /// True for all where it is true for one; nobody goes on before all are here.
  bool any(bool here) const;

 private:
  class State;
  explicit ProcessGroup(const Launch& launch);
  friend void together(const std::function<void(const ProcessGroup&)>& work);

  Launch launch_;
  std::shared_ptr<State> state_;  // null where the process is alone
};

/// Another process ended before its work was done, or did not answer.
struct PeerLost : RunError {
  using RunError::RunError;
};

/// This process ends for a reason that another one tells the user.
struct ToldElsewhere : Error {
  explicit ToldElsewhere(ExitCode code) : Error(code, "ended with another process", "", "") {}
};

/// Runs `work` in the group that the launcher started. When it fails in one process it ends in all of them with
/// the same exit code, and one process tells why: the one that failed first, or when that was killed one of the
/// others. The rest throw ToldElsewhere.
void together(const std::function<void(const ProcessGroup&)>& work);

}  // namespace dydit::distributed
