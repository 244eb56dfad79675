// SPDX-License-Identifier: Apache-2.0
// Pieces of pickles, written by hand.
#pragma once

#include <fmt/format.h>

#include "support.h"

namespace dydit::test {

inline const std::string protocol = "\x80\x02";

inline std::string text(const std::string& value) { return fmt::format("X{}{}", little(value.size(), 4), value); }
inline std::string integer(std::uint64_t value) { return "\x8a\x08" + little(value, 8); }
inline std::string many(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += part;
  return out;
}

/// The reference to a storage of floats; `view` is what the form from before PyTorch 1.6 adds.
inline std::string storage(const std::string& key, std::uint64_t elements, const std::string& view = "") {
  return fmt::format("({}ctorch\nFloatStorage\n{}{}{}{}tQ", text("storage"), text(key), text("cpu"), integer(elements),
                     view);
}
/// A vector of floats in that storage.
inline std::string vector_in(const std::string& in_storage, std::uint64_t elements, std::uint64_t stride = 1,
                             std::uint64_t offset = 0) {
  return fmt::format("ctorch._utils\n_rebuild_tensor_v2\n({}{}{}\x85{}\x85\x89NtR", in_storage, integer(offset),
                     integer(elements), integer(stride));
}
/// A dict of these items: within a pickle, and as one.
inline std::string inner_dict(const std::string& items) { return fmt::format("}}({}u", items); }
inline std::string dict(const std::string& items) { return protocol + inner_dict(items) + "."; }

}  // namespace dydit::test
