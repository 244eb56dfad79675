// SPDX-License-Identifier: Apache-2.0
// Ctrl-C and SIGTERM as a request that long work polls between steps; a second one ends the process.
#pragma once

namespace dydit {

/// Installs the handlers for SIGINT and SIGTERM. Called once, by main.
void handle_interrupts();

/// True once the user has asked to stop.
bool interrupt_requested();

}  // namespace dydit
