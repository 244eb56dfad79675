// SPDX-License-Identifier: Apache-2.0
// What reads a zip by libzip.
#pragma once

#include <zip.h>

#include <cstdint>
#include <memory>

#include "base/file.h"

namespace dydit::data {

struct ZipCloser {
  void operator()(zip_t* zip) const { zip_discard(zip); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Zip = std::unique_ptr<zip_t, ZipCloser>;
using ZipFile = std::unique_ptr<zip_file_t, ZipCloser>;

constexpr std::uint64_t most_expansion = 1032;  // of deflate

/// Over the file's bytes, which outlive it. A handle serves one thread at a time. Throws InputError.
Zip open_handle(const MappedFile& file);

}  // namespace dydit::data
