// SPDX-License-Identifier: Apache-2.0
#include "torch_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "byte_reader.h"
#include "strided.h"

namespace dydit::checkpoint {

namespace {

constexpr std::string_view first_version = "torch._utils._rebuild_tensor",
                           second_version = "torch._utils._rebuild_tensor_v2";

/// Rebuilds one tensor after another; errors name the tensor.
class Rebuilder {
 public:
  Rebuilder(const TorchForm& form, const std::shared_ptr<const MappedFile>& file)
      : form_(form),
        file_(file),
        where_(file->path().string()),
        copy_budget_(file->bytes().size()),
        description_budget_((4 << 20) + 2 * file->bytes().size()) {}

  Tensor rebuild(std::string_view name, const Value& value) {
    name_ = name;
    const Strided strided = describe(value);
    constexpr std::size_t node_size = 32;  // of a map, beside the value
    const std::size_t described =
        node_size + sizeof(Tensors::value_type) + strided.shape.size() * sizeof(std::int64_t);
    if (described > description_budget_) fail("is one of far too many for the file's size");
    description_budget_ -= described;
    if (const auto fault = fault_of(strided)) fail(*fault);
    const auto size = static_cast<std::size_t>(*bytes_of(strided.type, strided.shape));
    const auto view =
        strided.storage.subspan(static_cast<std::size_t>(strided.offset) * size_of(strided.type));
    if (contiguous(strided) && aligned(view, strided.type))
      return {strided.type, strided.shape, view.first(size), file_};
    if (size > copy_budget_) fail("is one of too many that share a storage");
    copy_budget_ -= size;
    const auto copy = std::make_shared_for_overwrite<std::byte[]>(size);
    if (contiguous(strided))
      std::memcpy(copy.get(), view.data(), size);
    else
      gather(strided, copy.get());
    return {strided.type, strided.shape, {copy.get(), size}, copy};
  }

 private:
  /// The arguments of both rebuilding functions: storage, offset, sizes, strides; the newer one has two more
  /// that do not matter here.
  Strided describe(const Value& value) const {
    const Node* const call = node_of(value, Node::Kind::call);
    const std::string_view callee = call == nullptr ? "" : call->callee->name;
    if (callee != first_version && callee != second_version) fail("is not a tensor");
    const auto& arguments = arguments_of(*call).items;
    if (arguments.size() != (callee == first_version ? 4 : 6)) fail("is rebuilt in an unknown way");
    const auto [type, storage] = storage_of(arguments[0]);
    return {type, storage, integer(arguments[1]), integers(arguments[2]), integers(arguments[3])};
  }

  std::pair<DType, std::span<const std::byte>> storage_of(const Value& value) const {
    const Node* const node = node_of(value, Node::Kind::persistent);
    const auto reference = node == nullptr ? std::nullopt : storage_reference(*node);
    if (!reference) fail("has no sound storage");
    const auto& [type, key, elements, offset, length] = *reference;
    const auto bytes = form_.storage(key);
    if (!bytes) fail(fmt::format("has storage {}, which is not in the file", key));
    const auto size = bytes_of(type, std::array{elements});
    if (!size || static_cast<std::size_t>(*size) > bytes->size())
      fail(fmt::format("has storage {} of {} elements in {} bytes", key, elements, bytes->size()));
    return {type, bytes->subspan(static_cast<std::size_t>(offset) * size_of(type),
                                 static_cast<std::size_t>(length) * size_of(type))};
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

  const TorchForm& form_;
  const std::shared_ptr<const MappedFile>& file_;
  const std::string where_;
  std::size_t copy_budget_;
  std::size_t description_budget_;  ///< a few bytes may name a tensor once more
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

}  // namespace

TorchFile::TorchFile(std::shared_ptr<const MappedFile> file, TorchForm form)
    : file_(std::move(file)), form_(std::move(form)), root_(node_of(form_.pickle.root(), Node::Kind::dict)) {
  if (root_ == nullptr)
    refuse("pickle holds no dict of tensors", file_->path().string(), "save the model's state dict");
}

const Node* TorchFile::section(std::string_view key) const {
  for (std::size_t i = 0; i < root_->items.size(); i += 2)
    if (root_->items[i] == Value(key)) return node_of(root_->items[i + 1], Node::Kind::dict);
  return nullptr;
}

Tensors TorchFile::tensors(const Node& state_dict) const {
  const std::string where = file_->path().string();
  Rebuilder rebuilder(form_, file_);
  Tensors tensors;
  for (std::size_t i = 0; i < state_dict.items.size(); i += 2) {
    const auto* const name = std::get_if<std::string_view>(&state_dict.items[i]);
    if (name == nullptr || !is_utf8(*name)) refuse("state dict has a key that is not a name", where);
    if (!tensors.emplace(*name, rebuilder.rebuild(*name, state_dict.items[i + 1])).second)
      refuse("state dict holds " + printable(*name) + " twice", where);
  }
  return tensors;
}

}  // namespace dydit::checkpoint
