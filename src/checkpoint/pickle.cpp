// SPDX-License-Identifier: Apache-2.0
#include "pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/bounds.h"
#include "byte_reader.h"

namespace dydit::checkpoint {

namespace {

// Python writes containers in batches of 1,000, so real files stay far below these.
constexpr std::size_t deepest_stack = 1 << 16, most_marks = 1 << 10;

// Bytes of values. One for each byte read, as descriptions and copies of tensors take up to three more.
constexpr std::size_t base_budget = 16 << 20, budget_per_byte = 1;

// The machine that a pickle is a program for: a stack with marks, a memo, and opcodes. Each operation throws InputError
// for what it refuses.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, std::span<const Global> allowed, const std::string& where,
          std::deque<Node>& nodes)
      : in_(bytes, "pickle", where), where_(where), allowed_(allowed), nodes_(nodes), size_(bytes.size()) {}

  Value run() {
    while (true) {
      const auto opcode = in_.number<std::uint8_t>();
      if (opcode == '.') break;  // STOP
      if (!scalar(opcode) && !container(opcode) && !object_or_memo(opcode))
        in_.fail(fmt::format("uses opcode 0x{:02x}, which is not allowed", opcode));
    }
    if (stack_.size() != 1 || !marks_.empty()) in_.fail("does not end with one value");
    return stack_.back();
  }
  // Bytes read so far.
  std::size_t consumed() const { return size_ - in_.left(); }

 private:
  // What each opcode does, one a line. The opcodes are those of Python's pickletools; left out are those of the text
  // protocols 0 and 1 (but for INT), and those never written for the values that checkpoints hold.
  // clang-format off
  bool scalar(std::uint8_t opcode) {
    switch (opcode) {
      case 'N':  push({}); return true;                                                      // NONE
      case 0x88: push(true); return true;                                                    // NEWTRUE
      case 0x89: push(false); return true;                                                   // NEWFALSE
      case 'I':  push_decimal(in_.line()); return true;                                      // INT, Python 2's above 32 bits
      case 'J':  push(std::int64_t{std::int32_t(in_.number<std::uint32_t>())}); return true; // BININT
      case 'K':  push(std::int64_t{in_.number<std::uint8_t>()}); return true;                // BININT1
      case 'M':  push(std::int64_t{in_.number<std::uint16_t>()}); return true;               // BININT2
      case 0x8a: push_integer(in_.number<std::uint8_t>()); return true;                      // LONG1
      case 0x8b: push_integer(in_.number<std::uint32_t>()); return true;                     // LONG4
      case 'G':  push(std::bit_cast<double>(__builtin_bswap64(in_.number<std::uint64_t>()))); return true;  // BINFLOAT
      case 'U':                                                                              // SHORT_BINSTRING
      case 'C':                                                                              // SHORT_BINBYTES
      case 0x8c: push(in_.text(in_.number<std::uint8_t>())); return true;                    // SHORT_BINUNICODE
      case 'T':                                                                              // BINSTRING
      case 'B':                                                                              // BINBYTES
      case 'X':  push(in_.text(in_.number<std::uint32_t>())); return true;                   // BINUNICODE
      case 0x8e:                                                                             // BINBYTES8
      case 0x8d: push(in_.text(in_.number<std::uint64_t>())); return true;                   // BINUNICODE8
      default:   return false;
    }
  }

  bool container(std::uint8_t opcode) {
    using Kind = Node::Kind;
    switch (opcode) {
      case '(':  push_mark(); return true;                                                   // MARK
      case '0':  pop(); return true;                                                         // POP
      case '1':  pop_values(pop_mark()); return true;                                        // POP_MARK
      case ')':  push_node({Kind::tuple}); return true;                                      // EMPTY_TUPLE
      case 0x85:                                                                             // TUPLE1
      case 0x86:                                                                             // TUPLE2
      case 0x87: push_node({Kind::tuple, nullptr, pop_values(opcode - 0x84u)}); return true; // TUPLE3
      case 0x91:                                                                             // FROZENSET
      case 't':  push_node({Kind::tuple, nullptr, pop_values(pop_mark())}); return true;     // TUPLE
      case 0x8f:                                                                             // EMPTY_SET
      case ']':  push_node({Kind::list}); return true;                                       // EMPTY_LIST
      case 'a':  extend(Kind::list, 1); return true;                                         // APPEND
      case 0x90:                                                                             // ADDITEMS
      case 'e':  extend(Kind::list, pop_mark()); return true;                                // APPENDS
      case '}':  push_node({Kind::dict}); return true;                                       // EMPTY_DICT
      case 's':  extend(Kind::dict, 2); return true;                                         // SETITEM
      case 'u':  extend(Kind::dict, pop_mark()); return true;                                // SETITEMS
      default:   return false;
    }
  }

