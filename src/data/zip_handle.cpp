// SPDX-License-Identifier: Apache-2.0
#include "zip_handle.h"

#include <string>

#include "base/error.h"

namespace dydit::data {

Zip open_handle(const MappedFile& file) {
  zip_error_t error;
  zip_error_init(&error);
  const auto bytes = file.bytes();
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  Zip zip(source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error));
  const std::string reason = zip_error_strerror(&error);
  zip_error_fini(&error);
  if (zip != nullptr) return zip;
  zip_source_free(source);
  throw InputError("not a readable zip", file.path().string(), reason);
}

}  // namespace dydit::data
