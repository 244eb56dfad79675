// SPDX-License-Identifier: Apache-2.0
// What each opcode does. The opcodes are those of Python's pickletools; left out are those of the text
// protocols 0 and 1 (but for INT), and those never written for the values that checkpoints hold.
#include <fmt/format.h>

#include "pickle_machine.h"

namespace dydit::checkpoint {

Value Machine::run() {
  while (true) {
    const auto opcode = in_.number<std::uint8_t>();
    if (opcode == '.') break;  // STOP
    if (!scalar(opcode) && !container(opcode) && !object(opcode) && !memo(opcode))
      in_.fail(fmt::format("uses opcode 0x{:02x}, which is not allowed", opcode));
  }
  if (stack_.size() != 1 || !marks_.empty()) in_.fail("does not end with one value");
  return stack_.back();
}

// One opcode a line.
// clang-format off
bool Machine::scalar(std::uint8_t opcode) {
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
    case 'G':  push_float(); return true;                                                  // BINFLOAT
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

bool Machine::container(std::uint8_t opcode) {
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
// clang-format on

bool Machine::object(std::uint8_t opcode) {
  switch (opcode) {
    case 'c': {  // GLOBAL
      const auto module = in_.line(), name = in_.line();
      push_global(module, name);
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const auto name = pop_as<std::string_view>("a name"), module = pop_as<std::string_view>("a name");
      push_global(module, name);
      return true;
    }
    case 'R':   // REDUCE
    case 0x81:  // NEWOBJ
      call();
      return true;
    case 'b':  // BUILD
      set_attributes();
      return true;
    case 'Q':  // BINPERSID
      push_node({Node::Kind::persistent, nullptr, {pop_node(Node::Kind::tuple, "a tuple")}});
      return true;
    default:
      return false;
  }
}

bool Machine::memo(std::uint8_t opcode) {
  const auto load = [&](std::size_t index) {
    if (index < first_stored_ || index - first_stored_ >= memo_.size())
      in_.fail("refers to what it never stored");
    push(memo_[index - first_stored_]);
  };
  switch (opcode) {
    case 0x80:  // PROTO
      if (in_.number<std::uint8_t>() > 5) in_.fail("has an unknown protocol");
      return true;
    case 0x95:  // FRAME
      if (in_.number<std::uint64_t>() > in_.left()) in_.fail("ends too early");
      return true;
    case 'q':  // BINPUT
      store(in_.number<std::uint8_t>());
      return true;
    case 'r':  // LONG_BINPUT
      store(in_.number<std::uint32_t>());
      return true;
    case 0x94:  // MEMOIZE
      store(first_stored_ + memo_.size());
      return true;
    case 'h':  // BINGET
      load(in_.number<std::uint8_t>());
      return true;
    case 'j':  // LONG_BINGET
      load(in_.number<std::uint32_t>());
      return true;
    default:
      return false;
  }
}

}  // namespace dydit::checkpoint
