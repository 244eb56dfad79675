// SPDX-License-Identifier: Apache-2.0
#include "forms.h"

#include <algorithm>
#include <array>

namespace dydit::checkpoint {

namespace {

using namespace std::literals;
using Role = Global::Role;

constexpr auto allowed = std::to_array<Global>({
    {"collections.OrderedDict", Role::mapping},
    {"argparse.Namespace", Role::mapping},
    {"torch._utils._rebuild_tensor_v2", Role::call},
    {"torch._utils._rebuild_tensor", Role::call},  // before PyTorch 0.4
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

std::optional<std::int64_t> integer(const Value& value) {
  const auto* const number = std::get_if<std::int64_t>(&value);
  return number != nullptr && *number >= 0 ? std::optional(*number) : std::nullopt;
}

}  // namespace

std::span<const Global> allowed_globals() { return allowed; }

std::optional<StorageReference> storage_reference(const Node& identifier) {
  const auto& items = arguments_of(identifier).items;
  if (items.size() != 5 && items.size() != 6) return std::nullopt;
  const auto* const kind = std::get_if<const Global*>(&items[1]);
  const auto* const key = std::get_if<std::string_view>(&items[2]);
  const auto elements = integer(items[4]);
  if (items[0] != Value("storage"sv) || kind == nullptr || !(*kind)->elements || key == nullptr || !elements)
    return std::nullopt;
  constexpr std::size_t longest_key = 20;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (key->empty() || key->size() > longest_key || !std::all_of(key->begin(), key->end(), digit)) return std::nullopt;
  StorageReference reference{*(*kind)->elements, *key, *elements, 0, *elements};
  if (items.size() == 5 || std::holds_alternative<std::monostate>(items[5])) return reference;
  const Node* const view = node_of(items[5], Node::Kind::tuple);
  if (view == nullptr || view->items.size() != 3) return std::nullopt;
  const auto offset = integer(view->items[1]), length = integer(view->items[2]);
  if (!offset || !length || *offset > *elements || *length > *elements - *offset) return std::nullopt;
  reference.offset = *offset;
  reference.length = *length;
  return reference;
}

}  // namespace dydit::checkpoint
