// SPDX-License-Identifier: Apache-2.0
// Names in another Unicode form: macOS decomposes the letters of file names (NFD) that others write composed
// (NFC).
#pragma once

#include <string>

namespace dydit::data {

/// UTF-8 with every character canonically decomposed: equal for names that look the same. (Marks keep their
/// order, which is the canonical one in NFC and NFD alike.) Bytes that are not UTF-8 stay as they are.
std::string decomposed(const std::string& name);

}  // namespace dydit::data
