// SPDX-License-Identifier: Apache-2.0
#include "distributed/process_group.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#ifdef USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include "base/faults.h"
#include "base/interrupt.h"

namespace dydit::distributed {

using torch::Tensor;
using Clock = std::chrono::steady_clock;

namespace {

// For a process that is alive but does not come: it may be at work on a chunk of a study, hours for a large model.
constexpr auto patience = std::chrono::hours(24);
constexpr auto nccl_patience = std::chrono::minutes(30);   // between processes that have met for an exchange
constexpr auto connecting_time = std::chrono::seconds(2);  // of one try to reach the store
constexpr auto meeting_time = std::chrono::minutes(5);     // for all processes to have started
constexpr auto leaving_time = std::chrono::seconds(30);    // for all to have read why the run ends
constexpr auto counting_time = std::chrono::seconds(2);    // for the survivors of a death to say that they live
constexpr std::int64_t bucket_bytes = 32 << 20;

Tensor bytes_of(std::string& text) {
  return torch::from_blob(text.data(), {static_cast<std::int64_t>(text.size())}, torch::kUInt8);
}

// An exchange fails when the other side is gone, or does not come in time.
template <typename Exchange>
auto or_lost(const Exchange& exchange) {
  try {
    return exchange();
  } catch (const std::exception& error) {
    throw PeerLost(one_line(error));
  }
}

// `ranks` as "rank 1 of 2".
RunError lost_error(const std::string& ranks, int size) {
  return {"a process of the run ended before its work was done", fmt::format("rank {} of {}", ranks, size),
          "give the same command again to go on"};
}

// Where rank 0 keeps the store it may come later than the others.
c10::intrusive_ptr<c10d::Store> connect(const Launch& launch, Clock::time_point deadline) {
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = launch.rank == 0 && !launch.store_is_there;
  options.waitWorkers = false;
  options.timeout = connecting_time;
  for (;;) try {
      auto store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
      store->setTimeout(meeting_time);
      return c10::make_intrusive<c10d::PrefixStore>("dydit/" + launch.attempt, store);
    } catch (const std::exception&) {
      if (options.isServer || Clock::now() > deadline) throw;
      stop_if_interrupted("before all processes were there");
    }
}

void wait_for_all(c10d::Store& store, const Launch& launch, Clock::time_point deadline) {
  store.set(fmt::format("here/{}", launch.rank), std::string("yes"));
  std::vector<std::string> all;
  for (int rank = 0; rank < launch.size; ++rank) all.push_back(fmt::format("here/{}", rank));
  while (!store.check(all)) {
    stop_if_interrupted("before all processes were there");
    if (Clock::now() > deadline) throw std::runtime_error("some have not started");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

// The exit code of an error, and whether it is that another process is gone.
std::pair<ExitCode, bool> kind_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& known) {
    return {known.code(), dynamic_cast<const PeerLost*>(&known) != nullptr};
  } catch (...) {
    return {ExitCode::failed, false};
  }
}

}  // namespace

// The store is where the processes find each other, and where they leave what must be known of an end.
class ProcessGroup::State {
 public:
  explicit State(const Launch& given) : launch_(given) {
    // c10d tells of every connection that breaks, with a stack trace; here one line says what that means.
    FLAGS_caffe2_log_level = c10::GLOG_FATAL;
    try {
      const auto deadline = Clock::now() + meeting_time;
      store_ = connect(launch_, deadline);
      wait_for_all(*store_, launch_, deadline);
      gloo_ = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::PrefixStore>("gloo", store_),
                                                          launch_.rank, launch_.size,
                                                          c10d::ProcessGroupGloo::Options::create_default(patience));
    } catch (const Error&) {
      throw;
    } catch (const std::exception& error) {
      throw RunError("the processes did not find each other",
                     fmt::format("rank {} of {} at {}:{}", launch_.rank, launch_.size, launch_.address, launch_.port),
                     one_line(error));
    }
  }
  ~State() {
    if (nccl_ != nullptr) nccl_->shutdown();
  }

  using Collective = c10::intrusive_ptr<c10d::Work> (*)(c10d::Backend&, std::vector<Tensor>&);

