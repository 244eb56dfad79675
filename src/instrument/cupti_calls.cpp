// SPDX-License-Identifier: Apache-2.0
#include "cupti_calls.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "instrument/timer.h"

namespace dydit::instrument {

using timeline::GpuRecords;
using timeline::Stall;

namespace {

// "cudaLaunchKernel_v7000" -> "cudaLaunchKernel"
std::string without_version(std::string_view call) {
  const std::size_t at = call.rfind("_v");
  const bool version = at != call.npos && at + 2 < call.size() &&
                       std::ranges::all_of(call.substr(at + 2), [](char c) { return '0' <= c && c <= '9'; });
  return std::string(version ? call.substr(0, at) : call);
}

bool is_of_memory(std::string_view call) {
  constexpr std::string_view calls[] = {"cudaMalloc", "cudaFree", "cuMemAlloc", "cuMemFree", "cuMemCreate", "cuMemMap"};
  return std::ranges::any_of(calls, [&](std::string_view name) { return call.starts_with(name); });
}

bool matters(std::string_view call) {
  constexpr std::string_view asking[] = {"cudaLaunch", "cuLaunch", "cudaGraphLaunch", "cuGraphLaunch",
                                         "cudaMemcpy", "cuMemcpy", "cudaMemset",      "cuMemset"};
  return call.find("Synchronize") != call.npos || is_of_memory(call) ||
         std::ranges::any_of(asking, [&](std::string_view name) { return call.starts_with(name); });
}

Stall stall_of(std::string_view call) {
  const bool waits = call.find("Synchronize") != call.npos || call == "cudaMemcpy" || call == "cuMemcpyDtoH";
  return waits ? Stall::synchronisation : (is_of_memory(call) ? Stall::memory : Stall::none);
}

}  // namespace

void Calls::listen(CUpti_SubscriberHandle subscriber, bool on) {
  for (const auto& [domain, count] :
       {std::pair<CUpti_CallbackDomain, int>{CUPTI_CB_DOMAIN_RUNTIME_API, CUPTI_RUNTIME_TRACE_CBID_SIZE},
        {CUPTI_CB_DOMAIN_DRIVER_API, CUPTI_DRIVER_TRACE_CBID_SIZE}})
    for (int id = 1; id < count; ++id) {
      const auto call = static_cast<CUpti_CallbackId>(id);
      const char* name = nullptr;
      if (cuptiGetCallbackName(domain, call, &name) == CUPTI_SUCCESS && name != nullptr && matters(name))
        cuptiEnableCallback(on, subscriber, domain, call);  // one that this driver does not know is never called
    }
}

void Calls::told(CUpti_CallbackDomain domain, const CUpti_CallbackData& call) {
  // A call of the runtime is one of the driver within: what has the number of the one around it is not told twice.
  static thread_local struct {
    std::uint32_t correlation = 0;
    CUpti_CallbackDomain domain = CUPTI_CB_DOMAIN_INVALID;
  } outer;
  static thread_local const auto thread = static_cast<std::uint32_t>(gettid());
  if (call.correlationId == outer.correlation && domain != outer.domain) return;
  const std::int64_t now = steady_nanoseconds();
  if (call.callbackSite == CUPTI_API_ENTER) {
    *call.correlationData = static_cast<std::uint64_t>(now);
    if (outer.correlation == 0) outer = {call.correlationId, domain};
    return;
  }
  if (call.correlationId == outer.correlation) outer = {};
  const auto begin = static_cast<std::int64_t>(*call.correlationData);
  const std::lock_guard lock(mutex_);
  told_.push_back({call.functionName, thread, {begin, now}, call.correlationId});
}

std::vector<GpuRecords::Call> Calls::taken() {
  std::vector<Told> told;
  {
    const std::lock_guard lock(mutex_);
    told.swap(told_);
    told_.reserve(told.capacity());
  }
  std::vector<GpuRecords::Call> calls;
  calls.reserve(told.size());
  for (const Told& call : told) {
    const std::string name = without_version(call.name);
    calls.push_back({.name = name,
                     .system_thread = call.system_thread,
                     .at = call.at,
                     .correlation = call.correlation,
                     .stall = stall_of(name)});
  }
  return calls;
}

}  // namespace dydit::instrument
