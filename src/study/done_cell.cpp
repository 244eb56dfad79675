// SPDX-License-Identifier: Apache-2.0
#include "done_cell.h"

namespace dydit::study {

using record::Json;

// CBOR, which can hold bytes.
std::string to_bytes(const std::vector<DoneCell>& cells) {
  Json all = Json::array();
  for (const DoneCell& cell : cells) {
    Json tensors = Json::object();
    for (const auto& [name, tensor] : cell.tensors) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(tensor.bytes.data());
      tensors[name] = {{"type", tensor.type},
                       {"shape", tensor.shape},
                       {"bytes", Json::binary({bytes, bytes + tensor.bytes.size()})}};
    }
    all.push_back({{"record", record::to_line(cell.record)}, {"tensors", tensors}});
  }
  std::string bytes;
  Json::to_cbor(all, bytes);
  return bytes;
}

std::vector<DoneCell> from_bytes(const std::string& bytes) {
  std::vector<DoneCell> cells;
  const Json all = Json::from_cbor(bytes);
  for (const Json& json : all) {
    DoneCell cell{.record = record::from_line(json.at("record").get<std::string>())};
    for (const auto& [name, tensor] : json.at("tensors").items()) {
      const auto owner = std::make_shared<const std::vector<std::uint8_t>>(tensor.at("bytes").get_binary());
      cell.tensors[name] = {.type = tensor.at("type").get<checkpoint::DType>(),
                            .shape = tensor.at("shape").get<std::vector<std::int64_t>>(),
                            .bytes = std::as_bytes(std::span(*owner)),
                            .owner = owner};
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

}  // namespace dydit::study