  // Many small tensors go as few large ones; all buckets are under way before the first is waited for.
  void exchange(const std::vector<Tensor>& tensors, Collective collective) {
    struct Bucket {
      std::vector<Tensor> tensors;
      std::vector<Tensor> flat;  // one
      c10::intrusive_ptr<c10d::Work> work;
    };
    torch::NoGradGuard no_grad;
    std::vector<Bucket> buckets;
    for (auto begin = tensors.begin(); begin != tensors.end();) {
      Bucket bucket;
      std::vector<Tensor> rows;
      auto end = begin;
      for (std::int64_t bytes = 0; end != tensors.end() && end->options().type_equal(begin->options()); ++end) {
        bytes += static_cast<std::int64_t>(end->nbytes());
        if (end != begin && bytes > bucket_bytes) break;
        bucket.tensors.push_back(*end);
        rows.push_back(end->flatten());
      }
      bucket.flat = {torch::cat(rows)};
      buckets.push_back(std::move(bucket));
      begin = end;
    }
    // NCCL waits without end for a process that does not come (out of memory, say), and nothing wakes it.
    if (!tensors.empty() && tensors.front().is_cuda()) meet();
    for (Bucket& bucket : buckets) bucket.work = started(bucket.flat, collective);
    for (Bucket& bucket : buckets) {
      or_lost([&] { return bucket.work->wait(); });
      std::int64_t offset = 0;
      for (const Tensor& tensor : bucket.tensors) {
        tensor.copy_(bucket.flat.front().narrow(0, offset, tensor.numel()).view_as(tensor));
        offset += tensor.numel();
      }
    }
  }

  void send(std::string& text, int to) {
    std::vector<Tensor> size{torch::tensor(static_cast<std::int64_t>(text.size()))}, bytes{bytes_of(text)};
    or_lost([&] { return gloo_->send(size, to, /*tag=*/0)->wait(); });
    if (!text.empty()) or_lost([&] { return gloo_->send(bytes, to, /*tag=*/0)->wait(); });
  }

  std::string receive(int from) {
    std::vector<Tensor> size{torch::zeros({}, torch::kInt64)};
    or_lost([&] { return gloo_->recv(size, from, /*tag=*/0)->wait(); });
    std::string text(static_cast<std::size_t>(size.front().item<std::int64_t>()), '\0');
    std::vector<Tensor> bytes{bytes_of(text)};
    if (!text.empty()) or_lost([&] { return gloo_->recv(bytes, from, /*tag=*/0)->wait(); });
    return text;
  }

  // Why this process ends: `error` where it is the one that tells it, else ToldElsewhere. Leaves the group.
  // A process that fails leaves its exit code before it closes its connections, so that whoever misses it can
  // tell a failure from a death.
  std::exception_ptr end_of(const std::exception_ptr& error) {
    std::exception_ptr end = error;
    const auto [code, lost] = kind_of(error);
    try {
      store_->set(fmt::format("alive/{}", launch_.rank), std::string("yes"));
      if (lost && store_->check({"code"})) {
        end = std::make_exception_ptr(ToldElsewhere(static_cast<ExitCode>(store_->get("code").at(0))));
      } else {
        if (lost) disconnect();  // who waits for this one, and not for the dead one, must wake up to be counted
        if (store_->add("told", 1) == 1) {
          store_->set("code", std::vector<std::uint8_t>{static_cast<std::uint8_t>(code)});
          if (const auto ranks = lost ? the_lost() : std::vector<int>(); !ranks.empty()) {
            absent_ = std::ssize(ranks);
            end = std::make_exception_ptr(lost_error(fmt::format("{}", fmt::join(ranks, " or ")), launch_.size));
          }
        } else {
          end = std::make_exception_ptr(ToldElsewhere(code));
        }
      }
    } catch (const std::exception&) {  // the store went with the process that kept it
      if (lost) end = std::make_exception_ptr(lost_error("0", launch_.size));
    }
    leave(lost ? counting_time : leaving_time);
    return end;
  }

 private:
  c10d::Backend& backend(torch::Device device) {
    if (device.is_cpu()) return *gloo_;
#ifdef USE_C10D_NCCL
    if (nccl_ == nullptr) {
      auto options = c10d::ProcessGroupNCCL::Options::create();
      options->timeout = nccl_patience;
      nccl_ = c10::make_intrusive<c10d::ProcessGroupNCCL>(c10::make_intrusive<c10d::PrefixStore>("nccl", store_),
                                                          launch_.rank, launch_.size, options);
    }
#endif
    return *nccl_;
  }

