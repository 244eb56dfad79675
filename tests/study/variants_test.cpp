// SPDX-License-Identifier: Apache-2.0
#include "variants.h"

#include <ATen/record_function.h>

#include "catch.h"
#include "support.h"

using namespace dydit;

namespace {

int looked_up = 0;  // labels' rows

// How often a run of the variant looks up labels, which every conditioning does once.
int conditionings(const study::Variants& variants, const std::string& name) {
  const auto found = std::find_if(variants.all().begin(), variants.all().end(),
                                  [&](const instrument::Variant& variant) { return variant.name == name; });
  REQUIRE(found != variants.all().end());
  looked_up = 0;
  const auto count = at::addThreadLocalCallback(
      at::RecordFunctionCallback([](const at::RecordFunction& call) -> std::unique_ptr<at::ObserverContext> {
        if (std::string_view(call.name()) == "aten::embedding") ++looked_up;
        return nullptr;
      }).scopes({at::RecordScope::FUNCTION}));
  found->run(0);
  at::removeCallback(count);
  return looked_up;
}

}  // namespace

TEST_CASE("the fixed parts of a trained model are timed with a conditioning for each timestep") {
  torch::InferenceMode inference;
  study::Trained trained;
  trained.network = test::dynamic_model("trained").network;
  trained.family = &test::catalog().families.front();
  const auto& of = trained.network->architecture;
  trained.chunk.count = 2;
  trained.chunk.indices = {0, 1};
  trained.chunk.images = torch::zeros({2, of.channels, of.side, of.side});
  trained.chunk.labels = torch::zeros({2}, torch::kInt64);
  study::SpeedSetting setting{.spec = {}, .catalog = &test::catalog()};
  setting.spec.timesteps = 3;
  const study::Workload group{.model = "trained", .trained = &trained, .batch = 2};
  study::Variants variants(setting, group);
  const study::Cell cell{.engine = trained.family->engine("compact"), .which = study::Which::own};
  variants.add_cell(cell);
  REQUIRE(conditionings(variants, "dense all") == 3);
  CHECK(conditionings(variants, "dense all fixed") == 3);
  CHECK(conditionings(variants, "compact path fixed") == 3);
  CHECK(conditionings(variants, study::name_of(cell) + " fixed") == 3);
}