  bool object_or_memo(std::uint8_t opcode) {
    switch (opcode) {
      case 'c':  { const auto module = in_.line(); push_global(module, in_.line()); return true; }          // GLOBAL
      case 0x93: { const auto name = pop_name(); push_global(pop_name(), name); return true; }              // STACK_GLOBAL
      case 'R':                                                                              // REDUCE
      case 0x81: call(); return true;                                                        // NEWOBJ
      case 'b':  set_attributes(); return true;                                              // BUILD
      case 'Q':  push_node({Node::Kind::persistent, nullptr, {pop_node(Node::Kind::tuple, "a tuple")}}); return true;  // BINPERSID
      case 0x80: require_protocol(in_.number<std::uint8_t>()); return true;                  // PROTO
      case 0x95: require_left(in_.number<std::uint64_t>()); return true;                     // FRAME
      case 'q':  store(in_.number<std::uint8_t>()); return true;                             // BINPUT
      case 'r':  store(in_.number<std::uint32_t>()); return true;                            // LONG_BINPUT
      case 0x94: store(first_stored_ + memo_.size()); return true;                           // MEMOIZE
      case 'h':  load(in_.number<std::uint8_t>()); return true;                              // BINGET
      case 'j':  load(in_.number<std::uint32_t>()); return true;                             // LONG_BINGET
      default:   return false;
    }
  }
  // clang-format on

  void require_protocol(int protocol) const {
    if (protocol > 5) in_.fail("has an unknown protocol");
  }
  void require_left(std::uint64_t bytes) const {
    if (bytes > in_.left()) in_.fail("ends too early");
  }

  void push(Value value) {
    if (stack_.size() == deepest_stack) in_.fail("nests too deep");
    stack_.push_back(value);
  }

  void push_mark() {
    if (marks_.size() == most_marks) in_.fail("nests too deep");
    marks_.push_back(stack_.size());
  }

  // Values above the last mark.
  std::size_t height() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  Value& top() {
    if (height() == 0) in_.fail("takes a value from an empty stack");
    return stack_.back();
  }

  Value pop() {
    const Value value = top();
    stack_.pop_back();
    return value;
  }

