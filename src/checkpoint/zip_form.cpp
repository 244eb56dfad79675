// SPDX-License-Identifier: Apache-2.0
// The .pt since PyTorch 1.6: a zip archive of stored (not compressed) entries, a pickle and the storages. Zip64 is
// understood: training files exceed 4 GiB. Checksums are not verified: that would read gigabytes which nobody asked
// for, and torch.save can be told to leave them out.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "byte_reader.h"
#include "forms.h"

namespace dydit::checkpoint {

namespace {

using Bytes = std::span<const std::byte>;

constexpr std::string_view end_signature = "PK\5\6";
constexpr std::uint32_t local_signature = 0x04034b50, entry_signature = 0x02014b50, end64_signature = 0x06064b50,
                        locator_signature = 0x07064b50;
constexpr std::size_t end_size = 22, locator_size = 20, entry_size = 46;
constexpr std::uint32_t in_zip64 = 0xffffffff;  // the real value is in a zip64 field

// Where the end record begins. It is the last thing in the file, but for a comment whose length it says.
std::size_t find_end(const MappedFile& file, const std::string& where) {
  constexpr std::size_t longest_comment = 0xffff;
  const std::string_view text = file.text();
  const std::size_t first = text.size() - std::min(text.size(), end_size + longest_comment);
  const std::string_view tail = text.substr(first);
  for (std::size_t at = tail.size(); at > 0 && (at = tail.rfind(end_signature, at - 1)) != tail.npos;) {
    if (tail.size() - at < end_size) continue;
    ByteReader length(file.bytes().subspan(first + at + end_size - sizeof(std::uint16_t)), "zip directory", where);
    if (length.number<std::uint16_t>() == length.left()) return first + at;
  }
  refuse("zip archive without its directory: the end of the file is missing", where);
}

// Replaces, in the order of the format, those values that are only in the zip64 field of `extra`.
void resolve_zip64(ByteReader extra, std::initializer_list<std::uint64_t*> values) {
  constexpr std::uint16_t zip64 = 1;
  while (extra.left() >= 4) {
    const auto id = extra.number<std::uint16_t>(), size = extra.number<std::uint16_t>();
    if (id != zip64) {
      extra.take(size);
      continue;
    }
    for (std::uint64_t* value : values)
      if (*value == in_zip64) *value = extra.number<std::uint64_t>();
    return;
  }
}

struct Directory {
  std::uint64_t entries, size, offset;
};

Directory locate_directory(const MappedFile& file, const std::string& where) {
  const Bytes bytes = file.bytes();
  const std::size_t end = find_end(file, where);
  ByteReader record(bytes.subspan(end), "zip directory", where);
  record.take(10);  // signature, disks, entries on this disk
  Directory directory{record.number<std::uint16_t>(), record.number<std::uint32_t>(), record.number<std::uint32_t>()};
  if (end >= locator_size &&
      (directory.entries == 0xffff || directory.size == in_zip64 || directory.offset == in_zip64)) {
    ByteReader locator(bytes.subspan(end - locator_size), "zip64 locator", where);
    if (locator.number<std::uint32_t>() == locator_signature) {
      locator.take(4);  // disk
      const auto at = locator.number<std::uint64_t>();
      if (at > end) locator.fail("leads out of the file");
      ByteReader end64(bytes.subspan(at), "zip64 directory", where);
      if (end64.number<std::uint32_t>() != end64_signature) end64.fail("is not where it should be");
      end64.take(28);  // size, versions, disks, entries on this disk
      directory = {end64.number<std::uint64_t>(), end64.number<std::uint64_t>(), end64.number<std::uint64_t>()};
    }
  }
  if (directory.offset > end || directory.size > end - directory.offset) record.fail("leads out of the file");
  if (directory.entries > directory.size / entry_size) record.fail("claims more entries than it holds");
  return directory;
}

class ZipArchive {
 public:
  // Reads the central directory alone. Throws InputError when it is malformed, or an entry is
  // compressed, encrypted or there twice.
  explicit ZipArchive(std::shared_ptr<const MappedFile> file) : file_(std::move(file)), where_(file_->path().string()) {
    const Directory directory = locate_directory(*file_, where_);
    ByteReader reader(file_->bytes().subspan(directory.offset, directory.size), "zip directory", where_);
    for (std::uint64_t i = 0; i < directory.entries; ++i) {
      if (reader.number<std::uint32_t>() != entry_signature) reader.fail("is malformed");
      reader.take(4);  // versions
      const bool encrypted = reader.number<std::uint16_t>() & 1;
      const auto method = reader.number<std::uint16_t>();
      reader.take(8);  // time, date, checksum
      std::uint64_t packed = reader.number<std::uint32_t>(), size = reader.number<std::uint32_t>();
      const auto name_length = reader.number<std::uint16_t>(), extra_length = reader.number<std::uint16_t>(),
                 comment_length = reader.number<std::uint16_t>();
      reader.take(8);  // disk, attributes
      std::uint64_t header = reader.number<std::uint32_t>();
      const auto name = reader.text(name_length);
      resolve_zip64(ByteReader(reader.take(extra_length), "zip64 field", where_), {&size, &packed, &header});
      reader.take(comment_length);
      if (method != 0 || encrypted || packed != size)
        refuse(fmt::format("zip entry {} is compressed or encrypted, which torch.save never does", printable(name)),
               where_);
      if (!entries_.emplace(name, Entry{size, header}).second)
        refuse("zip archive holds " + printable(name) + " twice", where_);
    }
  }

