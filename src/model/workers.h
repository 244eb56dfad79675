// SPDX-License-Identifier: Apache-2.0
// Threads that soon sleep where there is no work, while those of OpenMP spin for milliseconds: beside another busy
// process that is a core less. And nobody waits for a thread that has not begun: on such a machine it may take longer
// to begin than the work.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace dydit::model {

class Workers {
 public:
  /// `others`: threads beside the calling one; each calls `begin` first.
  Workers(std::size_t others, const std::function<void()>& begin);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  std::size_t others() const { return threads_.size(); }
  /// Does `work` for every index below `count`, on these threads and the calling one, each taking the next index as it
  /// is free. Throws the first exception of `work`; what had not begun by then is not done.
  void run(std::size_t count, const std::function<void(std::size_t)>& work);

 private:
  struct Job;
  Workers() = default;
  void serve();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<Job> job_;           // the one in hand
  std::atomic<std::size_t> jobs_ = 0;  // given so far
  bool stopped_ = false;
  std::vector<std::jthread> threads_;  // last: they end before the rest goes
};

}  // namespace dydit::model
