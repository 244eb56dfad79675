// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "byte_reader.h"
#include "forms.h"
#include "sections.h"

namespace dydit::checkpoint {

namespace {

using Json = nlohmann::json;

constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t largest_header = 100'000'000;  // as the reference library
constexpr std::size_t longest_text = 16 << 20;         // the JSON library takes six times as much for it

/// One tensor of a header. The bytes count from the end of the header and are not yet checked.
struct HeaderEntry {
  DType type;
  std::vector<std::int64_t> shape;
  std::int64_t begin, end;
};

struct Header {
  std::map<std::string, HeaderEntry> entries;
  Metadata metadata;
};

/// Follows the one form that a header may have, refuses at once whatever does not fit where the parser stands, and
/// keeps of its values those of one entry alone.
class HeaderParser {
 public:
  HeaderParser(std::size_t size, const std::string& where) : where_(where), budget_((16 << 20) + 4 * size) {}

  /// Called by the JSON library for each part of the text; false for what it need not keep.
  bool follow(int depth, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    const bool in_metadata = depth > 1 && name_ == metadata_key;
    if (event == Event::key) {
      take_key(depth, std::move(value.get_ref<std::string&>()));  // which may be nearly the whole header
    } else if (event == Event::object_start) {
      if (depth > 1) fail("nests an object where none may be");
      fields_ = 0;
    } else if (event == Event::array_start) {
      if (depth != 2 || in_metadata || field_ == "dtype") fail("nests an array where none may be");
      numbers_ = 0;
    } else if (event == Event::value) {
      if (depth == 3)
        take_number(value);
      else if (depth == 1 || !value.is_string() || (!in_metadata && field_ != "dtype"))
        fail(fmt::format("has {} where none may be", value.type_name()));
      if (in_metadata) header_.metadata[field_] = std::move(value.get_ref<std::string&>());
    } else if (event == Event::object_end && depth == 1) {
      if (name_ != metadata_key) take_entry(value);
      return false;
    }
    return !in_metadata;
  }
  Header take() { return std::move(header_); }
  [[noreturn]] void fail(const std::string& what) const { refuse("safetensors header " + what, where_); }

 private:
  void take_key(int depth, std::string&& key) {
    constexpr std::size_t node_size = 32;  // of a map, beside the value
    std::string& text = depth == 1 ? name_ : field_;
    text = std::move(key);
    bool is_new = true;
    if (depth == 1)
      is_new = text == metadata_key ? !std::exchange(has_metadata_, true) : !header_.entries.contains(text);
    else if (name_ == metadata_key)
      is_new = header_.metadata.try_emplace(text).second;
    else
      is_new = ++fields_ <= 3;  // the three that are needed are each there once
    if (!is_new) fail("holds " + printable(text) + " twice, or more than it may");
    charge(sizeof(decltype(header_.entries)::value_type) + sizeof(Tensors::value_type) + 2 * node_size);
  }

  void take_number(const Json& value) {
    constexpr std::size_t most = 64;  // dimensions
    constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > largest || ++numbers_ > most)
      fail("has what is no integer of 63 bits, or too many");
    charge(2 * sizeof(std::int64_t));
  }

  void take_entry(const Json& entry) {
    const auto type = entry.find("dtype"), shape = entry.find("shape"), offsets = entry.find("data_offsets");
    if (type == entry.end() || shape == entry.end() || offsets == entry.end() || offsets->size() != 2)
      fail("lacks dtype, shape or two data_offsets of " + printable(name_));
    const auto& type_name = type->get_ref<const std::string&>();
    const auto known = dtype_named(type_name);
    if (!known) fail(fmt::format("gives {} the unsupported type {}", printable(name_), printable(type_name)));
    header_.entries.emplace(std::move(name_),
                            HeaderEntry{*known, shape->get<std::vector<std::int64_t>>(),
                                        offsets->at(0).get<std::int64_t>(), offsets->at(1).get<std::int64_t>()});
  }

  /// What an entry and its tensor take: a header of empty tensors would else become many times its size.
  void charge(std::size_t bytes) {
    if (bytes > budget_) fail("describes far too many tensors for its size");
    budget_ -= bytes;
  }

