// SPDX-License-Identifier: Apache-2.0
// The machine that a pickle is a program for: a stack with marks, a memo, and opcodes.
#pragma once

#include "byte_reader.h"
#include "pickle.h"

namespace dydit::checkpoint {

class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::span<const Global> allowed, const std::string& where,
          std::deque<Node>& nodes)
      : in_(bytes, "pickle", where), where_(where), allowed_(allowed), nodes_(nodes), size_(bytes.size()) {}

  /// Runs to the end. Throws InputError for an unknown opcode and whatever the operations refuse.
  Value run();
  /// Bytes read so far.
  std::size_t consumed() const { return size_ - in_.left(); }

 private:
  // Bytes of values. One for each byte read, as descriptions and copies of tensors take up to three more.
  static constexpr std::size_t base_budget = 16 << 20, budget_per_byte = 1;

  bool scalar(std::uint8_t opcode);
  bool container(std::uint8_t opcode);
  bool object(std::uint8_t opcode);
  bool memo(std::uint8_t opcode);

  void push(Value value);
  void push_mark();
  Value pop();
  Value& top();
  /// The `count` values on top of the stack, none of them below the last mark.
  std::vector<Value> pop_values(std::size_t count);
  std::size_t pop_mark();
  template <typename T>
  T pop_as(const char* expected) {
    const Value value = pop();
    if (!std::holds_alternative<T>(value)) in_.fail(std::string("lacks ") + expected);
    return std::get<T>(value);
  }
  Node* pop_node(Node::Kind kind, const char* expected);

  void push_integer(std::uint64_t bytes);
  void push_decimal(std::string_view digits);
  void push_float();
  void push_node(Node node);
  void extend(Node::Kind kind, std::size_t count);
  void push_global(std::string_view module, std::string_view name);
  void call();
  Node dict_of(const Node& arguments);
  void set_attributes();
  void store(std::size_t index);
  void append(std::vector<Value>& kept, std::span<const Value> more);
  void charge(std::size_t bytes);

  ByteReader in_;
  std::string where_;
  std::span<const Global> allowed_;
  std::deque<Node>& nodes_;
  std::size_t size_, spent_ = 0;
  std::vector<Value> stack_, memo_;
  std::size_t first_stored_ = 0;
  std::vector<std::size_t> marks_;
};

}  // namespace dydit::checkpoint
