// SPDX-License-Identifier: Apache-2.0
#include "base/interrupt.h"

#include <csignal>
#include <initializer_list>

#include "base/error.h"

namespace dydit {

static volatile std::sig_atomic_t requested = 0;

static void request(int signal) {
  requested = 1;
  std::signal(signal, SIG_DFL);
}

void handle_interrupts() {
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, request);
}

bool interrupt_requested() { return requested != 0; }

void stop_if_interrupted(const std::string& where, const std::string& remedy) {
  if (interrupt_requested()) throw Interrupted("interrupted", where, remedy);
}

}  // namespace dydit
