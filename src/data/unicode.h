// SPDX-License-Identifier: Apache-2.0
// Names in another Unicode form: macOS decomposes the letters of file names (NFD) that others write composed
// (NFC).
#pragma once

#include <string>

namespace dydit::data {

/// UTF-8 in normalisation form D: equal for names that look the same. A name that is not UTF-8 stays as it is.
std::string decomposed(const std::string& name);

}  // namespace dydit::data
