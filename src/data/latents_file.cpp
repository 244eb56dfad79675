// SPDX-License-Identifier: Apache-2.0
#include "data/latents_file.h"

#include <nlohmann/json.hpp>

namespace dydit::data {

std::string latents_file_begin(const std::vector<std::int64_t>& labels, std::int64_t classes, const Shape& of_one) {
  const auto count = std::ssize(labels), of_labels = 8 * count, of_latents = 4 * count * of_one.elements();
  nlohmann::ordered_json header;
  header["__metadata__"]["classes"] = std::to_string(classes);
  header["label"] = {{"dtype", "I64"}, {"shape", {count}}, {"data_offsets", {0, of_labels}}};
  header["latent"] = {{"dtype", "F32"},
                      {"shape", {count, of_one.channels, of_one.height, of_one.width}},
                      {"data_offsets", {of_labels, of_labels + of_latents}}};
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::uint64_t length = text.size();
  std::string begin(reinterpret_cast<const char*>(&length), sizeof length);
  begin += text;
  return begin.append(reinterpret_cast<const char*>(labels.data()), static_cast<std::size_t>(of_labels));
}

}  // namespace dydit::data
