// SPDX-License-Identifier: Apache-2.0
#include "npz.h"

#include <fmt/format.h>
#include <zlib.h>

#include <bit>

namespace dydit::sample {

namespace {

constexpr std::uint16_t version = 45, checksum_follows = 8, first_day = 33;  // with sizes of 64 bits; 1980-01-01
constexpr std::uint32_t in_extra_field = 0xFFFFFFFF;                         // where a size or an offset is

static_assert(std::endian::native == std::endian::little);

template <typename T>
void add(std::string& bytes, T number) {
  bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// All of the arguments in a row, each as wide as its type.
template <typename... T>
std::string fields(T... numbers) {
  std::string bytes;
  (add(bytes, numbers), ...);
  return bytes;
}

using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

}  // namespace

std::string npy_header(const std::string& type, const std::vector<std::int64_t>& shape) {
  std::string lengths;
  for (const std::int64_t length : shape) lengths += fmt::format("{}, ", length);
  if (shape.size() > 1) lengths.resize(lengths.size() - 2);
  if (shape.size() == 1) lengths.pop_back();  // "(3,)"
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", type, lengths);
  constexpr std::size_t before = 10, alignment = 64;
  text.append(alignment - 1 - (before + text.size()) % alignment, ' ');
  text += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + fields(static_cast<U16>(text.size())) + text;
}

void Npz::put(std::string_view bytes) {
  append_(std::as_bytes(std::span(bytes)));
  written_ += bytes.size();
}

void Npz::begin(const std::string& name, const std::string& type, const std::vector<std::int64_t>& shape) {
  end();
  entries_.push_back({.name = name + ".npy", .offset = written_});
  put(fields(U32{0x04034B50}, version, checksum_follows, U16{0}, U16{0}, first_day, U32{0}, in_extra_field,
             in_extra_field, static_cast<U16>(entries_.back().name.size()), U16{20}) +
      entries_.back().name + fields(U16{1}, U16{16}, U64{0}, U64{0}));
  const std::string header = npy_header(type, shape);
  write(std::as_bytes(std::span(header)));
}

void Npz::write(std::span<const std::byte> elements) {
  Entry& entry = entries_.back();
  entry.checksum =
      static_cast<U32>(::crc32_z(entry.checksum, reinterpret_cast<const Bytef*>(elements.data()), elements.size()));
  entry.size += elements.size();
  put({reinterpret_cast<const char*>(elements.data()), elements.size()});
}

void Npz::end() {
  if (entries_.empty()) return;
  const Entry& entry = entries_.back();
  put(fields(U32{0x08074B50}, entry.checksum, entry.size, entry.size));
}

void Npz::finish() {
  end();
  const U64 begin = written_, count = entries_.size();
  for (const Entry& entry : entries_)
    put(fields(U32{0x02014B50}, version, version, checksum_follows, U16{0}, U16{0}, first_day, entry.checksum,
               in_extra_field, in_extra_field, static_cast<U16>(entry.name.size()), U16{28}, U16{0}, U16{0}, U16{0},
               U32{0}, in_extra_field) +
        entry.name + fields(U16{1}, U16{24}, entry.size, entry.size, entry.offset));
  const U64 size = written_ - begin, end_of_entries = written_;
  put(fields(U32{0x06064B50}, U64{44}, version, version, U32{0}, U32{0}, count, count, size, begin));
  put(fields(U32{0x07064B50}, U32{0}, end_of_entries, U32{1}));
  put(fields(U32{0x06054B50}, U16{0}, U16{0}, static_cast<U16>(count), static_cast<U16>(count), static_cast<U32>(size),
             in_extra_field, U16{0}));
}

}  // namespace dydit::sample
