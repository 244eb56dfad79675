// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace dydit {

/// What a message says of text that parse_json does not take.
inline constexpr const char* json_limits = "expected JSON of at most 4 MiB, 64 levels and 1,024 keys in an object";

/// Whether text is JSON that does not nest deeper or have more keys in an object than it may; keeps nothing of it.
template <typename Json>
class JsonLimits : public nlohmann::json_sax<Json> {
 public:
  JsonLimits(int deepest, std::size_t most_keys) : deepest_(static_cast<std::size_t>(deepest)), most_keys_(most_keys) {}

  bool null() override { return modest(); }
  bool boolean(bool) override { return modest(); }
  bool number_integer(typename Json::number_integer_t) override { return modest(); }
  bool number_unsigned(typename Json::number_unsigned_t) override { return modest(); }
  bool number_float(typename Json::number_float_t, const typename Json::string_t&) override { return modest(); }
  bool string(typename Json::string_t&) override { return modest(); }
  bool binary(typename Json::binary_t&) override { return modest(); }
  bool start_object(std::size_t) override { return begin(); }
  bool key(typename Json::string_t&) override { return modest() && ++keys_.back() <= most_keys_; }
  bool end_object() override { return end(); }
  bool start_array(std::size_t) override { return begin(); }
  bool end_array() override { return end(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool modest() const { return keys_.size() <= deepest_; }
  bool begin() {
    if (!modest()) return false;
    keys_.push_back(0);
    return true;
  }
  bool end() {
    keys_.pop_back();
    return true;
  }

  std::size_t deepest_, most_keys_;
  std::vector<std::size_t> keys_;  // of each object around; an array has none
};

/// Nothing for what is not JSON, is longer than `longest` bytes, nests deeper than `deepest` or, where the order of
/// keys is kept, has more than 1,024 in an object: the library keeps many times the text in memory, copies,
/// compares and prints by recursion, which a file of brackets would let overflow the stack, and looks for an
/// ordered key among all those before it.
template <typename Json>
std::optional<Json> parse_json(std::string_view text, int deepest = 64, std::size_t longest = 4 << 20) {
  const std::size_t most_keys = std::is_same_v<Json, nlohmann::ordered_json> ? 1024 : longest;
  if (text.size() > longest) return std::nullopt;
  // Read twice: with a callback the library looks through all elements of an array at the end of each object in it.
  JsonLimits<Json> limits(deepest, most_keys);
  if (!Json::sax_parse(text, &limits)) return std::nullopt;
  return Json::parse(text);
}

}  // namespace dydit
