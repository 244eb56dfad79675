// SPDX-License-Identifier: Apache-2.0
#include "workers.h"

#include <chrono>
#include <exception>

#include "base/range.h"

namespace dydit::model {

// Awaits what is expected soon, for less time than it takes to fall asleep and to be woken twice.
template <typename Happened>
static void await_briefly(const Happened& happened) {
  constexpr auto patience = std::chrono::microseconds(200);
  const auto start = std::chrono::steady_clock::now();
  while (!happened() && std::chrono::steady_clock::now() - start < patience) {
  }
}

struct Workers::Job {
  std::size_t count;
  const std::function<void(std::size_t)>* work;  // lives until all that was begun is done
  std::atomic<std::size_t> next = 0, done = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr error;

  void take() {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        if (!failed) (*work)(i);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
      if (++done == count) done.notify_all();
    }
  }

  void wait() {
    await_briefly([&] { return done == count; });
    for (std::size_t now = done; now < count; now = done) done.wait(now);
  }
};

// Delegates, so that those that began end where the system refuses another thread.
Workers::Workers(std::size_t others, const std::function<void()>& begin) : Workers() {
  for (std::size_t i = 0; i < others; ++i)
    threads_.emplace_back([this, begin] {
      begin();
      serve();
    });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  wake_.notify_all();
}

void Workers::serve() {
  std::shared_ptr<Job> last;
  for (std::size_t seen = 0;;) {
    await_briefly([&] { return jobs_ != seen; });
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return stopped_ || (job_ && job_ != last); });
    if (stopped_) return;
    last = job_;
    seen = jobs_;
    lock.unlock();
    last->take();
  }
}

void Workers::run(std::size_t count, const std::function<void(std::size_t)>& work) {
  const auto job = std::make_shared<Job>(count, &work);
  {
    const std::lock_guard lock(mutex_);
    job_ = job;
    ++jobs_;
  }
  for (std::size_t i = 1; i < count && i <= others(); ++i) wake_.notify_one();
  job->take();
  {
    const Range waiting({.name = "(waiting)", .kernel = true});
    job->wait();
  }
  {
    const std::lock_guard lock(mutex_);
    job_.reset();
  }
  if (job->error) std::rethrow_exception(job->error);
}

}  // namespace dydit::model
