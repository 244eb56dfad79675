// SPDX-License-Identifier: Apache-2.0
#include "torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "byte_reader.h"
#include "strided.h"

namespace dydit::checkpoint {

namespace {

using Role = Global::Role;

constexpr std::string_view rebuild_tensor = "torch._utils._rebuild_tensor_v2";

/// Everything that a checkpoint may name: containers, tensors, and what a training script's arguments hold.
constexpr auto allowed = std::to_array<Global>({
    {"collections.OrderedDict", Role::mapping},
    {"argparse.Namespace", Role::mapping},
    {rebuild_tensor, Role::call},
    {"torch._utils._rebuild_parameter", Role::first_argument},
    {"torch.Size", Role::first_argument},
    {"torch.device", Role::call},
    {"torch.DoubleStorage", Role::constant, DType::f64},
    {"torch.FloatStorage", Role::constant, DType::f32},
    {"torch.HalfStorage", Role::constant, DType::f16},
    {"torch.BFloat16Storage", Role::constant, DType::bf16},
    {"torch.LongStorage", Role::constant, DType::i64},
    {"torch.IntStorage", Role::constant, DType::i32},
    {"torch.ShortStorage", Role::constant, DType::i16},
    {"torch.CharStorage", Role::constant, DType::i8},
    {"torch.ByteStorage", Role::constant, DType::u8},
    {"torch.BoolStorage", Role::constant, DType::boolean},
    {"torch.float64", Role::constant},
    {"torch.float32", Role::constant},
    {"torch.float16", Role::constant},
    {"torch.bfloat16", Role::constant},
    {"torch.int64", Role::constant},
    {"torch.int32", Role::constant},
    {"torch.int16", Role::constant},
    {"torch.int8", Role::constant},
    {"torch.uint8", Role::constant},
    {"torch.bool", Role::constant},
});

/// Rebuilds one tensor after another; errors name the tensor.
class Rebuilder {
 public:
  Rebuilder(const ZipArchive& archive, const std::string& folder, const std::string& where)
      : archive_(archive), folder_(folder), where_(where), copy_budget_(archive.file()->bytes().size()) {}

  Tensor rebuild(std::string_view name, const Value& value) {
    name_ = name;
    const Strided strided = describe(value);
    if (const auto fault = fault_of(strided)) fail(*fault);
    const auto size = static_cast<std::size_t>(*bytes_of(strided.type, strided.shape));
    const auto view =
        strided.storage.subspan(static_cast<std::size_t>(strided.offset) * size_of(strided.type));
    if (contiguous(strided) && aligned(view, strided.type))
      return {strided.type, strided.shape, view.first(size), archive_.file()};
    if (size > copy_budget_) fail("is one of too many that share a storage");
    copy_budget_ -= size;
    const auto copy = std::make_shared_for_overwrite<std::byte[]>(size);
    gather(strided, copy.get());
    return {strided.type, strided.shape, {copy.get(), size}, copy};
  }

 private:
  /// The arguments of _rebuild_tensor_v2: storage, offset, sizes, strides, and two that do not matter here.
  Strided describe(const Value& value) const {
    const Node* const call = node_of(value, Node::Kind::call);
    if (call == nullptr || call->callee->name != rebuild_tensor) fail("is not a tensor");
    const auto& arguments = arguments_of(*call).items;
    if (arguments.size() != 6) fail("is rebuilt in an unknown way");
    const auto [type, storage] = storage_of(arguments[0]);
    return {type, storage, integer(arguments[1]), integers(arguments[2]), integers(arguments[3])};
  }

