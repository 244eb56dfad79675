// SPDX-License-Identifier: Apache-2.0
// Python's pickle format, read as plain values. Nothing is executed or imported: a global is a row of a
// table that the caller gives, and a call of it is kept as a value, for the caller to understand.
//
// Memory is bounded by the pickle's size: texts stay in the file, numbers are checked before anything is
// allocated, nothing recurses (a value may contain itself), and what is kept is charged to a budget.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/tensor.h"

namespace dydit::checkpoint {

/// A class or function that a pickle may name, and what becomes of a call of it.
struct Global {
  enum class Role {
    mapping,         ///< a dict: empty, or called with a list of pairs; its attributes are dropped
    first_argument,  ///< what it is called with
    call,            ///< kept as a node
    constant,        ///< may be named, not called
  };
  std::string_view name;  ///< "module.name"
  Role role;
  std::optional<DType> elements = {};  ///< of a storage class
};

struct Node;
/// None, a number, text or bytes, a global, or a node. An integer wider than 64 bits is kept as its bytes.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string_view, const Global*, Node*>;

struct Node {
  enum class Kind { tuple, list, dict, call, persistent };
  Kind kind;
  const Global* callee = nullptr;  ///< of a call
  std::vector<Value> items = {};   ///< elements (a set is a list); keys and values in turn; the tuple of arguments
};

/// The node of this kind that `value` is, else nothing.
const Node* node_of(const Value& value, Node::Kind kind);
/// The tuple of arguments of a call or a persistent identifier.
const Node& arguments_of(const Node& node);

struct Pickle {
  std::deque<Node> nodes = {};  ///< every node there is, in the order of the file
  Value root = {};
  std::size_t size = 0;  ///< bytes up to the pickle's end
};

/// Parses protocols 2 to 5 (without out-of-band buffers), of Python 2 as well. `bytes` may go on after
/// the pickle, and must live longer than the result. Throws InputError, about the file `where`, for what
/// is malformed, too big or not in `allowed`.
Pickle parse_pickle(std::span<const std::byte> bytes, std::span<const Global> allowed, const std::string& where);

}  // namespace dydit::checkpoint
