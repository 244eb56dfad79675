// SPDX-License-Identifier: Apache-2.0
// Kernels and ranges as people read them.
#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "analysis/kernels.h"

namespace dydit::analysis {

namespace {

bool in_identifier(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view without_suffix(std::string_view name) {
  for (const std::string_view suffix :
       {"_cuda_kernel", "_kernel_cuda", "CUDAKernelImpl", "KernelImpl", "_kernel", "Functor"})
    if (name.size() > suffix.size() && name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
  return name;
}

/// Of the template arguments of a generic kernel the first name that says what is computed; empty for none.
std::string_view telling(std::string_view arguments) {
  constexpr std::array<std::string_view, 3> wrappers{"AUnaryFunctor", "BUnaryFunctor", "BinaryFunctor"};
  for (std::size_t at = 0; at < arguments.size();) {
    if (!in_identifier(arguments[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < arguments.size() && in_identifier(arguments[end])) ++end;
    const std::string_view name = arguments.substr(at, end - at);
    at = end;
    if (name.starts_with("gpu_kernel_impl") || std::ranges::find(wrappers, name) != wrappers.end()) continue;
    if (name.find("kernel") != name.npos || name.find("Kernel") != name.npos || name.find("Functor") != name.npos ||
        name.starts_with("launch_"))
      return name;
  }
  return {};
}

}  // namespace

std::string short_kernel(const std::string& kernel) {
  constexpr std::string_view result = "void ", nameless = "(anonymous namespace)::";
  std::string text = kernel;
  if (text.starts_with(result)) text.erase(0, result.size());
  for (std::size_t at = text.find(nameless); at != text.npos; at = text.find(nameless, at))
    text.erase(at, nameless.size());
  const std::size_t end = text.find_first_of("<(");
  if (end == 0 || end == text.npos || text[end - 1] == ' ') return kernel;  // "Memcpy DtoH (Device -> Pinned)"
  const std::string_view whole = text;
  std::string_view name = whole.substr(0, end);
  if (const std::size_t scope = name.rfind("::"); scope != name.npos) name = name.substr(scope + 2);
  if (name.find("elementwise_kernel") != name.npos || name == "reduce_kernel")
    if (const std::string_view inner = telling(whole.substr(end)); !inner.empty()) name = inner;
  return name.empty() ? kernel : std::string(without_suffix(name));
}

std::string kernel_role(const std::string& kernel) {
  const std::string name = short_kernel(kernel);
  const auto digit = [&](std::size_t at) {
    return at < name.size() && std::isdigit(static_cast<unsigned char>(name[at])) != 0;
  };
  for (std::size_t at = name.find('_'); at != name.npos; at = name.find('_', at + 1)) {  // "_192x128"
    std::size_t end = at + 1;
    while (digit(end)) ++end;
    if (at > 0 && end > at + 1 && end < name.size() && name[end] == 'x' && digit(end + 1)) return name.substr(0, at);
  }
  return name;
}

std::string short_range(const std::string& range) {
  constexpr std::string_view pass = "pass/";
  if (range.empty()) return "outside of ranges";
  return range.starts_with(pass) && range.size() > pass.size() ? range.substr(pass.size()) : range;
}

std::string cut(const std::string& text, std::size_t letters) {
  std::size_t count = 0, last = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((text[at] & 0xC0) == 0x80) continue;
    if (++count == letters) last = at;
    if (count > letters) return text.substr(0, last) + "…";
  }
  return text;
}

}  // namespace dydit::analysis