  /// A storage's persistent identifier: ("storage", class, key, device, number of elements).
  std::pair<DType, std::span<const std::byte>> storage_of(const Value& value) const {
    const Node* const id = node_of(value, Node::Kind::persistent);
    if (id == nullptr || arguments_of(*id).items.size() != 5) fail("has no storage");
    const auto& items = arguments_of(*id).items;
    const auto* const kind = std::get_if<const Global*>(&items[1]);
    const auto* const key = std::get_if<std::string_view>(&items[2]);
    if (kind == nullptr || !(*kind)->elements || key == nullptr) fail("has no storage");
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    if (key->empty() || key->size() > 20 || !std::all_of(key->begin(), key->end(), digit))
      fail("has storage " + printable(*key) + ", which is not a number");
    const auto bytes = archive_.find(fmt::format("{}/data/{}", folder_, *key));
    if (!bytes) fail(fmt::format("has storage {}, which is not in the file", *key));
    const DType type = *(*kind)->elements;
    const std::int64_t elements = integer(items[4]);
    const auto size = bytes_of(type, std::array{elements});
    if (!size || static_cast<std::size_t>(*size) > bytes->size())
      fail(fmt::format("has storage {} of {} elements in {} bytes", *key, elements, bytes->size()));
    return {type, bytes->first(static_cast<std::size_t>(*size))};
  }

  std::int64_t integer(const Value& value) const {
    const auto* const number = std::get_if<std::int64_t>(&value);
    if (number == nullptr) fail("has a size that is not an integer");
    return *number;
  }

  std::vector<std::int64_t> integers(const Value& value) const {
    const Node* const tuple = node_of(value, Node::Kind::tuple);
    constexpr std::size_t most_dimensions = 64;  // as most of PyTorch's operators
    if (tuple == nullptr || tuple->items.size() > most_dimensions)
      fail("has sizes that are no tuple of a few integers");
    std::vector<std::int64_t> out;
    for (const Value& item : tuple->items) out.push_back(integer(item));
    return out;
  }

  [[noreturn]] void fail(const std::string& what) const {
    refuse(fmt::format("tensor {} {}", printable(name_), what), where_);
  }

  const ZipArchive& archive_;
  const std::string &folder_, &where_;
  std::size_t copy_budget_;
  std::string_view name_;
};

/// Names end up in JSON, which takes UTF-8 alone.
bool is_utf8(std::string_view text) {
  try {
    nlohmann::json(text).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

std::span<const std::byte> entry(const ZipArchive& archive, const std::string& name) {
  constexpr std::size_t largest = 100'000'000;  // as a safetensors header
  const auto bytes = archive.find(name);
  if (!bytes || bytes->size() > largest)
    refuse("zip archive without a sound " + printable(name), archive.file()->path().string());
  return *bytes;
}

}  // namespace

TorchFile::TorchFile(std::shared_ptr<const MappedFile> file)
    : archive_(std::move(file)),
      where_(archive_.file()->path().string()),
      folder_(archive_.folder_of("data.pkl")),
      pickle_(entry(archive_, folder_ + "/data.pkl"), allowed, where_),
      root_(node_of(pickle_.root(), Node::Kind::dict)) {
  const auto order = archive_.find(folder_ + "/byteorder");
  constexpr std::string_view little = "little";
  if (order && !std::ranges::equal(*order, std::as_bytes(std::span(little))))
    refuse("tensors are not little-endian", where_, "save the file again on a little-endian machine");
  if (root_ == nullptr) refuse("pickle holds no dict of tensors", where_, "save the model's state dict");
}

const Node* TorchFile::section(std::string_view key) const {
  for (std::size_t i = 0; i < root_->items.size(); i += 2)
    if (root_->items[i] == Value(key)) return node_of(root_->items[i + 1], Node::Kind::dict);
  return nullptr;
}

Tensors TorchFile::tensors(const Node& state_dict) const {
  Rebuilder rebuilder(archive_, folder_, where_);
  Tensors tensors;
  for (std::size_t i = 0; i < state_dict.items.size(); i += 2) {
    const auto* const name = std::get_if<std::string_view>(&state_dict.items[i]);
    if (name == nullptr || !is_utf8(*name)) refuse("state dict has a key that is not a name", where_);
    if (!tensors.emplace(*name, rebuilder.rebuild(*name, state_dict.items[i + 1])).second)
      refuse("state dict holds " + printable(*name) + " twice", where_);
  }
  return tensors;
}

}  // namespace dydit::checkpoint
