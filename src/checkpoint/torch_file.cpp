// SPDX-License-Identifier: Apache-2.0
#include "forms.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "byte_reader.h"
#include "sections.h"

namespace dydit::checkpoint {

namespace {

constexpr std::string_view first_version = "torch._utils._rebuild_tensor",
                           second_version = "torch._utils._rebuild_tensor_v2";

bool is_tensor(const Value& value) {
  const Node* const call = node_of(value, Node::Kind::call);
  return call != nullptr && (call->callee->name == first_version || call->callee->name == second_version);
}

/// Whether the sizes of a tensor say that it has one element.
bool is_number(const Value& tensor) {
  const auto& arguments = arguments_of(*node_of(tensor, Node::Kind::call)).items;
  const Node* const sizes = arguments.size() > 2 ? node_of(arguments[2], Node::Kind::tuple) : nullptr;
  return sizes != nullptr &&
         std::ranges::all_of(sizes->items, [](const Value& size) { return size == Value(std::int64_t{1}); });
}

/// Looks through the dicts of a file, in a bounded number of steps: a pickle's dicts may contain themselves.
class Search {
 public:
  explicit Search(const std::string& where) : where_(where), sections_(where) {}

  void look_into(const Node& dict, const std::string& keys = "", int depth = 0) {
    for (std::size_t i = 0; i < dict.items.size(); i += 2) {
      step();
      const auto* const name = std::get_if<std::string_view>(&dict.items[i]);
      if (name == nullptr) continue;
      const Value& value = dict.items[i + 1];
      const Node* const inner = node_of(value, Node::Kind::dict);
      const Word word = word_of(*name);
      if (is_tensor(value))
        sections_.add(&dict, keys, *name, is_number(value));
      else if (word == Word::optimiser)
        continue;
      else if (inner != nullptr && word != Word::none && depth < most_words)
        look_into(*inner, fmt::format("{}{}.", keys, *name), depth + 1);
      else if (holds_tensors(value, most_words))
        sections_.add_unknown(keys, *name);
    }
  }
  const Sections& sections() const { return sections_; }

 private:
  /// An optimizer's state does not count, whatever its key.
  bool holds_tensors(const Value& value, int depth) {
    using namespace std::literals;
    if (is_tensor(value)) return true;
    const auto* const node = std::get_if<Node*>(&value);
    if (node == nullptr || depth == 0) return false;
    const auto& [kind, callee, items] = **node;
    if (kind == Node::Kind::call || kind == Node::Kind::persistent) return false;
    for (std::size_t i = 0; kind == Node::Kind::dict && i < items.size(); i += 2) {
      step();
      if (items[i] == Value("param_groups"sv)) return false;
    }
    return std::ranges::any_of(items, [&](const Value& item) {
      step();
      return holds_tensors(item, depth - 1);
    });
  }

  void step() {
    constexpr std::int64_t most_steps = 1 << 22;
    if (++steps_ > most_steps) refuse("file holds far too many entries beside its tensors", where_);
  }

