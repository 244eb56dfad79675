// SPDX-License-Identifier: Apache-2.0
// The only file that knows where the checkout lies, so that a compiler cache serves the others in any.
#include "test_folder.h"

std::filesystem::path dydit::test::test_folder() { return DYDIT_TEST_FOLDER; }
