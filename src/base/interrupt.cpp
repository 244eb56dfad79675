// SPDX-License-Identifier: Apache-2.0
#include "base/interrupt.h"

#include <csignal>
#include <initializer_list>

#include "base/error.h"

namespace dydit {

static volatile std::sig_atomic_t requested = 0, child_group = 0;

static void handle_with(void (*handler)(int)) {
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, handler);
}

static void request(int signal) {
  if (requested != 0) {
    if (child_group != 0) ::kill(-child_group, SIGKILL);
    handle_with(SIG_DFL);
    ::raise(signal);
  }
  requested = 1;
}

void handle_interrupts() { handle_with(request); }

ChildGroup::ChildGroup(int group) { child_group = group; }

ChildGroup::~ChildGroup() { child_group = 0; }

bool interrupt_requested() { return requested != 0; }

void stop_if_interrupted(const std::string& where, const std::string& remedy) {
  if (interrupt_requested()) throw Interrupted("interrupted", where, remedy);
}

}  // namespace dydit
