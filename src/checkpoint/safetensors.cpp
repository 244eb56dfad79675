// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/safetensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "byte_reader.h"
#include "safetensors_reader.h"

namespace dydit::checkpoint {

namespace {

constexpr std::uint64_t largest_header = 100'000'000;  // as the reference library

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

SafetensorsReader::SafetensorsReader(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
  const std::string where = file_->path().string();
  ByteReader reader(file_->bytes(), "safetensors header", where);
  const auto length = reader.number<std::uint64_t>();
  if (length > std::min<std::uint64_t>(reader.left(), largest_header))
    reader.fail(fmt::format("claims {} bytes where {} are left", length, reader.left()));
  header_ = parse_header(reader.text(length), where);
  data_ = reader.take(reader.left());
  check_layout(header_, data_.size(), where);
}

Tensor SafetensorsReader::tensor(const HeaderEntry& entry) const {
  const auto begin = static_cast<std::size_t>(entry.offsets->at(0)),
             end = static_cast<std::size_t>(entry.offsets->at(1));
  const auto bytes = data_.subspan(begin, end - begin);
  if (aligned(bytes, *entry.type)) return {*entry.type, *entry.shape, bytes, file_};
  return Tensor::copy_of(*entry.type, *entry.shape, bytes);
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const SafetensorsReader reader(std::make_shared<const MappedFile>(path));
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
