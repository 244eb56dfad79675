// SPDX-License-Identifier: Apache-2.0
#include "instrument/nvtx.h"

#include <fmt/format.h>
#include <nvtx3/nvToolsExt.h>

namespace dydit::instrument {

namespace {

class NvtxRanges final : public RangeObserver {
 public:
  explicit NvtxRanges(nvtxDomainHandle_t domain) : domain_(domain) {}
  ~NvtxRanges() override { nvtxDomainDestroy(domain_); }
  NvtxRanges(const NvtxRanges&) = delete;
  NvtxRanges& operator=(const NvtxRanges&) = delete;

  Node begin(Node, const RangeInfo& range) noexcept override {
    if (range.shares) return silent;
    char text[64];
    const auto end = range.index < 0 ? fmt::format_to_n(text, sizeof text - 1, "{}", range.name)
                                     : fmt::format_to_n(text, sizeof text - 1, "{} {}", range.name, range.index);
    *end.out = '\0';
    nvtxEventAttributes_t event{};
    event.version = NVTX_VERSION;
    event.size = NVTX_EVENT_ATTRIB_STRUCT_SIZE;
    event.messageType = NVTX_MESSAGE_TYPE_ASCII;
    event.message.ascii = text;
    nvtxDomainRangePushEx(domain_, &event);
    return 0;
  }
  void end(Node node) noexcept override {
    if (node != silent) nvtxDomainRangePop(domain_);
  }
  std::vector<Step> path(Node) const override { return {}; }

 private:
  static constexpr Node silent = 1;  // of what the tool is not told

  nvtxDomainHandle_t domain_;
};

}  // namespace

std::unique_ptr<RangeObserver> nvtx_ranges() {
  const nvtxDomainHandle_t domain = nvtxDomainCreateA("dydit");
  return domain == nullptr ? nullptr : std::make_unique<NvtxRanges>(domain);
}

}  // namespace dydit::instrument
