// SPDX-License-Identifier: Apache-2.0
#include "result.h"

namespace dydit::study {

using record::Json;

// CBOR, which can hold bytes.
std::string to_bytes(const std::vector<Result>& results) {
  Json all = Json::array();
  for (const Result& result : results) {
    Json tensors = Json::object();
    for (const auto& [name, tensor] : result.tensors) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(tensor.bytes.data());
      tensors[name] = {{"type", tensor.type},
                       {"shape", tensor.shape},
                       {"bytes", Json::binary({bytes, bytes + tensor.bytes.size()})}};
    }
    all.push_back({{"record", record::to_line(result.record)}, {"tensors", tensors}});
  }
  std::string bytes;
  Json::to_cbor(all, bytes);
  return bytes;
}

std::vector<Result> from_bytes(const std::string& bytes) {
  std::vector<Result> results;
  const Json all = Json::from_cbor(bytes);
  for (const Json& json : all) {
    Result result{.record = record::from_line(json.at("record").get<std::string>())};
    for (const auto& [name, tensor] : json.at("tensors").items()) {
      const auto owner = std::make_shared<const std::vector<std::uint8_t>>(tensor.at("bytes").get_binary());
      result.tensors[name] = {.type = tensor.at("type").get<checkpoint::DType>(),
                              .shape = tensor.at("shape").get<std::vector<std::int64_t>>(),
                              .bytes = std::as_bytes(std::span(*owner)),
                              .owner = owner};
    }
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace dydit::study
