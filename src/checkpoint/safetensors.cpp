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

constexpr const char* metadata_key = "__metadata__";
constexpr std::uint64_t largest_header = 100'000'000;  // as the reference library

/// One tensor of a header. The offsets count from the end of the header and are not yet checked.
struct HeaderEntry {
  std::optional<DType> type;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<std::vector<std::int64_t>> offsets;
};

struct Header {
  std::map<std::string, HeaderEntry> entries;  ///< every field is there, with two offsets
  Metadata metadata;
};

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

/// The JSON header: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ..., "__metadata__": {"key":
/// "text"}}. Throws InputError, about the file `where`, for what is not JSON in UTF-8 of exactly this form: other or missing
/// fields, a name twice, numbers that are not integers of 63 bits, deeper nesting.
Header parse_header(std::string_view text, const std::string& where) {
  // The JSON library takes a zero byte for the end of the text.
  if (!text.starts_with('{') || text.find('\0') != std::string_view::npos)
    refuse("safetensors header is not a JSON object", where);
  HeaderHandler handler(text.size(), where);
  nlohmann::json::sax_parse(text, &handler);
  return handler.take();
}

using Named = std::pair<const std::string, HeaderEntry>;

/// The entries must tile the data: each begins where the one before it ends, the last ends with the file.
void check_layout(const Header& header, std::size_t data_size, const std::string& where) {
  std::vector<const Named*> order;
  for (const Named& named : header.entries) order.push_back(&named);
  std::sort(order.begin(), order.end(),
            [](const Named* a, const Named* b) { return a->second.offsets < b->second.offsets; });
  std::int64_t end = 0;
  for (const Named* named : order) {
    const auto& [type, shape, offsets] = named->second;
    const std::int64_t first = offsets->at(0), last = offsets->at(1);
    if (first != end || last < first)
      refuse(fmt::format("tensor {} begins at byte {} of the data where {} is expected",
                         printable(named->first), first, end),
             where);
    if (bytes_of(*type, *shape) != last - first)
      refuse(fmt::format("tensor {} of type {} and shape {} has {} bytes", printable(named->first),
                         name_of(*type), to_string(*shape), last - first),
             where);
    end = last;
  }
  if (static_cast<std::size_t>(end) != data_size)
    refuse(fmt::format("tensors of {} bytes in all where {} bytes of data are", end, data_size), where);
}

/// A file of which one tensor after another can be taken: the others are neither copied nor read.
class Reader {
 public:
  /// Checks the header. Throws InputError as `read_safetensors` does.
  explicit Reader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
    const std::string where = file_->path().string();
    ByteReader reader(file_->bytes(), "safetensors header", where);
    const auto length = reader.number<std::uint64_t>();
    if (length > std::min<std::uint64_t>(reader.left(), largest_header))
      reader.fail(fmt::format("claims {} bytes where {} are left", length, reader.left()));
    header_ = parse_header(reader.text(length), where);
    data_ = reader.take(reader.left());
    check_layout(header_, data_.size(), where);
  }

  const Header& header() const { return header_; }
  /// A view where the tensor is aligned, else a copy.
  Tensor tensor(const HeaderEntry& entry) const {
    const auto begin = static_cast<std::size_t>(entry.offsets->at(0)), end = static_cast<std::size_t>(entry.offsets->at(1));
    const auto bytes = data_.subspan(begin, end - begin);
    if (aligned(bytes, *entry.type)) return {*entry.type, *entry.shape, bytes, file_};
    return Tensor::copy_of(*entry.type, *entry.shape, bytes);
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
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.type) > size_of(b->second.type);
  });
  return order;
}

std::string header_of(const Order& order, const Metadata& metadata) {
  std::vector<std::string> fields;
  if (!metadata.empty())
    fields.push_back(fmt::format("\"{}\":{}", metadata_key, nlohmann::json(metadata).dump()));
  std::size_t begin = 0;
  for (const auto* named : order) {
    const auto& [name, tensor] = *named;
    const std::size_t end = begin + tensor.bytes.size();
    fields.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                                 nlohmann::json(name).dump(), name_of(tensor.type),
                                 fmt::join(tensor.shape, ","), begin, end));
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
    sections.add(nullptr, "", name, std::ranges::all_of(*entry.shape, is_one));
  const Section section = sections.choose(weights);
  Checkpoint chosen{.tensors = {},
                    .metadata = reader.header().metadata,
                    .weights = sections.describe(section),
                    .config = {}};
  for (const auto& [name, entry] : reader.header().entries)
    if (prefix_of(name) == section.prefix)
      chosen.tensors.emplace(name.substr(section.prefix.size()), reader.tensor(entry));
  return chosen;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const Reader reader(std::make_shared<const MappedFile>(path));
  SafetensorsFile result{.tensors = {}, .metadata = reader.header().metadata};
  for (const auto& [name, entry] : reader.header().entries)
    result.tensors.emplace(name, reader.tensor(entry));
  return result;
}

void write_safetensors(const std::filesystem::path& path, const Tensors& tensors, const Metadata& metadata) {
  for (const auto& [name, tensor] : tensors)
    if (name == metadata_key ||
        bytes_of(tensor.type, tensor.shape) != static_cast<std::int64_t>(tensor.bytes.size()))
      throw RunError(fmt::format("tensor {} cannot be written: shape {} with {} bytes", printable(name),
                                 to_string(tensor.shape), tensor.bytes.size()),
                     path.string());
  const Order order = order_of(tensors);
  std::string header;
  try {
    header = header_of(order, metadata);
  } catch (const nlohmann::json::exception&) {
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