  // All have come this far.
  void meet() {
    std::vector<Tensor> here{torch::zeros({1})};
    or_lost([&] { return gloo_->allreduce(here)->wait(); });
  }

  // What NCCL refuses at once is this process's own (a full GPU, say); that another one is gone shows over Gloo.
  c10::intrusive_ptr<c10d::Work> started(std::vector<Tensor>& flat, Collective collective) {
    const auto device = flat.front().device();
    if (device.is_cpu()) return or_lost([&] { return collective(backend(device), flat); });
    try {
      return collective(backend(device), flat);
    } catch (const std::exception& error) {
      throw RunError("an exchange between GPUs failed", fmt::format("rank {} of {}", launch_.rank, launch_.size),
                     one_line(error));
    }
  }

  // The ranks that do not say that they live.
  std::vector<int> the_lost() {
    std::vector<int> silent;
    const auto deadline = Clock::now() + counting_time;
    do {
      silent.clear();
      for (int rank = 0; rank < launch_.size; ++rank)
        if (!store_->check({fmt::format("alive/{}", rank)})) silent.push_back(rank);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    } while (silent.size() > 1 && Clock::now() < deadline);
    return silent;
  }

  // Closes the connections: who waits for this process wakes up.
  void disconnect() {
    if (nccl_ != nullptr) nccl_->abort();
    nccl_.reset();
    gloo_.reset();
  }

  // Whoever keeps the store stays until the others have read it.
  void leave(std::chrono::seconds patience_with_others) {
    disconnect();
    try {
      const auto left = store_->add("left", 1);
      if (launch_.rank != 0 || launch_.store_is_there) return;
      const auto deadline = Clock::now() + patience_with_others;
      for (auto seen = left; seen < launch_.size - absent_ && Clock::now() < deadline; seen = store_->add("left", 0))
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    } catch (const std::exception&) {  // the store is gone: nobody is left to wait for
    }
  }

  const Launch launch_;
  c10::intrusive_ptr<c10d::Store> store_;
  c10::intrusive_ptr<c10d::Backend> gloo_, nccl_;
  std::int64_t absent_ = 0;  // processes that are known to be gone
};

ProcessGroup::ProcessGroup(const Launch& launch) : launch_(launch), state_(std::make_shared<State>(launch)) {}

ProcessGroup::Share ProcessGroup::share(std::int64_t count) const {
  const std::int64_t first = count * rank() / size();
  return {.first = first, .count = count * (rank() + 1) / size() - first};
}

void ProcessGroup::sum(const std::vector<Tensor>& tensors) const {
  if (state_ == nullptr) return;
  state_->exchange(tensors, [](c10d::Backend& backend, std::vector<Tensor>& flat) { return backend.allreduce(flat); });
}

void ProcessGroup::broadcast(const std::vector<Tensor>& tensors) const {
  if (state_ == nullptr) return;
  state_->exchange(tensors, [](c10d::Backend& backend, std::vector<Tensor>& flat) { return backend.broadcast(flat); });
}

std::string ProcessGroup::broadcast(const std::string& text) const {
  if (state_ == nullptr) return text;
  if (!leads()) return state_->receive(0);
  std::string copy = text;
  for (int to = 1; to < size(); ++to) state_->send(copy, to);
  return copy;
}

std::vector<std::string> ProcessGroup::gather(const std::string& text) const {
  std::string copy = text;
  if (!leads()) {
    state_->send(copy, 0);
    return {};
  }
  std::vector<std::string> texts{std::move(copy)};
  for (int from = 1; from < size(); ++from) texts.push_back(state_->receive(from));
  return texts;
}

bool ProcessGroup::any(bool here) const {
  const Tensor count = torch::tensor({here ? 1 : 0}, torch::kInt32);
  sum({count});
  return count.item<std::int32_t>() > 0;
}

void together(const std::function<void(const ProcessGroup&)>& work) {
  const Launch launch = launch_of_environment();
  if (launch.size == 1) return work(ProcessGroup());
  const ProcessGroup group(launch);
  try {
    work(group);
    group.any(false);
  } catch (...) {
    std::rethrow_exception(group.state_->end_of(std::current_exception()));
  }
}

}  // namespace dydit::distributed