  // The `count` values on top of the stack, none of them below the last mark.
  std::vector<Value> pop_values(std::size_t count) {
    if (count > height()) in_.fail("takes a value from an empty stack");
    charge(count * sizeof(Value));
    std::vector<Value> values(stack_.end() - std::ptrdiff_t(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return values;
  }

  std::size_t pop_mark() {
    if (marks_.empty()) in_.fail("ends a list that it never began");
    const std::size_t count = height();
    marks_.pop_back();
    return count;
  }

  template <typename T>
  T pop_as(const char* expected) {
    const Value value = pop();
    if (!std::holds_alternative<T>(value)) in_.fail(std::string("lacks ") + expected);
    return std::get<T>(value);
  }
  std::string_view pop_name() { return pop_as<std::string_view>("a name"); }

  Node* pop_node(Node::Kind kind, const char* expected) {
    Node* const node = pop_as<Node*>(expected);
    if (node->kind != kind) in_.fail(std::string("lacks ") + expected);
    return node;
  }

  void push_integer(std::uint64_t bytes) {
    const std::string_view digits = in_.text(bytes);
    if (digits.size() > sizeof(std::int64_t)) return push(digits);
    std::int64_t value = !digits.empty() && (digits.back() & 0x80) ? -1 : 0;
    std::memcpy(&value, digits.data(), digits.size());
    push(value);
  }

  void push_decimal(std::string_view digits) {
    const auto value = integer_of<std::int64_t>(digits);
    if (!value) in_.fail("has a number that is none");
    push(*value);
  }

  void push_node(Node node) {
    charge(sizeof(Node));
    push(&nodes_.emplace_back(std::move(node)));
  }

  // Adds the `count` values on top to the list or dict below them.
  void extend(Node::Kind kind, std::size_t count) {
    const std::vector<Value> values = pop_values(count);
    Node* const* target = std::get_if<Node*>(&top());
    if (target == nullptr || (*target)->kind != kind) in_.fail("adds to what is no list or dict");
    if (kind == Node::Kind::dict && count % 2 != 0) in_.fail("has a key without a value");
    append((*target)->items, values);
  }

  void push_global(std::string_view module, std::string_view name) {
    const std::string full = fmt::format("{}.{}", module, name);
    const auto row = std::ranges::find(allowed_, full, &Global::name);
    if (row == allowed_.end())
      refuse("pickle asks for " + printable(full) + ", which is not a part of weights", where_,
             "save the state dict alone, if the file is yours");
    push(&*row);
  }

  void call() {
    Node* const arguments = pop_node(Node::Kind::tuple, "a tuple");
    const auto* const callee = pop_as<const Global*>("a class");
    switch (callee->role) {
      case Global::Role::mapping:
        return push_node(arguments->items.empty() ? Node{Node::Kind::dict} : dict_of(*arguments));
      case Global::Role::first_argument:
        if (arguments->items.empty()) in_.fail(fmt::format("passes no argument to {}", callee->name));
        return push(arguments->items.front());
      case Global::Role::call:
        return push_node({Node::Kind::call, callee, {arguments}});
      case Global::Role::constant:
        in_.fail(fmt::format("calls {}", callee->name));
    }
  }

  // Python 2 writes an OrderedDict as a call with the list of its pairs, each a list.
  Node dict_of(const Node& arguments) {
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

  // Attributes (of an OrderedDict or a Namespace) hold nothing of the weights. They are checked and dropped.
  void set_attributes() {
    const Node* const state = pop_node(Node::Kind::dict, "a dict of attributes");
    charge(state->items.size() * sizeof(Value));  // bounds the time: the same state may be set again and again
    for (std::size_t i = 0; i < state->items.size(); i += 2) {
      const auto* const name = std::get_if<std::string_view>(&state->items[i]);
      if (name == nullptr || name->starts_with("__")) in_.fail("sets an attribute that is not plain");
    }
    if (node_of(top(), Node::Kind::dict) == nullptr) in_.fail("sets attributes of what is no object");
  }

  // Python numbers what it stores in order, so the memo never is larger than what was stored. Python 3
  // begins at 0, Python 2 at 1.
  void store(std::size_t index) {
    if (memo_.empty() && index == 1) first_stored_ = 1;
    if (index < first_stored_ || index - first_stored_ > memo_.size()) in_.fail("stores out of order");
    if (index - first_stored_ == memo_.size())
      append(memo_, {&top(), 1});
    else
      memo_[index - first_stored_] = top();
  }

  void load(std::size_t index) {
    if (index < first_stored_ || index - first_stored_ >= memo_.size()) in_.fail("refers to what it never stored");
    push(memo_[index - first_stored_]);
  }

  // Charges for every piece of memory that it takes: a vector that grows keeps the old one until it is copied.
  void append(std::vector<Value>& kept, std::span<const Value> more) {
    const std::size_t size = kept.size() + more.size();
    if (size > kept.capacity()) {
      const std::size_t grown = std::max(size, 2 * kept.capacity());
      charge(grown * sizeof(Value));
      kept.reserve(grown);
    }
    kept.insert(kept.end(), more.begin(), more.end());
  }

  void charge(std::size_t bytes) {
    spent_ += bytes;
    if (spent_ > base_budget + budget_per_byte * consumed()) in_.fail("would take far more memory than its size");
  }

  ByteReader in_;
  const std::string& where_;
  std::span<const Global> allowed_;
  std::deque<Node>& nodes_;
  std::size_t size_, spent_ = 0;
  std::vector<Value> stack_, memo_;
  std::size_t first_stored_ = 0;
  std::vector<std::size_t> marks_;
};

}  // namespace

const Node* node_of(const Value& value, Node::Kind kind) {
  const auto* const node = std::get_if<Node*>(&value);
  return node != nullptr && (*node)->kind == kind ? *node : nullptr;
}

const Node& arguments_of(const Node& node) { return *std::get<Node*>(node.items.front()); }

Pickle parse_pickle(std::span<const std::byte> bytes, std::span<const Global> allowed, const std::string& where) {
  Pickle pickle;
  Machine machine(bytes, allowed, where, pickle.nodes);
  pickle.root = machine.run();
  pickle.size = machine.consumed();
  return pickle;
}

}  // namespace dydit::checkpoint
