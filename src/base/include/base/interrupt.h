// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM as a request that long work polls between steps; a second one ends the process.
#pragma once

#include <string>

namespace dydit {

/// Installs the handlers for SIGINT and SIGTERM. Called once, by main.
void handle_interrupts();

/// While it is there the second signal ends the process group of a running child too.
class ChildGroup {
 public:
  explicit ChildGroup(int group);
  ~ChildGroup();
  ChildGroup(const ChildGroup&) = delete;
  ChildGroup& operator=(const ChildGroup&) = delete;
};

/// True once the user has asked to stop.
bool interrupt_requested();

/// Throws Interrupted once the user has asked to stop; `where` and `remedy` as in its message.
void stop_if_interrupted(const std::string& where = "", const std::string& remedy = "");

}  // namespace dydit
