// SPDX-License-Identifier: Apache-2.0
// The .pt from before PyTorch 1.6: five pickles one after another (magic number, version of the form, the
// writer's byte order and sizes, the value, the list of the storages' keys), then the storages in the order
// of the list, each as its number of elements (8 bytes) and its bytes. The type of the elements is in the
// value.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "byte_reader.h"
#include "forms.h"

namespace dydit::checkpoint {

namespace {

using namespace std::literals;
using Bytes = std::span<const std::byte>;

constexpr std::string_view magic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // 0x1950a86a20f9469cfc6c
constexpr std::int64_t version = 1001;

void check_machine(const Value& machine, const std::string& where) {
  const Node* const facts = node_of(machine, Node::Kind::dict);
  for (std::size_t i = 0; facts != nullptr && i < facts->items.size(); i += 2)
    if (facts->items[i] == Value("little_endian"sv) && facts->items[i + 1] == Value(true)) return;
  refuse("tensors are not little-endian", where, "save the file again on a little-endian machine");
}

/// Every storage that the value refers to. The references to one storage must agree.
std::map<std::string_view, StorageReference> references_of(const Pickle& value, const std::string& where) {
  std::map<std::string_view, StorageReference> references;
  for (const Node& node : value.nodes) {
    if (node.kind != Node::Kind::persistent) continue;
    const auto reference = storage_reference(node);
    if (!reference) refuse("pickle refers to what is no storage", where);
    const auto [known, is_new] = references.emplace(reference->key, *reference);
    if (known->second.type != reference->type || known->second.elements != reference->elements)
      refuse(fmt::format("storage {} is said to be two things", reference->key), where);
  }
  return references;
}

std::map<std::string, Bytes, std::less<>> storages_of(const Value& keys,
                                                      const std::map<std::string_view, StorageReference>& references,
                                                      Bytes data, const std::string& where) {
  const Node* const list = node_of(keys, Node::Kind::list);
  if (list == nullptr) refuse("file holds no list of storages", where);
  ByteReader reader(data, "data of the storages", where);
  std::map<std::string, Bytes, std::less<>> storages;
  for (const Value& item : list->items) {
    const auto* const key = std::get_if<std::string_view>(&item);
    const auto found = key == nullptr ? references.end() : references.find(*key);
    if (found == references.end()) refuse("file holds a storage that no tensor refers to", where);
    const auto& [type, name, elements, offset, length] = found->second;
    const auto size = bytes_of(type, std::array{elements});
    if (reader.number<std::uint64_t>() != static_cast<std::uint64_t>(elements) || !size)
      reader.fail(fmt::format("gives storage {} another length than its {} elements", name, elements));
    if (!storages.emplace(name, reader.take(static_cast<std::uint64_t>(*size))).second)
      refuse(fmt::format("file holds storage {} twice", name), where);
  }
  if (reader.left() != 0) reader.fail("goes on after the last storage");
  return storages;
}

}  // namespace

bool is_legacy(std::string_view text) {
  constexpr std::size_t before = 13;  // most bytes that a protocol writes before the number's digits
  return text.starts_with('\x80') && text.substr(0, before + magic.size()).find(magic) != text.npos;
}

TorchForm open_legacy(std::shared_ptr<const MappedFile> file) {
  const std::string where = file->path().string();
  Bytes rest = file->bytes();
  const auto next = [&] {
    Pickle pickle = parse_pickle(rest.first(std::min(rest.size(), largest_pickle)), allowed_globals(), where);
    rest = rest.subspan(pickle.size);
    return pickle;
  };
  if (next().root != Value(magic)) refuse("not a .pt file, though it begins as one", where);
  if (next().root != Value(version)) refuse(".pt file of an unknown version", where);
  check_machine(next().root, where);
  Pickle value = next();
  const Pickle keys = next();
  auto storages = storages_of(keys.root, references_of(value, where), rest, where);
  return {std::move(value), [storages = std::move(storages)](std::string_view key) -> std::optional<Bytes> {
            const auto found = storages.find(key);
            return found == storages.end() ? std::nullopt : std::optional(found->second);
          }};
}

}  // namespace dydit::checkpoint
