// SPDX-License-Identifier: Apache-2.0
#include "npy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "base/error.h"
#include "base/file.h"

namespace dydit::data {

namespace {

using checkpoint::DType;

constexpr auto types = std::to_array<std::pair<std::string_view, DType>>({{"<f8", DType::f64},
                                                                          {"<f4", DType::f32},
                                                                          {"<f2", DType::f16},
                                                                          {"<i8", DType::i64},
                                                                          {"<i4", DType::i32},
                                                                          {"<i2", DType::i16},
                                                                          {"|i1", DType::i8},
                                                                          {"|u1", DType::u8}});

struct Fields {
  std::string_view type, order, shape;
  std::size_t begin;  // of the elements
};

// Cuts off and returns what stands before `mark`, which goes too.
std::string_view take_until(std::string_view& text, std::string_view mark, const std::string& where) {
  const std::size_t length = text.find(mark);
  if (length == text.npos) throw InputError("unexpected .npy header", where);
  const std::string_view taken = text.substr(0, length);
  text.remove_prefix(length + mark.size());
  return taken;
}

Fields split(std::string_view file, const std::string& where) {
  const auto need = [&](std::size_t bytes) {
    if (file.size() < bytes) throw InputError("the .npy file ends too early", where);
  };
  need(10);
  if (!file.starts_with("\x93NUMPY")) throw InputError("not an .npy file", where);
  const int version = file[6];
  if (version != 1 && version != 2) throw InputError(fmt::format(".npy version {}", version), where);
  const std::size_t begin = version == 1 ? 10 : 12;
  need(begin);
  std::size_t length = 0;
  for (std::size_t i = begin; i-- > 8;) length = length << 8U | static_cast<unsigned char>(file[i]);
  need(begin + length);

  // The keys in the order in which every writer sorts them.
  std::string_view header = file.substr(begin, length);
  const std::string_view start = take_until(header, "{'descr': '", where);
  const std::string_view type = take_until(header, "', 'fortran_order': ", where);
  const std::string_view order = take_until(header, ", 'shape': (", where);
  const std::string_view shape = take_until(header, "), }", where);
  if (!start.empty() || header.find_first_not_of(" \n") != header.npos)
    throw InputError("unexpected .npy header", where);
  return {type, order, shape, begin + length};
}

std::vector<std::int64_t> parse_shape(std::string_view text, const std::string& where) {
  std::vector<std::int64_t> shape;
  const char *next = text.data(), *const end = next + text.size();
  while (next != end) {
    if (*next == ' ' || *next == ',') {
      ++next;
      continue;
    }
    std::int64_t length = 0;
    const auto [stop, error] = std::from_chars(next, end, length);
    if (error != std::errc() || length < 0) throw InputError("bad shape in the .npy header", where);
    shape.push_back(length);
    next = stop;
  }
  return shape;
}

}  // namespace

NpyHeader parse_npy_header(std::string_view file, const std::string& where) {
  const auto [type, order, shape, begin] = split(file, where);
  const auto known = std::ranges::find(types, type, &decltype(types)::value_type::first);
  if (known == types.end())
    throw InputError(fmt::format(".npy of type '{}', which is not read", type), where,
                     "write '<f4', '<f8' or '<f2', labels as integers");
  if (order != "False") throw InputError(".npy not in C order", where, "write it in C order");

  NpyHeader header{.type = known->second, .shape = parse_shape(shape, where), .begin = begin};
  const auto bytes = checkpoint::bytes_of(header.type, header.shape);
  if (!bytes) throw InputError("the .npy shape is too large", where);
  header.bytes = static_cast<std::size_t>(*bytes);
  return header;
}

checkpoint::Tensor read_npy(const std::filesystem::path& path) {
  const std::string where = path.string(), file = read_file(path);
  const NpyHeader header = parse_npy_header(file, where);
  const std::string_view elements = std::string_view(file).substr(header.begin);
  if (header.bytes != elements.size())
    throw InputError(fmt::format(".npy with {} bytes of data where its shape needs {}", elements.size(), header.bytes),
                     where);
  return checkpoint::Tensor::copy_of(header.type, header.shape, std::as_bytes(std::span(elements)));
}

}  // namespace dydit::data
