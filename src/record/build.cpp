// SPDX-License-Identifier: Apache-2.0
#include "record/manifest.h"
#include "revision.h"

namespace dydit::record {

Json build_description() {
  return {{"compiler", DYDIT_COMPILER},
          {"type", DYDIT_BUILD_TYPE},
          {"flags", DYDIT_FLAGS},
          {"revision", DYDIT_REVISION},
          {"tree", DYDIT_TREE}};
}

}  // namespace dydit::record
