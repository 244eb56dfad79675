// SPDX-License-Identifier: Apache-2.0
#include "base/interrupt.h"

#include <csignal>
#include <initializer_list>

#include "base/error.h"

namespace dydit {

static volatile std::sig_atomic_t requested = 0;

static void handle_with(void (*handler)(int)) {
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, handler);
}

static void request(int) {
  requested = 1;
  handle_with(SIG_DFL);
}

void handle_interrupts() { handle_with(request); }

bool interrupt_requested() { return requested != 0; }

void stop_if_interrupted(const std::string& where, const std::string& remedy) {
  if (interrupt_requested()) throw Interrupted("interrupted", where, remedy);
}

}  // namespace dydit
