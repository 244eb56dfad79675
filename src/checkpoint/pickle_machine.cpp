// SPDX-License-Identifier: Apache-2.0
#include "pickle_machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

namespace dydit::checkpoint {

// Python writes containers in batches of 1,000, so real files stay far below these.
constexpr std::size_t deepest_stack = 1 << 16, most_marks = 1 << 10;

void Machine::push(Value value) {
  if (stack_.size() == deepest_stack) in_.fail("nests too deep");
  stack_.push_back(value);
}

void Machine::push_mark() {
  if (marks_.size() == most_marks) in_.fail("nests too deep");
  marks_.push_back(stack_.size());
}

Value& Machine::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) in_.fail("takes a value from an empty stack");
  return stack_.back();
}

Value Machine::pop() {
  const Value value = top();
  stack_.pop_back();
  return value;
}

std::vector<Value> Machine::pop_values(std::size_t count) {
  if (count > stack_.size() - (marks_.empty() ? 0 : marks_.back()))
    in_.fail("takes a value from an empty stack");
  charge(count * sizeof(Value));
  std::vector<Value> values(stack_.end() - std::ptrdiff_t(count), stack_.end());
  stack_.resize(stack_.size() - count);
  return values;
}

std::size_t Machine::pop_mark() {
  if (marks_.empty()) in_.fail("ends a list that it never began");
  const std::size_t count = stack_.size() - marks_.back();
  marks_.pop_back();
  return count;
}

Node* Machine::pop_node(Node::Kind kind, const char* expected) {
  Node* const node = pop_as<Node*>(expected);
  if (node->kind != kind) in_.fail(std::string("lacks ") + expected);
  return node;
}

void Machine::push_integer(std::uint64_t bytes) {
  const std::string_view digits = in_.text(bytes);
  if (digits.size() > sizeof(std::int64_t)) return push(digits);
  std::int64_t value = !digits.empty() && (digits.back() & 0x80) ? -1 : 0;
  std::memcpy(&value, digits.data(), digits.size());
  push(value);
}

void Machine::push_decimal(std::string_view digits) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) in_.fail("has a number that is none");
  push(value);
}

void Machine::push_float() {
  push(std::bit_cast<double>(__builtin_bswap64(in_.number<std::uint64_t>())));
}

void Machine::push_node(Node node) {
  charge(sizeof(Node));
  push(&nodes_.emplace_back(std::move(node)));
}

/// Adds the `count` values on top to the list or dict below them.
void Machine::extend(Node::Kind kind, std::size_t count) {
  const std::vector<Value> values = pop_values(count);
  Node* const* target = std::get_if<Node*>(&top());
  if (target == nullptr || (*target)->kind != kind) in_.fail("adds to what is no list or dict");
  if (kind == Node::Kind::dict && count % 2 != 0) in_.fail("has a key without a value");
  append((*target)->items, values);
}

void Machine::push_global(std::string_view module, std::string_view name) {
  const std::string full = fmt::format("{}.{}", module, name);
  const auto row =
      std::find_if(allowed_.begin(), allowed_.end(), [&](const Global& each) { return each.name == full; });
  if (row == allowed_.end())
    refuse("pickle asks for " + printable(full) + ", which is not a part of weights", where_,
           "save the state dict alone, if the file is yours");
  push(&*row);
}

void Machine::call() {
  Node* const arguments = pop_node(Node::Kind::tuple, "a tuple");
  const auto* const callee = pop_as<const Global*>("a class");
  switch (callee->role) {
    case Global::Role::mapping:
      if (arguments->items.empty()) return push_node({Node::Kind::dict});
      return push_node(dict_of(*arguments));
    case Global::Role::first_argument:
      if (arguments->items.empty()) in_.fail(fmt::format("passes no argument to {}", callee->name));
      return push(arguments->items.front());
    case Global::Role::call:
      return push_node({Node::Kind::call, callee, {arguments}});
    case Global::Role::constant:
      in_.fail(fmt::format("calls {}", callee->name));
  }
}

/// Python 2 writes an OrderedDict as a call with the list of its pairs, each a list.
Node Machine::dict_of(const Node& arguments) {
  const Node* const pairs =
      arguments.items.size() == 1 ? node_of(arguments.items.front(), Node::Kind::list) : nullptr;
  if (pairs == nullptr) in_.fail("passes other arguments than pairs to a dict");
  Node dict{Node::Kind::dict};
  for (const Value& item : pairs->items) {
    const Node* const pair = node_of(item, Node::Kind::list);
    if (pair == nullptr || pair->items.size() != 2) in_.fail("passes other arguments than pairs to a dict");
    append(dict.items, pair->items);
  }
  return dict;
}

/// Attributes (of an OrderedDict or a Namespace) hold nothing of the weights. They are checked and dropped.
void Machine::set_attributes() {
  const Node* const state = pop_node(Node::Kind::dict, "a dict of attributes");
  charge(state->items.size() * sizeof(Value));  // bounds the time: the same state may be set again and again
  for (std::size_t i = 0; i < state->items.size(); i += 2) {
    const auto* const name = std::get_if<std::string_view>(&state->items[i]);
    if (name == nullptr || name->starts_with("__")) in_.fail("sets an attribute that is not plain");
  }
  if (node_of(top(), Node::Kind::dict) == nullptr) in_.fail("sets attributes of what is no object");
}

/// Python numbers what it stores in order, so the memo never is larger than what was stored. Python 3
/// begins at 0, Python 2 at 1.
void Machine::store(std::size_t index) {
  if (memo_.empty() && index == 1) first_stored_ = 1;
  if (index < first_stored_ || index - first_stored_ > memo_.size()) in_.fail("stores out of order");
  if (index - first_stored_ < memo_.size()) {
    memo_[index - first_stored_] = top();
    return;
  }
  append(memo_, {&top(), 1});
}

/// Charges for every piece of memory that it takes: a vector that grows keeps the old one until it is copied.
void Machine::append(std::vector<Value>& kept, std::span<const Value> more) {
  const std::size_t size = kept.size() + more.size();
  if (size > kept.capacity()) {
    const std::size_t grown = std::max(size, 2 * kept.capacity());
    charge(grown * sizeof(Value));
    kept.reserve(grown);
  }
  kept.insert(kept.end(), more.begin(), more.end());
}

void Machine::charge(std::size_t bytes) {
  spent_ += bytes;
  if (spent_ > base_budget + budget_per_byte * consumed())
    in_.fail("would take far more memory than its size");
}

const Node* node_of(const Value& value, Node::Kind kind) {
  const auto* const node = std::get_if<Node*>(&value);
  return node != nullptr && (*node)->kind == kind ? *node : nullptr;
}

const Node& arguments_of(const Node& node) {
  return *std::get<Node*>(node.items.front());
}

Pickle::Pickle(std::span<const std::byte> bytes, std::span<const Global> allowed, const std::string& where) {
  Machine machine(bytes, allowed, where, nodes_);
  root_ = machine.run();
  size_ = machine.consumed();
}

}  // namespace dydit::checkpoint
