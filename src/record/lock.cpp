// SPDX-License-Identifier: Apache-2.0
#include "lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace dydit::record {

Lock::Lock(const std::filesystem::path& run)
    : file_(::open((run / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_.get() < 0) throw RunError("cannot write", (run / "lock").string(), std::strerror(errno));
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) return;
  if (errno == EWOULDBLOCK)
    throw RunError("another process is writing this run", run.string(),
                   "wait for it or choose another --out");
  throw RunError("cannot lock", (run / "lock").string(), std::strerror(errno));
}

}  // namespace dydit::record
