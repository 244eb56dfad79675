// SPDX-License-Identifier: Apache-2.0
// Content hashes (XXH3, 128 bits, 32 hexadecimal digits): to recognise inputs and cells, not to authenticate.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace dydit {

std::string hash_of(std::string_view text);

/// Hash of a file's content. Throws InputError when it cannot be read.
std::string hash_of_file(const std::filesystem::path& path);

}  // namespace dydit
