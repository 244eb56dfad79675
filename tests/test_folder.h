// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

namespace dydit::test {

/// The folder tests/ of the checkout.
std::filesystem::path test_folder();

}  // namespace dydit::test