  const std::string& where_;
  std::size_t budget_;
  Header header_;
  bool has_metadata_ = false;
  std::string name_, field_;              // where the parser stands
  std::size_t fields_ = 0, numbers_ = 0;  // of the entry and of the list there
};

/// Of the names and texts of a header.
void require_short_texts(std::string_view json, const std::string& where) {
  bool inside = false;
  for (std::size_t at = 0, begin = 0; at < json.size(); ++at) {
    if (inside && json[at] == '\\')
      ++at;  // what is escaped ends no text
    else if (json[at] == '"')
      inside = !inside, begin = at;
    if (inside && at - begin > longest_text)
      refuse(fmt::format("safetensors header has a text of more than {} MiB", longest_text >> 20), where);
  }
}

/// The JSON header: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__":
/// {"key": "text"}}. Throws InputError, about the file `where`, for what is not JSON in UTF-8 of exactly this form:
/// other or missing fields, a name twice, numbers that are not integers of 63 bits, deeper nesting.
Header parse_header(std::string_view text, const std::string& where) {
  // The JSON library takes a zero byte for the end of the text.
  if (!text.starts_with('{') || text.find('\0') != std::string_view::npos)
    refuse("safetensors header is not a JSON object", where);
  require_short_texts(text, where);
  HeaderParser parser(text.size(), where);
  try {
    const Json rest = Json::parse(
        text, [&](int depth, Json::parse_event_t event, Json& value) { return parser.follow(depth, event, value); });
  } catch (const Json::parse_error& error) {
    parser.fail(fmt::format("is not JSON at byte {}", error.byte));
  } catch (const Json::exception&) {
    parser.fail("has a number that is none");
  }
  return parser.take();
}

using Named = std::pair<const std::string, HeaderEntry>;

/// The entries must tile the data: each begins where the one before it ends, the last ends with the file.
void check_layout(const Header& header, std::size_t data_size, const std::string& where) {
  std::vector<const Named*> order;
  for (const Named& named : header.entries) order.push_back(&named);
  std::ranges::sort(order, {}, [](const Named* named) { return std::pair(named->second.begin, named->second.end); });
  std::int64_t expected = 0;
  for (const Named* named : order) {
    const auto& [type, shape, begin, end] = named->second;
    if (begin != expected || end < begin)
      refuse(fmt::format("tensor {} begins at byte {} of the data where {} is expected", printable(named->first), begin,
                         expected),
             where);
    if (bytes_of(type, shape) != end - begin)
      refuse(fmt::format("tensor {} of type {} and shape {} has {} bytes", printable(named->first), name_of(type),
                         to_string(shape), end - begin),
             where);
    expected = end;
  }
  if (static_cast<std::size_t>(expected) != data_size)
    refuse(fmt::format("tensors of {} bytes in all where {} bytes of data are", expected, data_size), where);
}

/// A file of which one tensor after another can be taken: the others are neither copied nor read.
class Reader {
 public:
  /// Checks the header. Throws InputError as `read_safetensors` does.
  explicit Reader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
    const std::string where = file_->path().string();
    ByteReader reader(file_->bytes(), "safetensors header", where);
    const auto length = reader.number<std::uint64_t>();
    if (length > reader.left()) reader.fail(fmt::format("claims {} bytes where {} are left", length, reader.left()));
    if (length > largest_header) reader.fail(fmt::format("has {} bytes, more than {}", length, largest_header));
    header_ = parse_header(reader.text(length), where);
    data_ = reader.take(reader.left());
    check_layout(header_, data_.size(), where);
  }

  const Header& header() const { return header_; }
  /// A view where the tensor is aligned, else a copy.
  Tensor tensor(const HeaderEntry& entry) const {
    const auto bytes =
        data_.subspan(static_cast<std::size_t>(entry.begin), static_cast<std::size_t>(entry.end - entry.begin));
    if (aligned(bytes, entry.type)) return {entry.type, entry.shape, bytes, file_};
    return Tensor::copy_of(entry.type, entry.shape, bytes);
  }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::span<const std::byte> data_;
  Header header_;
};

using Order = std::vector<const Tensors::value_type*>;

Order order_of(const Tensors& tensors) {
  Order order;
  for (const auto& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return size_of(a->second.type) > size_of(b->second.type); });
  return order;
}

std::string header_of(const Order& order, const Metadata& metadata) {
  std::vector<std::string> fields;
  if (!metadata.empty()) fields.push_back(fmt::format("\"{}\":{}", metadata_key, Json(metadata).dump()));
  std::size_t begin = 0;
  for (const auto* named : order) {
    const auto& [name, tensor] = *named;
    const std::size_t end = begin + tensor.bytes.size();
    fields.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", Json(name).dump(),
                                 name_of(tensor.type), fmt::join(tensor.shape, ","), begin, end));
    begin = end;
  }
  std::string header = fmt::format("{{{}}}", fmt::join(fields, ","));
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

Checkpoint open_safetensors(std::shared_ptr<const MappedFile> file, Weights weights) {
  const std::string where = file->path().string();
  const Reader reader(std::move(file));
  const auto is_one = [](std::int64_t size) { return size == 1; };
  Sections sections(where);
  for (const auto& [name, entry] : reader.header().entries)
    sections.add(nullptr, "", name, std::ranges::all_of(entry.shape, is_one));
  const Section section = sections.choose(weights);
  Checkpoint chosen{
      .tensors = {}, .metadata = reader.header().metadata, .weights = sections.describe(section), .config = {}};
  for (const auto& [name, entry] : reader.header().entries)
    if (prefix_of(name) == section.prefix)
      chosen.tensors.emplace(name.substr(section.prefix.size()), reader.tensor(entry));
  return chosen;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  auto mapped = std::make_shared<const MappedFile>(path);
  const Reader reader(mapped);
  SafetensorsFile result{.tensors = {}, .metadata = reader.header().metadata, .mapped = std::move(mapped)};
  for (const auto& [name, entry] : reader.header().entries) result.tensors.emplace(name, reader.tensor(entry));
  return result;
}

void write_safetensors(const std::filesystem::path& path, const Tensors& tensors, const Metadata& metadata) {
  for (const auto& [name, tensor] : tensors)
    if (name == metadata_key || bytes_of(tensor.type, tensor.shape) != static_cast<std::int64_t>(tensor.bytes.size()))
      throw RunError(fmt::format("tensor {} cannot be written: shape {} with {} bytes", printable(name),
                                 to_string(tensor.shape), tensor.bytes.size()),
                     path.string());
  const Order order = order_of(tensors);
  std::string header;
  try {
    header = header_of(order, metadata);
  } catch (const Json::exception&) {
    throw RunError("a tensor's name or the metadata is not UTF-8", path.string());
  }
  const std::uint64_t length = header.size();
  write_atomically(path, [&](const Append& append) {
    append(std::as_bytes(std::span(&length, 1)));
    append(std::as_bytes(std::span(header)));
    for (const auto* named : order) append(named->second.bytes);
  });
}

}  // namespace dydit::checkpoint