  const std::string& where_;
  Sections sections_;
  std::int64_t steps_ = 0;
};

/// A tensor as PyTorch describes it: a storage seen through offset, sizes and strides.
struct Strided {
  DType type;
  std::span<const std::byte> storage;
  std::int64_t offset;  ///< in elements, as the strides
  std::vector<std::int64_t> shape, strides;
};

/// Distance of the last element from the first; nothing when a stride is negative or the sum does not fit.
std::optional<std::int64_t> reach_of(const Strided& strided) {
  std::int64_t reach = 0;
  for (std::size_t i = 0; i < strided.shape.size(); ++i) {
    std::int64_t part = 0;
    if (strided.strides[i] < 0 || __builtin_mul_overflow(strided.shape[i] - 1, strided.strides[i], &part) ||
        __builtin_add_overflow(reach, part, &reach))
      return std::nullopt;
  }
  return reach;
}

/// Why the tensor cannot be taken: sizes that do not fit, a reach outside the storage, or more elements
/// than the storage has (an expanded tensor). Nothing for a sound one.
std::optional<std::string> fault_of(const Strided& strided) {
  if (strided.shape.size() != strided.strides.size()) return "has sizes and strides that do not agree";
  if (!bytes_of(strided.type, strided.shape)) return "has sizes that no file can hold";
  const auto stored = static_cast<std::int64_t>(strided.storage.size() / size_of(strided.type));
  if (strided.offset < 0 || strided.offset > stored) return "begins outside its storage";
  const std::int64_t elements = *elements_of(strided.shape);
  if (elements == 0) return std::nullopt;
  const auto reach = reach_of(strided);
  if (!reach || *reach >= stored - strided.offset) return "reaches outside its storage";
  if (elements > stored) return "is expanded: it has more elements than its storage";
  return std::nullopt;
}

/// Whether the elements of a sound tensor lie in row-major order without gaps.
bool contiguous(const Strided& strided) {
  if (*elements_of(strided.shape) == 0) return true;  // the other sizes may have any product
  std::int64_t expected = 1;
  for (std::size_t i = strided.shape.size(); i-- > 0;) {
    if (strided.shape[i] != 1 && strided.strides[i] != expected) return false;
    expected *= strided.shape[i];
  }
  return true;
}

struct Dimension {
  std::int64_t size, stride;
};

/// Writes the elements of `storage` from `position` on in row-major order to `out`.
void gather(std::span<const std::byte> storage, std::size_t size, std::int64_t position,
            std::span<const Dimension> dimensions, std::byte*& out) {
  if (dimensions.empty()) {
    out = std::ranges::copy(storage.subspan(static_cast<std::size_t>(position) * size, size), out).out;
    return;
  }
  for (std::int64_t i = 0; i < dimensions.front().size; ++i)
    gather(storage, size, position + i * dimensions.front().stride, dimensions.subspan(1), out);
}

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
    const std::size_t described = node_size + sizeof(Tensors::value_type) + strided.shape.size() * sizeof(std::int64_t);
    if (described > description_budget_) fail("is one of far too many for the file's size");
    description_budget_ -= described;
    if (const auto fault = fault_of(strided)) fail(*fault);
    const auto size = static_cast<std::size_t>(*bytes_of(strided.type, strided.shape));
    const auto view = strided.storage.subspan(static_cast<std::size_t>(strided.offset) * size_of(strided.type));
    if (contiguous(strided) && aligned(view, strided.type))
      return {strided.type, strided.shape, view.first(size), file_};
    if (size > copy_budget_) fail("is one of too many that share a storage");
    copy_budget_ -= size;
    if (contiguous(strided)) return Tensor::copy_of(strided.type, strided.shape, view.first(size));
    const auto copy = std::make_shared_for_overwrite<std::byte[]>(size);
    std::vector<Dimension> dimensions;  // without those of size 1, whose stride means nothing
    for (std::size_t i = 0; i < strided.shape.size(); ++i)
      if (strided.shape[i] != 1) dimensions.push_back({strided.shape[i], strided.strides[i]});
    std::byte* out = copy.get();
    gather(strided.storage, size_of(strided.type), strided.offset, dimensions, out);
    return {strided.type, strided.shape, {copy.get(), size}, copy};
  }

 private:
  /// The arguments of both rebuilding functions: storage, offset, sizes, strides; the newer one has two more
  /// that do not matter here.
  Strided describe(const Value& value) const {
    const Node* const call = node_of(value, Node::Kind::call);
    const auto& arguments = arguments_of(*call).items;
    if (arguments.size() != (call->callee->name == first_version ? 4 : 6)) fail("is rebuilt in an unknown way");
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

Checkpoint open_torch(const std::shared_ptr<const MappedFile>& file, const TorchForm& form, Weights weights) {
  const std::string where = file->path().string();
  const Node* const root = node_of(form.pickle.root, Node::Kind::dict);
  if (root == nullptr) refuse("pickle holds no dict of tensors", where, "save the model's state dict");
  Search search(where);
  search.look_into(*root);
  const Section section = search.sections().choose(weights);
  const Node& dict = section.dict == nullptr ? *root : *section.dict;
  Rebuilder rebuilder(form, file);
  Checkpoint checkpoint{.tensors = {}, .metadata = {}, .weights = search.sections().describe(section), .config = {}};
  for (std::size_t i = 0; i < dict.items.size(); i += 2) {
    const auto* const name = std::get_if<std::string_view>(&dict.items[i]);
    const Value& value = dict.items[i + 1];
    if (name == nullptr || !is_utf8(*name)) refuse("state dict has a key that is not a name", where);
    if (word_of(*name) != Word::none && !is_tensor(value)) continue;  // another section, or an optimizer
    if (prefix_of(*name) != section.prefix) continue;
    if (!is_tensor(value))
      refuse(fmt::format("entry {} among the weights is not a tensor", printable(*name)), where,
             "save the tensors alone");
    if (!checkpoint.tensors.emplace(name->substr(section.prefix.size()), rebuilder.rebuild(*name, value)).second)
      refuse("state dict holds " + printable(*name) + " twice", where);
  }
  return checkpoint;
}

}  // namespace dydit::checkpoint
