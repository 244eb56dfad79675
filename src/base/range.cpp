// SPDX-License-Identifier: Apache-2.0
#include "base/range.h"

namespace dydit {

constinit thread_local Observed Observed::current;

}  // namespace dydit
