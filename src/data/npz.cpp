// SPDX-License-Identifier: Apache-2.0
#include "data/npz.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "npy.h"
#include "zip_handle.h"

namespace dydit::data {

namespace {

constexpr std::size_t most_whole = std::size_t{256} << 20U;

}  // namespace

struct Npz::File {
  explicit File(const std::filesystem::path& path) : mapped(path), zip(open_handle(mapped)) {}
  MappedFile mapped;
  Zip zip;
};

struct NpzArray::Open {
  std::string where;
  ZipFile file;
  NpyHeader header;
  std::string first;  // bytes that were read with the header, from `used` on elements
  std::size_t used = 0, left = 0;

  // Throws InputError unless all of them are there.
  void take(std::byte* to, std::size_t count) {
    while (count > 0) {
      const auto taken = zip_fread(file.get(), to, count);
      if (taken < 0) throw InputError("broken array", where, zip_file_strerror(file.get()));
      if (taken == 0) throw InputError("broken array", where, "it ends too early");
      to += taken;
      count -= static_cast<std::size_t>(taken);
    }
  }
};

NpzArray::NpzArray(std::unique_ptr<Open> open) : open_(std::move(open)) {}
NpzArray::NpzArray(NpzArray&&) noexcept = default;
NpzArray::~NpzArray() = default;
checkpoint::DType NpzArray::type() const { return open_->header.type; }
const std::vector<std::int64_t>& NpzArray::shape() const { return open_->header.shape; }

void NpzArray::read(std::span<std::byte> bytes) {
  Open& o = *open_;
  if (bytes.size() > o.left) throw InputError("broken array", o.where, "it has fewer elements");
  o.left -= bytes.size();
  const std::size_t there = std::min(bytes.size(), o.first.size() - o.used);
  std::ranges::copy(std::as_bytes(std::span(o.first).subspan(o.used, there)), bytes.begin());
  o.used += there;
  o.take(bytes.data() + there, bytes.size() - there);
  if (o.left > 0) return;
  char beyond;  // the checksum is compared when the end is met
  if (const auto rest = zip_fread(o.file.get(), &beyond, 1); rest != 0)
    throw InputError("broken array", o.where, rest < 0 ? zip_file_strerror(o.file.get()) : "it has more elements");
}

Npz::Npz(const std::filesystem::path& path) : file_(std::make_unique<File>(path)) {}
Npz::Npz(Npz&&) noexcept = default;
Npz::~Npz() = default;

bool Npz::has(const std::string& name) const {
  return zip_name_locate(file_->zip.get(), (name + ".npy").c_str(), 0) >= 0;
}

NpzArray Npz::open(const std::string& name) const {
  auto o = std::make_unique<NpzArray::Open>();
  o->where = file_->mapped.path().string() + ": " + name;
  const std::string entry = name + ".npy";
  zip_stat_t stat;
  if (zip_stat(file_->zip.get(), entry.c_str(), 0, &stat) != 0) throw InputError("an array is missing", o->where);
  for (auto i = zip_get_num_entries(file_->zip.get(), 0); --i > static_cast<zip_int64_t>(stat.index);)
    if (const char* name_of = zip_get_name(file_->zip.get(), static_cast<zip_uint64_t>(i), 0);
        name_of != nullptr && name_of == entry)
      throw InputError("an array is there twice", o->where);
  if (stat.size / most_expansion > stat.comp_size)
    throw InputError("broken array", o->where, fmt::format("it claims {} bytes", stat.size));
  o->file.reset(zip_fopen(file_->zip.get(), entry.c_str(), 0));
  if (o->file == nullptr) throw InputError("broken array", o->where, zip_strerror(file_->zip.get()));
  o->first.resize(std::min<std::uint64_t>(stat.size, npy_header_room));
  o->take(reinterpret_cast<std::byte*>(o->first.data()), o->first.size());
  o->header = parse_npy_header(o->first, o->where);
  o->used = o->header.begin;
  o->left = o->header.bytes;
  if (stat.size - o->header.begin != o->header.bytes)
    throw InputError("broken array", o->where,
                     fmt::format("{} bytes where its shape needs {}", stat.size - o->header.begin, o->header.bytes));
  return NpzArray(std::move(o));
}

checkpoint::Tensor Npz::read(const std::string& name) const {
  NpzArray array = open(name);
  if (array.open_->header.bytes > most_whole)
    throw InputError("the array is too large", array.open_->where, "at most 256 MiB are read at once");
  std::vector<std::byte> bytes(array.open_->header.bytes);
  array.read(bytes);
  return checkpoint::Tensor::copy_of(array.type(), array.shape(), bytes);
}

}  // namespace dydit::data
