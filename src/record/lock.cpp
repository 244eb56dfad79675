// SPDX-License-Identifier: Apache-2.0
#include "lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "record/manifest.h"

namespace dydit::record {

Lock::Lock(const std::filesystem::path& run)
    : file_(::open((run / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_.get() < 0) throw RunError("cannot write", (run / "lock").string(), std::strerror(errno));
  if (::flock(file_.get(), LOCK_EX | LOCK_NB) == 0) {
    // Who holds it, for the message below; on a full disk it goes without.
    const std::string holder = process_id();
    if (::ftruncate(file_.get(), 0) == 0)
      static_cast<void>(!::write(file_.get(), holder.data(), holder.size()));
    return;
  }
  if (errno == EWOULDBLOCK)
    throw RunError(fmt::format("process {} is writing this run", read_file(run / "lock")), run.string(),
                   "wait for it or choose another --out");
  throw RunError("cannot lock", (run / "lock").string(), std::strerror(errno));
}

}  // namespace dydit::record
