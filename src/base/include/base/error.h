// SPDX-License-Identifier: Apache-2.0
// Errors that reach the user as one line, `dydit: <what>: <which file, key or option>: <what to do>`,
// and the exit codes of the command line contract.
#pragma once

#include <stdexcept>
#include <string>

namespace dydit {

enum class ExitCode : int {
  done = 0,
  criterion_not_met = 1,
  wrong_usage = 2,    ///< a wrong option or profile
  bad_input = 3,      ///< an input file is bad or missing
  failed = 4,         ///< failed while running: no GPU, disk full, out of memory, a failed cell
  interrupted = 130,  ///< stopped by the user, resumable
};

/// Base of everything the command line reports as one line. An empty `where` or `remedy` is left out.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& what, const std::string& where, const std::string& remedy);
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

template <ExitCode exit_code>
struct ErrorOf : Error {
  ErrorOf(const std::string& what, const std::string& where = "", const std::string& remedy = "")
      : Error(exit_code, what, where, remedy) {}
};
using UsageError = ErrorOf<ExitCode::wrong_usage>;
using InputError = ErrorOf<ExitCode::bad_input>;
using RunError = ErrorOf<ExitCode::failed>;
using Interrupted = ErrorOf<ExitCode::interrupted>;

/// A value that a model computed is not finite. In a study it fails the cell, and the others go on.
struct NotFinite : RunError {
  using RunError::RunError;
};

}  // namespace dydit
