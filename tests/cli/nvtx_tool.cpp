// SPDX-License-Identifier: Apache-2.0
// A tool that listens to NVTX: loaded through NVTX_INJECTION64_PATH, it writes the ranges of the domain "dydit" to
// stderr, each with its thread.
#include <nvtx3/nvToolsExt.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

namespace {

int domain;  // its address is the handle

void tell(const char* what, const char* name) {
  char line[160];
  const int length = std::snprintf(line, sizeof line, "nvtx %d %s %s\n", static_cast<int>(gettid()), what, name);
  [[maybe_unused]] const auto written = write(STDERR_FILENO, line, static_cast<std::size_t>(length));
}

nvtxDomainHandle_t create(const char* name) {
  return std::string_view(name) == "dydit" ? reinterpret_cast<nvtxDomainHandle_t>(&domain) : nullptr;
}
int push(nvtxDomainHandle_t of, const nvtxEventAttributes_t* event) {
  if (reinterpret_cast<int*>(of) == &domain) tell("push", event->message.ascii);
  return 0;
}
int pop(nvtxDomainHandle_t of) {
  if (reinterpret_cast<int*>(of) == &domain) tell("pop", "");
  return 0;
}

template <typename Function>
void set(NvtxFunctionTable table, unsigned which, Function* function) {
  *table[which] = reinterpret_cast<NvtxFunctionPointer>(function);
}

}  // namespace

extern "C" int InitializeInjectionNvtx2(NvtxGetExportTableFunc_t get_table) {
  const auto* callbacks = static_cast<const NvtxExportTableCallbacks*>(get_table(NVTX_ETID_CALLBACKS));
  NvtxFunctionTable table = nullptr;
  unsigned size = 0;
  if (callbacks == nullptr || callbacks->GetModuleFunctionTable(NVTX_CB_MODULE_CORE2, &table, &size) == 0) return 0;
  set(table, NVTX_CBID_CORE2_DomainCreateA, create);
  set(table, NVTX_CBID_CORE2_DomainRangePushEx, push);
  set(table, NVTX_CBID_CORE2_DomainRangePop, pop);
  return 1;
}
