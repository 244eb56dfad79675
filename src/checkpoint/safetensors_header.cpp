// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "byte_reader.h"
#include "safetensors_reader.h"

namespace dydit::checkpoint {

namespace {

/// Follows the one form a header may have; whatever does not fit where the parser stands is refused at once.
class HeaderHandler final : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderHandler(std::size_t size, const std::string& where) : where_(where), budget_((16 << 20) + 4 * size) {}
  Header take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (place_ == Place::before)
      place_ = Place::top;
    else if (place_ == Place::top)
      place_ = name_ == metadata_key ? Place::metadata : Place::tensor;
    else
      fail("nests an object where none may be");
    return true;
  }

  bool key(std::string& text) override {
    if (place_ == Place::tensor) {
      field_ = text;
      return true;
    }
    std::string& current = place_ == Place::top ? name_ : field_;
    current = text;
    bool is_new = false;
    if (place_ == Place::metadata)
      is_new = header_.metadata.try_emplace(current).second;
    else if (current == metadata_key)
      is_new = !std::exchange(has_metadata_, true);
    else
      is_new = header_.entries.try_emplace(current).second;
    if (!is_new) fail("holds " + printable(current) + " twice");
    charge(sizeof(decltype(header_.entries)::value_type) + sizeof(Tensors::value_type) + 2 * node_size);
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      header_.metadata[field_] = text;
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype") fail("has text where none may be");
    if (entry().type) fail_field("twice");
    entry().type = dtype_named(text);
    if (!entry().type)
      fail(fmt::format("gives {} the unsupported type {}", printable(name_), printable(text)));
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || (field_ != "shape" && field_ != "data_offsets"))
      fail("nests an array where none may be");
    if (list()) fail_field("twice");
    list().emplace();
    place_ = Place::list;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    constexpr std::size_t most = 64;  // dimensions
    if (place_ != Place::list || value > std::numeric_limits<std::int64_t>::max() || list()->size() == most)
      fail("has a number where none may be, or too big");
    charge(2 * sizeof(std::int64_t));
    list()->push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool end_array() override {
    place_ = Place::tensor;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor &&
        (!entry().type || !entry().shape || !entry().offsets || entry().offsets->size() != 2))
      fail("lacks dtype, shape or two data_offsets of " + printable(name_));
    place_ = place_ == Place::top ? Place::after : Place::top;
    return true;
  }

  bool null() override { fail("has null where none may be"); }
  bool boolean(bool) override { fail("has a boolean where none may be"); }
  bool number_integer(std::int64_t) override { fail("has a negative number"); }
  bool number_float(double, const std::string&) override {
    fail("has a number that is not an integer of 63 bits");
  }
  bool binary(binary_t&) override { fail("has binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    fail(fmt::format("is not JSON at byte {}", position));
  }

 private:
  static constexpr std::size_t node_size = 32;  // of a map, beside the value

  enum class Place { before, top, metadata, tensor, list, after };

  HeaderEntry& entry() { return header_.entries[name_]; }
  std::optional<std::vector<std::int64_t>>& list() {
    return field_ == "shape" ? entry().shape : entry().offsets;
  }
  /// What an entry and its tensor take: a header of empty tensors would else become many times its size.
  void charge(std::size_t bytes) {
    if (bytes > budget_) fail("describes far too many tensors for its size");
    budget_ -= bytes;
  }
  [[noreturn]] void fail_field(const char* what) const {
    fail(fmt::format("gives {} of {} {}", printable(field_), printable(name_), what));
  }
  [[noreturn]] void fail(const std::string& what) const { refuse("safetensors header " + what, where_); }

  const std::string& where_;
  std::size_t budget_;
  Header header_;
  Place place_ = Place::before;
  bool has_metadata_ = false;
  std::string name_, field_;  // where the parser stands
};

}  // namespace

Header parse_header(std::string_view text, const std::string& where) {
  // The JSON library takes a zero byte for the end of the text.
  if (!text.starts_with('{') || text.find('\0') != std::string_view::npos)
    refuse("safetensors header is not a JSON object", where);
  HeaderHandler handler(text.size(), where);
  nlohmann::json::sax_parse(text, &handler);
  return handler.take();
}

}  // namespace dydit::checkpoint
