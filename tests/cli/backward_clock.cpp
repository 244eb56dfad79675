// SPDX-License-Identifier: Apache-2.0
// Loaded before libc, it sets the date back by a day each time that somebody looks at it; the steady clock
// stays.
#include <dlfcn.h>

#include <atomic>
#include <ctime>

static time_t days_back() {
  static std::atomic<time_t> looks = 0;
  return 86'400 * ++looks;
}

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  using Function = int (*)(clockid_t, timespec*);
  static const auto original = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = original(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec -= days_back();
  return result;
}

extern "C" time_t time(time_t* also) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (also != nullptr) *also = now.tv_sec;
  return now.tv_sec;
}
