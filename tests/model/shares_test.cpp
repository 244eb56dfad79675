// SPDX-License-Identifier: Apache-2.0
#include "model/shares.h"

#include <ATen/Parallel.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "catch.h"
#include "workers.h"

using namespace dydit;
using torch::Tensor;

namespace {

class Threads {
 public:
  explicit Threads(int count) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

}  // namespace

TEST_CASE("workers do every piece of work once, on several threads") {
  std::latch both(2);  // the first two pieces wait for one another, so that two threads must have them
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::vector<std::atomic<int>> done(100);
  model::Workers workers(1, [] {});
  workers.run(done.size(), [&](std::size_t i) {
    if (i < 2) both.arrive_and_wait();
    ++done[i];
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  for (const auto& times : done) CHECK(times == 1);
  CHECK(threads.size() == 2);
}

TEST_CASE("nobody waits for a thread that has not begun") {
  std::latch released(1);
  {
    model::Workers workers(3, [&] { released.wait(); });
    int done = 0;
    workers.run(10, [&](std::size_t) { ++done; });
    CHECK(done == 10);
    released.count_down();
    workers.run(10, [](std::size_t) {});  // what they find later is the present work, not that of before
  }
}

TEST_CASE("the first exception of shared work is the caller's, and the work goes on afterwards") {
  model::Workers workers(2, [] {});
  for (int i = 0; i < 100; ++i) {
    CHECK_THROWS_WITH(workers.run(50,
                                  [](std::size_t at) {
                                    if (at == 7) throw std::runtime_error("seven");
                                  }),
                      "seven");
    std::atomic<int> done = 0;
    workers.run(50, [&](std::size_t) { ++done; });
    REQUIRE(done == 50);
  }
}

TEST_CASE("a batch is shared about evenly or not at all") {
  const Threads three(3);
  const auto sizes = [](std::int64_t images) {
    std::vector<std::int64_t> counts;
    std::int64_t next = 0;
    for (const model::Share& share : model::shares_of(images, torch::kCPU)) {
      CHECK(share.number == counts.size());
      CHECK(share.first == next);
      counts.push_back(share.count);
      next += share.count;
    }
    CHECK(next == images);
    return counts;
  };
  CHECK(sizes(6) == std::vector<std::int64_t>{2, 2, 2});
  CHECK(sizes(4) == std::vector<std::int64_t>{4});
  CHECK(sizes(7) == std::vector<std::int64_t>{7});
  CHECK(sizes(8) == std::vector<std::int64_t>{2, 3, 3});
  CHECK(sizes(10) == std::vector<std::int64_t>{10});
  CHECK(sizes(25) == std::vector<std::int64_t>{8, 8, 9});
  CHECK(sizes(0) == std::vector<std::int64_t>{0});
}

TEST_CASE("a share's operations are its thread's, those of a single share all threads'") {
  const Threads three(3);
  {
    const model::OnlyShares only(torch::kCPU);
    CHECK(at::get_num_threads() == 1);
    CHECK(model::shares_of(6, torch::kCPU).size() == 3);
    model::in_shares(model::shares_of(6, torch::kCPU), [](const model::Share& share) {
      if (at::get_num_threads() != 1 || model::shares_of(share.count, torch::kCPU).size() != 1)
        throw std::runtime_error("a share is shared again");
    });
    int threads = 0;
    model::in_shares(model::shares_of(1, torch::kCPU), [&](const model::Share&) { threads = at::get_num_threads(); });
    CHECK(threads == 3);
    CHECK(at::get_num_threads() == 1);
  }
  CHECK(at::get_num_threads() == 3);
}

TEST_CASE("shares have the caller's modes, and are put together in their order") {
  const Threads three(3);
  const Tensor batch = torch::arange(30).view({15, 2});
  for (const bool inference : {false, true}) {
    const c10::InferenceMode mode(inference);
    const Tensor whole = model::joined(model::shares_of(15, torch::kCPU), [&](const model::Share& share) {
      const Tensor some = share.of(batch) + 1;
      if (some.is_inference() != inference) throw std::runtime_error("another mode");
      return some;
    });
    CHECK(whole.equal(batch + 1));
  }
}
