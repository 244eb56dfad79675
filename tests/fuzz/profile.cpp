// SPDX-License-Identifier: Apache-2.0
// A profile, with what it says of models and trainings.
#include "run/profile.h"

#include "fuzz.h"
#include "dit/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dydit;
  const auto path = fuzz::write_input("input.toml", {reinterpret_cast<const char*>(data), size});
  const fuzz::HeapLimit limit(size, 16 << 20);
  fuzz::expect_error_or_success([&] {
    const run::Profile profile = run::read_profile(path);
    if (run::to_json(profile).dump().empty()) __builtin_trap();
    if (profile.loss_gap) run::timesteps_of(*profile.loss_gap);
    for (const run::ModelSpec& each : profile.models)
      if (!each.configuration.is_null()) dit::from_json(each.configuration);
  });
  return 0;
}