  // The bytes of an entry, in the mapping; nothing when there is no such entry. Throws InputError when
  // they do not lie within the file.
  std::optional<Bytes> find(std::string_view name) const {
    const auto entry = entries_.find(name);
    if (entry == entries_.end()) return std::nullopt;
    const auto [size, header] = entry->second;
    const Bytes bytes = file_->bytes();
    if (header > bytes.size()) refuse("zip entry " + printable(name) + " lies outside the file", where_);
    ByteReader reader(bytes.subspan(header), "zip entry " + printable(name), where_);
    if (reader.number<std::uint32_t>() != local_signature) reader.fail("is not where the directory says");
    reader.take(22);  // what the directory says as well
    const auto name_length = reader.number<std::uint16_t>(), extra_length = reader.number<std::uint16_t>();
    if (reader.text(name_length) != name) reader.fail("has another name than the directory says");
    reader.take(extra_length);
    return reader.take(size);
  }

  // The one entry whose name is a folder followed by `/name`: that folder. Throws InputError when there is
  // none, or more.
  std::string_view folder_of(std::string_view name) const {
    std::optional<std::string_view> folder;
    for (const auto& [entry, place] : entries_) {
      const auto slash = entry.find('/');
      if (slash == std::string_view::npos || entry.substr(slash + 1) != name) continue;
      if (folder) refuse("zip archive holds more than one " + printable(name), where_);
      folder = entry.substr(0, slash);
    }
    if (!folder) refuse("zip archive without " + printable(name) + ": not written by torch.save", where_);
    return *folder;
  }

 private:
  struct Entry {
    std::uint64_t size, header;
  };
  std::shared_ptr<const MappedFile> file_;
  std::string where_;
  std::map<std::string_view, Entry> entries_;
};

}  // namespace

TorchForm open_zip(std::shared_ptr<const MappedFile> file) {
  const std::string where = file->path().string();
  const auto archive = std::make_shared<const ZipArchive>(std::move(file));
  const std::string folder(archive->folder_of("data.pkl")), name = folder + "/data.pkl";
  const auto order = archive->find(folder + "/byteorder");
  constexpr std::string_view little = "little";
  if (order && !std::ranges::equal(*order, std::as_bytes(std::span(little))))
    refuse("tensors are not little-endian", where, "save the file again on a little-endian machine");
  const auto pickle = archive->find(name);
  if (!pickle || pickle->size() > largest_pickle) refuse("zip archive without a sound " + printable(name), where);
  return {parse_pickle(*pickle, allowed_globals(), where),
          [archive, folder](std::string_view key) { return archive->find(fmt::format("{}/data/{}", folder, key)); }};
}

}  // namespace dydit::checkpoint
